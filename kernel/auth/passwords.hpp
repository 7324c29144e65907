#pragma once
// Passwords: argon2id through libargon2, few at once, with the same cost whether an account exists or not.
#include "auth/hashing_threads.hpp"
#include "settings/registry.hpp"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

/// What one hash costs: the category "password_hashing" of the settings, whose lower bounds are OWASP's least.
struct HashingCost {
  static constexpr const char* category = "password_hashing";

  std::int64_t passes = 3, memory_kib = 64 * 1024, lanes = 4;

  /// With the initialisers above as defaults.
  static std::vector<settings::Definition> definitions();
  /// [any thread] From memory.
  static HashingCost read(const settings::Registry& registry);
  bool operator==(const HashingCost&) const = default;
};

class Passwords {
 public:
  struct Options {
    HashingCost cost;
    bool fixed = false;  ///< set_cost() changes nothing: for tests, which would wait for real ones
    HashingThreads::Options threads = default_threads();

    static HashingThreads::Options default_threads();
  };
  explicit Passwords(Options options);
  Passwords() : Passwords(Options{}) {}

  /// Of hashes made from now on. [any thread]
  void set_cost(const HashingCost& cost);

  /// The encoded hash, its parameters within. Waits: pool threads only. This and verify() throw atrium::Problem 503
  /// with Retry-After when too many wait already.
  std::string hash(std::string_view password);

  struct Verdict {
    bool matches = false;
    bool rehash = false;  ///< it was made with less than today's parameters
  };
  Verdict verify(std::string_view password, const std::string& encoded);
  /// For an unknown account: costs what verify() costs.
  void verify_nothing(std::string_view password);

 private:
  HashingCost cost() const;
  bool weaker_than_today(const std::string& encoded) const;

  const bool fixed_;
  mutable std::mutex mutex_;
  HashingCost cost_;
  std::string hash_of_nothing_;
  HashingThreads threads_;
};

}  // namespace kernel::auth
