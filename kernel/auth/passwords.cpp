#include "auth/passwords.hpp"

#include "auth/encoding.hpp"

#include <argon2.h>
#include <sodium.h>

#include <atrium/problem.hpp>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace kernel::auth {
namespace {

constexpr std::size_t salt_bytes = 16, tag_bytes = 32;
constexpr std::size_t min_characters = 12, max_characters = 128;
constexpr std::size_t max_bytes = max_characters * 4;

std::string base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.pop_back();
  return text;
}

}  // namespace

std::optional<std::string> password_fault(std::string_view password) {
  if (password.find('\0') != password.npos) return "must not contain U+0000";
  const auto characters = static_cast<std::size_t>(
      std::count_if(password.begin(), password.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  if (characters < min_characters) return "must have at least 12 characters; a few words in a row are easy to remember";
  if (characters > max_characters || password.size() > max_bytes) return "must have at most 128 characters";
  return std::nullopt;
}

/// One of the `at_once` turns, held while hashing.
class Passwords::Turn {
 public:
  explicit Turn(Passwords& passwords) : passwords_(passwords) {
    std::unique_lock lock(passwords_.mutex_);
    const auto free = [this] { return passwords_.running_ < passwords_.options_.at_once; };
    if (!free()) {
      if (passwords_.waiting_ >= passwords_.options_.max_waiting)
        throw atrium::unavailable("Too many people are signing in at this moment; try again in a second.");
      ++passwords_.waiting_;
      const bool got = passwords_.turn_ended_.wait_for(lock, passwords_.options_.max_wait, free);
      --passwords_.waiting_;
      if (!got) throw atrium::unavailable("Signing in takes too long at this moment; try again in a second.");
    }
    ++passwords_.running_;
  }
  ~Turn() {
    std::lock_guard lock(passwords_.mutex_);
    --passwords_.running_;
    passwords_.turn_ended_.notify_one();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Passwords& passwords_;
};

Passwords::Passwords(Options options) : options_(options) {
  // No password has this tag, and computing one to compare it costs what it costs for a real account.
  hash_of_nothing_ = "$argon2id$v=19$m=" + std::to_string(options.memory_kib) + ",t=" + std::to_string(options.passes) +
                     ",p=" + std::to_string(options.lanes) + '$' + base64(random_bytes(salt_bytes)) + '$' +
                     base64(random_bytes(tag_bytes));
}

std::string Passwords::hash(std::string_view password) {
  const std::string salt = random_bytes(salt_bytes);
  std::string encoded(
      argon2_encodedlen(options_.passes, options_.memory_kib, options_.lanes, salt_bytes, tag_bytes, Argon2_id), '\0');
  Turn turn(*this);
  const int status =
      argon2id_hash_encoded(options_.passes, options_.memory_kib, options_.lanes, password.data(), password.size(),
                            salt.data(), salt.size(), tag_bytes, encoded.data(), encoded.size());
  if (status != ARGON2_OK) throw std::runtime_error(std::string("argon2id: ") + argon2_error_message(status));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Passwords::Verdict Passwords::verify(std::string_view password, const std::string& encoded) {
  if (password.size() > max_bytes) password = {};  // no account can have it, and its cost shall not depend on it
  Turn turn(*this);
  const int status = argon2id_verify(encoded.c_str(), password.data(), password.size());
  if (status == ARGON2_VERIFY_MISMATCH) return {};
  if (status != ARGON2_OK) throw std::runtime_error(std::string("argon2id: ") + argon2_error_message(status));
  return {true, weaker_than_options(encoded)};
}

void Passwords::verify_nothing(std::string_view password) { verify(password, hash_of_nothing_); }

bool Passwords::weaker_than_options(const std::string& encoded) const {
  std::uint32_t memory = 0, passes = 0, lanes = 0;
  if (std::sscanf(encoded.c_str(), "$argon2id$v=19$m=%u,t=%u,p=%u$", &memory, &passes, &lanes) != 3) return true;
  return memory < options_.memory_kib || passes < options_.passes || lanes < options_.lanes;
}

}  // namespace kernel::auth
