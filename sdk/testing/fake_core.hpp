#pragma once
// What the parts of the fake host share: the host's handle, principals, errors, and the end of a broken contract.
#include <atrium/host.hpp>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

/// Behind a principal's handle.
struct atrium_principal {
  std::string kind, id, role;
};

namespace atrium::testing {

class FakeHttp;
class FakeAuth;
class FakeDb;
class FakeEvents;
class FakeJobs;
class FakeServices;
class FakeEgress;
class FakeObjects;
class FakeKeys;
class FakeSettings;
class FakeMetrics;

/// Who asks. `nobody` is a request without a token.
using Who = atrium_principal;
inline const Who nobody{};
inline const Who admin{"user", "0190a000-0000-7000-8000-00000000000a", "admin"};
inline const Who member{"user", "0190a000-0000-7000-8000-00000000000b", "member"};
inline const Who other_member{"user", "0190a000-0000-7000-8000-00000000000c", "member"};
inline const Who viewer{"user", "0190a000-0000-7000-8000-00000000000d", "viewer"};

struct LogLine {
  Level level;
  std::string message;
  Json fields;
};

/// The atrium_host of the plugin under test. `mutex` guards the state of every part and is never held while the
/// plugin's code runs.
struct FakeCore : atrium_host {
  FakeHttp* http = nullptr;
  FakeAuth* auth = nullptr;
  FakeDb* db = nullptr;
  FakeEvents* events = nullptr;
  FakeJobs* jobs = nullptr;
  FakeServices* services = nullptr;
  FakeEgress* egress = nullptr;
  FakeObjects* objects = nullptr;
  FakeKeys* keys = nullptr;
  FakeSettings* settings = nullptr;
  FakeMetrics* metrics = nullptr;

  mutable std::recursive_mutex mutex;
  std::set<std::string, std::less<>> withheld;  ///< interface ids that get() answers with NULL
  std::vector<LogLine> log_lines;

  static FakeCore& of(const atrium_host* raw) { return *static_cast<FakeCore*>(const_cast<atrium_host*>(raw)); }
};

/// A plugin broke the contract of abi.h in a way that a kernel would only log; a test ends here.
[[noreturn]] inline void broken(const std::string& rule) {
  std::fprintf(stderr, "The plugin under test breaks the contract: %s\n", rule.c_str());
  std::abort();
}

inline std::int32_t fail(atrium_err* error, std::int32_t code, std::string_view message) {
  if (!error) broken("atrium_err must not be NULL");
  error->code = code;
  std::snprintf(error->message, sizeof error->message, "%.*s", static_cast<int>(message.size()), message.data());
  return code;
}

inline std::string string_of(atrium_str text) { return std::string(text_of(text)); }
inline atrium_str absent() { return {nullptr, 0}; }
inline Json json_of(std::string_view text) { return text.empty() ? Json() : Json::parse(text, nullptr, false); }

/// Tells a waiter for cancellation exactly once how it ended.
class CancelNotice {
 public:
  void set(atrium_cancel_fn notify, void* context) {
    if (notify_) broken("on_cancel() is called once for a handle");
    notify_ = notify;
    context_ = context;
    if (ended_) tell(cancelled_);
  }
  /// To be called without a lock held: the plugin's code runs inside.
  void end(bool cancelled) {
    if (std::exchange(ended_, true)) return;
    cancelled_ = cancelled;
    if (notify_) tell(cancelled);
  }

 private:
  void tell(bool cancelled) { notify_(context_, cancelled ? 1 : 0); }
  atrium_cancel_fn notify_ = nullptr;
  void* context_ = nullptr;
  bool ended_ = false, cancelled_ = false;
};

}  // namespace atrium::testing

/// Behind the handle of an outgoing call or exchange.
struct atrium_pending {
  std::function<void()> cancel;
};
