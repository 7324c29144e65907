#include "auth/access_tokens.hpp"

#include "auth/encoding.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <atomic>
#include <deque>
#include <thread>
#include <variant>
#include <vector>

namespace kernel::auth {
namespace {

constexpr std::int64_t now = 1'800'000'000;
const std::string secret(32, 'k'), other_secret(32, 'o');
const AccessClaims claims{"0190-user", "0190-session", "member", now, now + 900};

/// What an attacker (or a bug) could put together.
std::string token_of(const std::string& header, const std::string& payload, const std::string& key) {
  const std::string signed_part = base64url(header) + '.' + base64url(payload);
  unsigned char tag[32];
  unsigned int length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(signed_part.data()), signed_part.size(), tag, &length);
  return signed_part + '.' + base64url({reinterpret_cast<const char*>(tag), length});
}

class AccessTokensTest : public ::testing::Test {
 protected:
  bool accepts(const std::string& token) const {
    return std::holds_alternative<AccessClaims>(tokens_.verify(token, now + 1));
  }
  std::string header() const { return R"({"alg":"HS256","typ":"JWT","kid":")" + SigningKey(secret).id + R"("})"; }
  static std::string payload(const std::string& audience = "atrium") {
    return R"({"iss":")" + audience + R"(","aud":")" + audience +
           R"(","sub":"u","sid":"s","role":"admin","iat":1800000000,"exp":1800000900})";
  }
  AccessTokens tokens_{{SigningKey(secret)}};
};

TEST_F(AccessTokensTest, a_token_gives_back_its_claims) {
  const auto verdict = tokens_.verify(tokens_.issue(claims), now + 899);
  const auto* read = std::get_if<AccessClaims>(&verdict);
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->user_id, claims.user_id);
  EXPECT_EQ(read->session_id, claims.session_id);
  EXPECT_EQ(read->role, claims.role);
  EXPECT_EQ(read->expires_at, claims.expires_at);
}

TEST_F(AccessTokensTest, a_standard_library_would_make_the_same_signature) {
  EXPECT_TRUE(accepts(token_of(header(), payload(), secret)));
}

TEST_F(AccessTokensTest, it_ends_at_its_expiry) {
  EXPECT_EQ(std::get<TokenFault>(tokens_.verify(tokens_.issue(claims), now + 900)), TokenFault::expired);
}

TEST_F(AccessTokensTest, no_other_algorithm_counts) {
  const std::string kid = SigningKey(secret).id;
  for (const std::string alg : {"none", "None", "HS384", "HS512", "RS256", "hs256", ""}) {
    const std::string head = R"({"alg":")" + alg + R"(","typ":"JWT","kid":")" + kid + R"("})";
    EXPECT_FALSE(accepts(token_of(head, payload(), secret))) << alg;
    EXPECT_FALSE(accepts(base64url(head) + '.' + base64url(payload()) + '.')) << alg;
    EXPECT_FALSE(accepts(base64url(head) + '.' + base64url(payload()))) << alg;
  }
}

TEST_F(AccessTokensTest, no_header_of_another_form_counts_even_with_our_signature) {
  const std::string kid = SigningKey(secret).id;
  for (const std::string& head :
       {std::string(R"({"alg":"HS256","typ":"JWT"})"),
        std::string(R"({"alg":"HS256","typ":"JWT","kid":"../../dev/null"})"),
        std::string(R"({"alg":"HS256","typ":"JWT","kid":""})"), R"({"typ":"JWT","alg":"HS256","kid":")" + kid + R"("})",
        R"({"alg":"HS256","typ":"JWT","kid":")" + kid + R"(","jku":"https://example.org"})",
        R"({"alg":"HS256","typ":"JWT","kid":")" + kid + R"(" })"})
    EXPECT_FALSE(accepts(token_of(head, payload(), secret))) << head;
}

TEST_F(AccessTokensTest, another_key_under_our_kid_is_refused) {
  EXPECT_FALSE(accepts(token_of(header(), payload(), other_secret)));
  EXPECT_FALSE(accepts(token_of(header(), payload(), "")));
}

TEST_F(AccessTokensTest, a_token_for_another_audience_is_refused) {
  EXPECT_FALSE(accepts(token_of(header(), payload("elsewhere"), secret)));
  EXPECT_FALSE(accepts(AccessTokens({SigningKey(secret)}, "elsewhere").issue(claims)));
}

