#pragma once
// The registry of services: "kind/name" -> who provides it. Calls go by value, with a deadline and cancellation.
#include "auth/principal.hpp"
#include "jobs/jobs.hpp"
#include "storage/database.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::plugins {

/// An incoming call, as the provider sees it. Thread-safe; reply() once.
class Call {
 public:
  virtual ~Call() = default;
  virtual std::string_view caller() const = 0;  ///< a plugin's id, or "kernel"
  virtual std::string_view method() const = 0;
  virtual std::string_view json() const = 0;
  virtual storage::Transaction* transaction() const = 0;
  virtual const auth::PrincipalPtr& principal() const = 0;
  virtual bool cancelled() const = 0;
  virtual void on_cancel(std::function<void()> notify) = 0;
  virtual bool emit(std::string_view json) = 0;
  virtual void reply(std::int32_t status, std::string_view json) = 0;
};
using CallPtr = std::shared_ptr<Call>;

struct Provider {
  std::string owner, service, metadata;
  const void* holder = nullptr;  ///< who of this owner: while a plugin is upgraded there are two
  std::function<void(const CallPtr&)> serve;
  std::shared_ptr<void> lease;
};

class CallHandle {
 public:
  virtual ~CallHandle() = default;
  virtual void cancel() = 0;
};

class Services {
 public:
  explicit Services(jobs::Jobs& jobs);
  ~Services();
  /// Throws std::invalid_argument when the name is malformed or taken. Another holder of the same owner's takes it
  /// over, until that one is withdrawn.
  void provide(Provider provider);
  void withdraw(const void* holder);
  std::vector<std::shared_ptr<const Provider>> find(std::string_view kind_or_service) const;

  struct Request {
    std::string caller, service, method, json;
    storage::Transaction* transaction = nullptr;
    auth::PrincipalPtr principal;
    std::chrono::milliseconds timeout{30'000};
    std::function<void(std::string_view)> chunk;
    std::function<void(std::int32_t, std::string_view)> reply;
  };
  /// Null: nobody provides it (no callback comes). With a transaction the reply has come when this returns.
  std::shared_ptr<CallHandle> call(Request request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::plugins
