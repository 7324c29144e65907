#include "auth/passwords.hpp"

#include "auth/encoding.hpp"
#include "auth/password_policy.hpp"

#include <argon2.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace kernel::auth {
namespace {

constexpr std::size_t salt_bytes = 16, tag_bytes = 32;
constexpr std::size_t max_bytes = PasswordPolicy::longest * 4;

using Number = settings::NumberMember<HashingCost>;
// The least of OWASP's equivalent choices for argon2id: 19 MiB, two passes, one lane.
constexpr std::array numbers{
    Number{"passes", &HashingCost::passes, 2, 10, "", "Passes of argon2id over its memory"},
    Number{"memory_kib", &HashingCost::memory_kib, 19'456, 1'048'576, "KiB", "Memory that argon2id uses for one hash"},
    Number{"lanes", &HashingCost::lanes, 1, 8, "", "Lanes of argon2id, each on a processor where one is free"},
};

std::string base64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.pop_back();
  return text;
}

/// No password has this tag, and computing one to compare it costs what it costs for a real account.
std::string hash_of_nothing(const HashingCost& cost) {
  return "$argon2id$v=19$m=" + std::to_string(cost.memory_kib) + ",t=" + std::to_string(cost.passes) +
         ",p=" + std::to_string(cost.lanes) + '$' + base64(random_bytes(salt_bytes)) + '$' +
         base64(random_bytes(tag_bytes));
}

}  // namespace

std::vector<settings::Definition> HashingCost::definitions() {
  auto all = settings::definitions_of(category, numbers);
  for (auto& made : all) made.description += "; where it rises, a login makes the account's hash anew";
  return all;
}

HashingCost HashingCost::read(const settings::Registry& registry) {
  HashingCost read;
  settings::read_members(read, registry, category, numbers);
  return read;
}

HashingThreads::Options Passwords::Options::default_threads() {
  HashingThreads::Options options;
  options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 4);
  return options;
}

Passwords::Passwords(Options options)
    : fixed_(options.fixed),
      cost_(options.cost),
      hash_of_nothing_(hash_of_nothing(options.cost)),
      threads_(options.threads) {}

void Passwords::set_cost(const HashingCost& cost) {
  const std::lock_guard lock(mutex_);
  if (fixed_ || cost == cost_) return;
  cost_ = cost;
  hash_of_nothing_ = hash_of_nothing(cost);
}

HashingCost Passwords::cost() const {
  const std::lock_guard lock(mutex_);
  return cost_;
}

std::string Passwords::hash(std::string_view password) {
  const std::string salt = random_bytes(salt_bytes);
  const HashingCost now = cost();
  const auto passes = static_cast<std::uint32_t>(now.passes), memory = static_cast<std::uint32_t>(now.memory_kib),
             lanes = static_cast<std::uint32_t>(now.lanes);
  std::string encoded(argon2_encodedlen(passes, memory, lanes, salt_bytes, tag_bytes, Argon2_id), '\0');
  int status = ARGON2_OK;
  threads_.run([&] {
    status = argon2id_hash_encoded(passes, memory, lanes, password.data(), password.size(), salt.data(), salt.size(),
                                   tag_bytes, encoded.data(), encoded.size());
  });
  if (status != ARGON2_OK) throw std::runtime_error(std::string("argon2id: ") + argon2_error_message(status));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Passwords::Verdict Passwords::verify(std::string_view password, const std::string& encoded) {
  if (password.size() > max_bytes) password = {};  // no account can have it, and its cost shall not depend on it
  int status = ARGON2_OK;
  threads_.run([&] { status = argon2id_verify(encoded.c_str(), password.data(), password.size()); });
  if (status == ARGON2_VERIFY_MISMATCH) return {};
  if (status != ARGON2_OK) throw std::runtime_error(std::string("argon2id: ") + argon2_error_message(status));
  return {true, weaker_than_today(encoded)};
}

void Passwords::verify_nothing(std::string_view password) {
  std::string nothing;
  {
    const std::lock_guard lock(mutex_);
    nothing = hash_of_nothing_;
  }
  verify(password, nothing);
}

bool Passwords::weaker_than_today(const std::string& encoded) const {
  std::uint32_t memory = 0, passes = 0, lanes = 0;
  if (std::sscanf(encoded.c_str(), "$argon2id$v=19$m=%u,t=%u,p=%u$", &memory, &passes, &lanes) != 3) return true;
  const HashingCost now = cost();
  return memory < now.memory_kib || passes < now.passes || lanes < now.lanes;
}

}  // namespace kernel::auth
