#include "plugins/services.hpp"

#include "observability/log.hpp"

#include <atrium/abi.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <regex>
#include <stdexcept>
#include <vector>

namespace kernel::plugins {
namespace {

using ProviderPtr = std::shared_ptr<const Provider>;
/// Each name's providers: the last one is asked, those before it have been taken over from.
using Map = std::map<std::string, std::vector<ProviderPtr>, std::less<>>;

std::string message_json(std::string_view message) { return nlohmann::json{{"message", message}}.dump(); }

/// One call on its way: the provider's end, the caller's end, and the deadline between them. Whoever is first to end it
/// wins; the reply never overtakes a piece that is being delivered.
class Running final : public Call, public CallHandle, public std::enable_shared_from_this<Running> {
 public:
  explicit Running(Services::Request request) : request_(std::move(request)) {}

  void set_deadline(jobs::Jobs& jobs) {
    auto timer = jobs.once(request_.timeout, [weak = weak_from_this()] {
      if (const auto call = weak.lock()) call->give_up(ATRIUM_E_TIMEOUT, "the service did not answer in time");
    });
    const std::lock_guard lock(mutex_);
    if (!ended_) timer_ = std::move(timer);
  }

  std::string_view caller() const override { return request_.caller; }
  std::string_view method() const override { return request_.method; }
  std::string_view json() const override { return request_.json; }
  storage::Transaction* transaction() const override { return request_.transaction; }
  const auth::PrincipalPtr& principal() const override { return request_.principal; }
  bool cancelled() const override {
    const std::lock_guard lock(mutex_);
    return given_up_;
  }

  void on_cancel(std::function<void()> notify) override {
    {
      const std::lock_guard lock(mutex_);
      if (!given_up_) {
        if (!ended_) on_cancel_.swap(notify);  // what was there goes outside of the lock
        return;
      }
    }
    if (notify) notify();
  }

  bool emit(std::string_view piece) override {
    std::unique_lock lock(mutex_);
    delivered_.wait(lock, [this] { return ended_ || !delivering_; });
    if (ended_) return false;
    if (!request_.chunk) return true;
    delivering_ = true;
    lock.unlock();
    guarded([&] { request_.chunk(piece); });
    lock.lock();
    delivering_ = false;
    const bool over = ended_;
    lock.unlock();
    delivered_.notify_one();
    if (over) deliver_reply();
    return !over;
  }

  void reply(std::int32_t status, std::string_view json) override { end(status, std::string(json), false); }
  void cancel() override { give_up(ATRIUM_E_CANCELLED, "the call was cancelled"); }
  void fail(std::int32_t status, std::string_view message) { end(status, message_json(message), false); }

 private:
  void give_up(std::int32_t status, std::string_view message) { end(status, message_json(message), true); }

  void end(std::int32_t status, std::string json, bool given_up) {
    std::unique_ptr<jobs::Timer> timer;  // ended outside of the lock: that waits for its running call
    std::function<void()> notify;
    bool deliver = false;
    {
      const std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
      given_up_ = given_up;
      status_ = status;
      answer_ = std::move(json);
      timer = std::move(timer_);
      notify = std::move(on_cancel_);
      deliver = !delivering_;  // else the thread that delivers a piece goes on with the reply
    }
    delivered_.notify_all();
    if (deliver) deliver_reply();
    if (given_up && notify) guarded(notify);
  }

  void deliver_reply() {
    const auto reply = std::move(request_.reply);
    if (reply) guarded([&] { reply(status_, answer_); });
  }

  template <class Work>
  void guarded(const Work& work) {
    try {
      work();
    } catch (const std::exception& fault) {
      observability::log(observability::Level::error, request_.caller,
                         std::string("a callback threw: ") + fault.what());
    }
  }

  Services::Request request_;
  mutable std::mutex mutex_;
  std::condition_variable delivered_;
  bool delivering_ = false, ended_ = false, given_up_ = false;
  std::int32_t status_ = 0;
  std::string answer_;
  std::function<void()> on_cancel_;
  std::unique_ptr<jobs::Timer> timer_;
};

void serve(const ProviderPtr& provider, const std::shared_ptr<Running>& call) {
  try {
    provider->serve(call);
  } catch (const std::exception& fault) {
    observability::log(observability::Level::error, provider->owner, provider->service + " threw: " + fault.what());
    call->fail(ATRIUM_E_INTERNAL, "the service failed");
  }
}

}  // namespace

class Services::Impl {
 public:
  explicit Impl(jobs::Jobs& jobs) : jobs_(jobs) {}

  void change(const std::function<void(Map&)>& edit) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<Map>(*map_);
    edit(*next);
    map_ = std::move(next);
  }
  std::shared_ptr<const Map> snapshot() const {
    const std::lock_guard lock(mutex_);
    return map_;
  }
  jobs::Jobs& jobs() { return jobs_; }

 private:
  jobs::Jobs& jobs_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Map> map_ = std::make_shared<Map>();
};

Services::Services(jobs::Jobs& jobs) : impl_(std::make_unique<Impl>(jobs)) {}
Services::~Services() = default;

void Services::provide(Provider provider) {
  static const std::regex form(R"([a-z][a-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*)");
  if (provider.service.size() > 200 || !std::regex_match(provider.service, form)) {
    throw std::invalid_argument("\"" + provider.service +
                                R"(" is not a service's name: "kind/name", such as "a.kind/one")");
  }
  impl_->change([&provider](Map& map) {
    auto& all = map[provider.service];
    for (const auto& other : all) {
      if (other->owner != provider.owner || other->holder == provider.holder)
        throw std::invalid_argument(provider.service + " is already provided by " + other->owner);
    }
    all.push_back(std::make_shared<const Provider>(std::move(provider)));
  });
}

void Services::withdraw(const void* holder) {
  impl_->change([holder](Map& map) {
    for (auto& [name, all] : map) std::erase_if(all, [holder](const auto& one) { return one->holder == holder; });
    std::erase_if(map, [](const auto& entry) { return entry.second.empty(); });
  });
}

std::vector<std::shared_ptr<const Provider>> Services::find(std::string_view kind_or_service) const {
  const auto map = impl_->snapshot();
  std::vector<ProviderPtr> found;
  if (kind_or_service.find('/') != std::string_view::npos) {
    if (const auto at = map->find(kind_or_service); at != map->end()) found.push_back(at->second.back());
    return found;
  }
  const std::string prefix = std::string(kind_or_service) + "/";
  for (auto at = map->lower_bound(prefix); at != map->end() && at->first.starts_with(prefix); ++at) {
    found.push_back(at->second.back());
  }
  return found;
}

std::shared_ptr<CallHandle> Services::call(Request request) {
  const auto map = impl_->snapshot();
  const auto found = map->find(request.service);
  if (found == map->end()) return nullptr;
  const ProviderPtr provider = found->second.back();
  auto call = std::make_shared<Running>(std::move(request));
  if (call->transaction() != nullptr) {
    serve(provider, call);
    call->fail(ATRIUM_E_INTERNAL, "the service did not answer inside the transaction");  // nothing if it did
    return call;
  }
  call->set_deadline(impl_->jobs());
  if (!impl_->jobs().post([provider, call] { serve(provider, call); })) {
    call->fail(ATRIUM_E_UNAVAILABLE, "the pool's queue is full; try again later");
  }
  return call;
}

}  // namespace kernel::plugins
