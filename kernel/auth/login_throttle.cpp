#include "auth/login_throttle.hpp"

#include "auth/encoding.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace kernel::auth {
namespace {

// A digest, so that an entry's size does not depend on what a stranger sends.
std::string account_key(std::string_view account) { return "a" + sha256(account); }

/// One customer of a provider holds a /64 of IPv6 and could guess from each of its addresses in turn.
std::string address_key(std::string_view address) {
  std::array<unsigned char, 16> bytes;
  if (::inet_pton(AF_INET6, std::string(address).c_str(), bytes.data()) == 1)
    return "6" + std::string(reinterpret_cast<const char*>(bytes.data()), 8);
  return "4" + std::string(address.substr(0, 64));
}

}  // namespace

LoginThrottle::Entry& LoginThrottle::entry(const std::string& key, std::chrono::seconds lockout,
                                           Clock::time_point now) {
  if (const auto found = index_.find(key); found != index_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    if (now - entries_.front().last >= lockout) entries_.front().failures = 0;
    return entries_.front();
  }
  if (entries_.size() >= options_.max_entries) {
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, 0, now});
  index_.emplace(entries_.front().key, entries_.begin());
  return entries_.front();
}

std::optional<std::chrono::seconds> LoginThrottle::begin(std::string_view account, std::string_view address,
                                                         Limits limits, Clock::time_point now) {
  std::lock_guard lock(mutex_);
  Entry& of_account = entry(account_key(account), limits.lockout, now);
  Entry& of_address = entry(address_key(address), limits.lockout, now);
  const int address_limit = limits.max_failures * options_.failures_an_address_for_each_of_an_account;
  for (const auto& [counted, limit] : {std::pair{&of_account, limits.max_failures}, {&of_address, address_limit}}) {
    if (counted->failures < limit) continue;
    const auto left = std::chrono::ceil<std::chrono::seconds>(limits.lockout - (now - counted->last));
    return std::max(left, std::chrono::seconds{1});
  }
  for (Entry* counted : {&of_account, &of_address}) {
    ++counted->failures;
    counted->last = now;
  }
  return std::nullopt;
}

void LoginThrottle::take_off(const std::string& key, bool all) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  int& failures = found->second->failures;
  failures = all || failures == 0 ? 0 : failures - 1;
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  std::lock_guard lock(mutex_);
  take_off(account_key(account), true);
  take_off(address_key(address), false);
}

void LoginThrottle::undecided(std::string_view account, std::string_view address) {
  std::lock_guard lock(mutex_);
  take_off(account_key(account), false);
  take_off(address_key(address), false);
}

}  // namespace kernel::auth