TEST_F(AccessTokensTest, a_payload_of_another_form_is_refused) {
  for (
      const std::string& other :
      {std::string("{}"), std::string(), payload() + " ", "[" + payload() + "]",
       payload().substr(0, payload().size() - 1),
       std::string(R"({"iss":"atrium","aud":"atrium","sub":"","sid":"s","role":"admin","iat":1,"exp":9999999999})"),
       std::string(R"({"iss":"atrium","aud":"atrium","sub":"u","sid":"s","role":"admin","iat":1,"exp":-1})"),
       std::string(
           R"({"iss":"atrium","aud":"atrium","sub":"u","sid":"s","role":"admin","iat":1,"exp":99999999999999999999})")})
    EXPECT_FALSE(accepts(token_of(header(), other, secret))) << other;
}

TEST_F(AccessTokensTest, a_token_from_the_future_is_refused) {
  AccessClaims later = claims;
  later.issued_at = now + 3600;
  later.expires_at = now + 7200;
  EXPECT_FALSE(accepts(tokens_.issue(later)));
}

TEST_F(AccessTokensTest, every_changed_character_is_noticed) {
  const std::string token = tokens_.issue(claims);
  for (std::size_t at = 0; at < token.size(); ++at) {
    for (const char other : {'A', 'B', '.', '=', '\0'}) {
      if (token[at] == other) continue;
      std::string changed = token;
      changed[at] = other;
      EXPECT_FALSE(accepts(changed)) << at << ' ' << other;
    }
  }
}

TEST_F(AccessTokensTest, a_cut_or_extended_token_is_refused) {
  const std::string token = tokens_.issue(claims);
  for (std::size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(accepts(token.substr(0, size)));
  for (const char* more : {"=", ".", "A", ".AAAA", "\n", " "}) EXPECT_FALSE(accepts(token + more));
  EXPECT_FALSE(accepts(' ' + token));
  EXPECT_FALSE(accepts(token + '.' + token));
  EXPECT_FALSE(accepts(std::string(1'000'000, 'A')));
}

TEST_F(AccessTokensTest, a_second_spelling_of_the_same_signature_is_refused) {
  // The last of 43 characters carries four bits of the tag and two unused ones.
  const std::string token = tokens_.issue(claims);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const auto value = alphabet.find(token.back());
  ASSERT_EQ(value % 4, 0u);
  for (std::size_t unused = 1; unused < 4; ++unused) {
    std::string respelt = token;
    respelt.back() = alphabet[value + unused];
    EXPECT_FALSE(accepts(respelt));
  }
}

TEST_F(AccessTokensTest, after_a_rotation_old_tokens_count_and_new_ones_have_the_new_key) {
  const std::string old_token = tokens_.issue(claims);
  const AccessTokens rotated({SigningKey(other_secret), SigningKey(secret)});
  EXPECT_TRUE(std::holds_alternative<AccessClaims>(rotated.verify(old_token, now)));
  EXPECT_TRUE(std::holds_alternative<AccessClaims>(rotated.verify(rotated.issue(claims), now)));
  EXPECT_FALSE(accepts(rotated.issue(claims)));
}

TEST_F(AccessTokensTest, threads_do_not_disturb_each_other) {
  std::vector<std::jthread> threads;
  std::atomic<int> wrong{0};
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      AccessClaims own = claims;
      own.user_id = "user-" + std::to_string(thread);
      for (int round = 0; round < 500; ++round) {
        const auto verdict = tokens_.verify(tokens_.issue(own), now);
        const auto* read = std::get_if<AccessClaims>(&verdict);
        if (read == nullptr || read->user_id != own.user_id) ++wrong;
      }
    });
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(AccessTokensTest, more_keys_than_a_thread_keeps_still_work) {
  std::deque<AccessTokens> many;
  for (char c = 'a'; c < 'a' + 20; ++c) many.emplace_back(KeyRing{SigningKey(std::string(32, c))});
  for (int round = 0; round < 2; ++round)
    for (const AccessTokens& tokens : many)
      EXPECT_TRUE(std::holds_alternative<AccessClaims>(tokens.verify(tokens.issue(claims), now)));
}

TEST_F(AccessTokensTest, it_never_writes_a_claim_that_would_read_as_another) {
  AccessClaims hostile = claims;
  hostile.user_id = R"(u","role":"admin)";
  EXPECT_THROW(tokens_.issue(hostile), std::invalid_argument);
}

}  // namespace
}  // namespace kernel::auth
