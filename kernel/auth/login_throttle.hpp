#pragma once
// Guessing passwords must be slow: failures are counted by account and by address.
#include <chrono>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kernel::auth {

/// Only signing in is held back: sessions that live go on. Accounts that do not exist are counted like others, so that
/// the answer tells nothing. Memory is bounded; at the bound the count untouched for longest is forgotten. [any thread]
class LoginThrottle {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    std::size_t max_entries = 20'000;
    int failures_an_address_for_each_of_an_account = 20;  ///< many people may share one address
  };
  struct Limits {
    int max_failures = 10;              ///< of one account
    std::chrono::seconds lockout{300};  ///< failures are forgotten this long after the last one
  };
  explicit LoginThrottle(Options options) : options_(options) {}
  LoginThrottle() : LoginThrottle(Options{}) {}

  /// Before a password is looked at. Counts the attempt as failed, so that parallel guesses count too. A duration: hold
  /// this one back and say so (429, Retry-After).
  std::optional<std::chrono::seconds> begin(std::string_view account, std::string_view address, Limits limits,
                                            Clock::time_point now = Clock::now());
  /// The password was right: forgets the account's failures and takes this attempt off its address.
  void succeeded(std::string_view account, std::string_view address);
  /// The attempt was not decided (the kernel was too busy): takes it off both.
  void undecided(std::string_view account, std::string_view address);

 private:
  struct Entry {
    std::string key;
    int failures = 0;
    Clock::time_point last;
  };
  Entry& entry(const std::string& key, std::chrono::seconds lockout, Clock::time_point now);
  void take_off(const std::string& key, bool all);

  Options options_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< touched last in front
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

}  // namespace kernel::auth
