#include "agent_loop.hpp"

namespace runner {

using atrium::Async;
using atrium::Json;

namespace {
constexpr std::string_view queue = "tasks/queue";
constexpr std::chrono::milliseconds lease_time{15'000}, renew_period{4'000};
}  // namespace

/// Claims tasks of agents that no remote worker runs, and keeps their leases while their loops go on.
class Runner final : public atrium::Plugin {
 public:
  void start() override {
    const Json settings = configuration();
    max_tasks_ = std::clamp<std::int64_t>(settings.value("max_tasks", std::int64_t{2'000}), 1, 100'000);

    get("/tasks/{id}/steps",
        {.summary = "What the runner did for a task, step by step",
         .runs = atrium::Runs::fast_read,
         .answer = {{"type", "object"},
                    {"required", {"items"}},
                    {"properties", {{"items", {{"type", "array"}, {"items", atrium::schema<Step>()}}}}}},
         .tag = "Tasks"},
        [this](atrium::Request& request) { return steps(request); });
    on_event("task.*", [this](const atrium::Event& event) {
      notice(event);
      pump();
    });
    on_event("agent.*", [this](const atrium::Event&) { pump(); });
    every(renew_period, [this] { renew(); });
    every(std::chrono::seconds(1), [this] { pump(); });  // retries come due without an event
    spawn(adopt());
  }

  void stop() override {
    const std::lock_guard lock(mutex_);
    for (auto& [id, running] : running_) running.cancellation.request();
  }

 private:
  struct Running {
    std::int64_t revision;  ///< of the task when it was claimed; older events say nothing about this run
    atrium::Cancellation cancellation;
  };

  atrium::Reply steps(const atrium::Request& request) const {
    std::string body = R"({"items":[)";
    for (const auto& step : steps_of(store(), request.id().text())) {
      if (body.back() == '}') body += ',';
      atrium::write_json(body, step);
    }
    return atrium::ok(body + "]}");
  }

  /// On the embedded store there is no other node: what an earlier life of this process left running is ours.
  Async<void> adopt() {
    if (!store().is_postgresql()) {
      const Json order = lease_order();
      auto adopting = store().commit({}, [&order](atrium::Transaction& tx) { return tx.call(queue, "adopt", order); });
      const Json adopted = co_await adopting;
      for (const auto& task : adopted) begin(task);
    }
    pump();
  }

  /// Fills the free places. One claim at a time; a wish that comes meanwhile is remembered.
  void pump() {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(wished_, true) || pumping_ || cancellation().requested()) return;
      pumping_ = true;
    }
    spawn(claim());
  }
  Async<void> claim() {
    for (;;) {
      Json order = lease_order();
      {
        const std::lock_guard lock(mutex_);
        const auto free = max_tasks_ - static_cast<std::int64_t>(running_.size());
        if (!wished_ || free <= 0 || cancellation().requested()) {
          wished_ = pumping_ = false;
          co_return;
        }
        wished_ = false;
        order["max"] = std::min<std::int64_t>(free, 50);
      }
      std::exception_ptr failure;
      try {
        auto claiming =
            store().commit({}, [&order](atrium::Transaction& tx) { return tx.call(queue, "claim", order); });
        const Json claimed = co_await claiming;
        for (const auto& task : claimed) begin(task);
        const std::lock_guard lock(mutex_);
        wished_ = wished_ || static_cast<std::int64_t>(claimed.size()) == order["max"].get<std::int64_t>();
      } catch (...) {
        failure = std::current_exception();
      }
      if (failure) {
        {
          const std::lock_guard lock(mutex_);
          wished_ = pumping_ = false;
        }
        std::rethrow_exception(failure);
      }
    }
  }
  Json lease_order() const { return {{"lease", lease_}, {"lease_ms", lease_time.count()}}; }

  void begin(const Json& task) {
    const Running running{task.at("revision"), {}};
    {
      const std::lock_guard lock(mutex_);
      running_.insert_or_assign(task.at("id").get<std::string>(), running);
    }
    spawn(work(task, running));
  }

  Async<void> work(Json task, Running running) {
    const std::string id = task.at("id");
    std::optional<atrium::Problem> failed;
    try {
      AgentLoop loop(store(), services(), act_as("agent", task.at("agent_id").get<std::string>()), task, lease_,
                     limits(), running.cancellation);
      auto looping = loop.run();
      co_await looping;
    } catch (const atrium::Problem& problem) {
      failed = problem;
    } catch (const std::exception& error) {
      failed = atrium::Problem(500, "internal", "The runner failed inside", error.what());
    }
    const bool is_current = finished(id, running);
    if (failed && is_current && !cancellation().requested()) {
      auto reporting = report(id, *failed, running.cancellation.requested());
      co_await reporting;
    }
    pump();
  }
  /// True when no newer run of the same task has taken the place.
  bool finished(const std::string& id, const Running& running) {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.revision != running.revision) return false;
    running_.erase(found);
    return true;
  }
  Async<void> report(std::string id, atrium::Problem why, bool cancelled) {
    const Json order{{"id", id},
                     {"lease", lease_},
                     {"error", why.what()},
                     {"may_retry", why.status == 429 || why.status == 502 || why.status == 503 || why.status == 504}};
    try {
      auto reporting = store().commit(
          {}, [&order, cancelled](atrium::Transaction& tx) { tx.call(queue, cancelled ? "release" : "fail", order); });
      co_await reporting;
    } catch (const atrium::Problem& problem) {
      if (problem.status != 409) throw;  // the lease is gone: somebody else has decided
    }
  }

  /// A task that is no longer in progress is not worked on any more.
  void notice(const atrium::Event& event) {
    atrium::Cancellation cancellation;
    {
      const std::lock_guard lock(mutex_);
      const auto found = running_.find(std::string(event.resource_id));
      if (found == running_.end()) return;
      const Json task = event.json();
      const std::string status = task.value("status", "");
      if (status == "in_progress" || status == "review" ||
          task.value("revision", std::int64_t{0}) <= found->second.revision)
        return;
      cancellation = found->second.cancellation;
    }
    cancellation.request();
  }
  void renew() {
    {
      const std::lock_guard lock(mutex_);
      if (running_.empty()) return;
    }
    const Json order = lease_order();
    store().transaction({}, [&](atrium::Transaction& tx) { tx.call(queue, "renew", order); });
  }

  Limits limits() const {
    Limits now;
    now.max_steps = setting<std::int64_t>("max_steps");
    return now;
  }

  const std::string lease_ = "runner:" + atrium::Id::make().str();
  std::int64_t max_tasks_ = 0;
  std::mutex mutex_;
  std::map<std::string, Running> running_;
  bool pumping_ = false, wished_ = false;
};

}  // namespace runner

ATRIUM_PLUGIN(runner::Runner)
