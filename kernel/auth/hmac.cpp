#include "auth/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

namespace kernel::auth {
namespace {

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

struct Keyed {
  std::uint64_t number;
  Context context;
};
constexpr std::size_t contexts_a_thread = 8;

void require(bool success) {
  if (!success) throw std::runtime_error("HMAC failed in OpenSSL");
}

Context make_context(const std::string& key) {
  static const std::unique_ptr<EVP_MAC, FreeMac> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  require(algorithm != nullptr);
  Context context(EVP_MAC_CTX_new(algorithm.get()));
  require(context != nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  require(EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(), parameters) == 1);
  return context;
}

EVP_MAC_CTX* context_of_this_thread(std::uint64_t number, const std::string& key) {
  thread_local std::vector<Keyed> contexts;
  for (const Keyed& keyed : contexts)
    if (keyed.number == number) return keyed.context.get();
  if (contexts.size() == contexts_a_thread) contexts.erase(contexts.begin());
  return contexts.emplace_back(Keyed{number, make_context(key)}).context.get();
}

}  // namespace

HmacSha256::HmacSha256(std::string key) : key_(std::move(key)) {
  static std::atomic<std::uint64_t> instances{0};
  number_ = ++instances;
}

HmacSha256::Tag HmacSha256::tag(std::string_view message) const {
  EVP_MAC_CTX* context = context_of_this_thread(number_, key_);
  Tag tag;
  std::size_t length = 0;
  // Without a key, init() starts over with the one the context already has.
  require(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&
          EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1 &&
          EVP_MAC_final(context, tag.data(), &length, tag.size()) == 1 && length == tag.size());
  return tag;
}

std::array<unsigned char, 20> hmac_sha1(std::string_view key, std::string_view message) {
  std::array<unsigned char, 20> tag;
  unsigned int length = 0;
  require(HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), tag.data(),
               &length) != nullptr &&
          length == tag.size());
  return tag;
}

}  // namespace kernel::auth
