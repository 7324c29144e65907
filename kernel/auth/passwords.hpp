#pragma once
// Passwords: argon2id through libargon2, few at once, with the same cost whether an account exists or not.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::auth {

/// What is wrong with a new password, in words for its user; nullopt when nothing is. Length counts, not composition
/// (NIST SP 800-63B): 12 to 128 characters of UTF-8, no U+0000.
std::optional<std::string> password_fault(std::string_view password);

class Passwords {
 public:
  struct Options {
    std::uint32_t passes = 3, memory_kib = 64 * 1024, lanes = 4;
    int at_once = 2;      ///< bounds memory and processor time
    int max_waiting = 8;  ///< more are refused: waiting ones hold a pool thread each
    std::chrono::milliseconds max_wait{10'000};
  };
  explicit Passwords(Options options);
  Passwords() : Passwords(Options{}) {}

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
  class Turn;
  bool weaker_than_options(const std::string& encoded) const;

  Options options_;
  std::string hash_of_nothing_;
  std::mutex mutex_;
  std::condition_variable turn_ended_;
  int running_ = 0, waiting_ = 0;
};

}  // namespace kernel::auth
