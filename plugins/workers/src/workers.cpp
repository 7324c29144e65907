// Remote workers: what they report, and the tasks they lease.
#include <atrium/plugin.hpp>

#include <arpa/inet.h>

namespace workers {

using namespace std::string_view_literals;

enum class Status : std::uint8_t { offline, online };
constexpr auto names_of(Status) { return std::array{"offline"sv, "online"sv}; }

inline bool is_address(const std::optional<std::string>& text) {
  in6_addr address{};
  return !text || inet_pton(AF_INET, text->c_str(), &address) == 1 || inet_pton(AF_INET6, text->c_str(), &address) == 1;
}

struct Worker {
  atrium::Id id;
  std::string name, hostname;
  std::optional<std::string> ip_address;
  std::int64_t max_agents = 1, cpu_cores = 1, memory_total_mb = 0;
  std::string os_info, worker_group;
  bool is_approved = false;
  Status status = Status::offline;
  std::optional<double> cpu_usage_percent, memory_usage_percent, disk_usage_percent;
  std::optional<atrium::Time> last_heartbeat_at;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "workers", event = "worker";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Worker::id).read_only(), atrium::member("name", &Worker::name).length(1, 200).required(),
      atrium::member("hostname", &Worker::hostname).length(0, 253),
      atrium::member("ip_address", &Worker::ip_address)
          .length(2, 45)
          .valid_if(is_address, "must be an IPv4 or IPv6 address"),
      atrium::member("max_agents", &Worker::max_agents).range(1, 100'000),
      atrium::member("cpu_cores", &Worker::cpu_cores).range(1, 100'000),
      atrium::member("memory_total_mb", &Worker::memory_total_mb).range(0, 1e12),
      atrium::member("os_info", &Worker::os_info).length(0, 500),
      atrium::member("worker_group", &Worker::worker_group).read_only(),
      atrium::member("is_approved", &Worker::is_approved).read_only(),
      atrium::member("status", &Worker::status).read_only(),
      atrium::member("cpu_usage_percent", &Worker::cpu_usage_percent).read_only(),
      atrium::member("memory_usage_percent", &Worker::memory_usage_percent).read_only(),
      atrium::member("disk_usage_percent", &Worker::disk_usage_percent).read_only(),
      atrium::member("last_heartbeat_at", &Worker::last_heartbeat_at).read_only(),
      atrium::member("created_at", &Worker::created_at).read_only(),
      atrium::member("updated_at", &Worker::updated_at).read_only(),
      atrium::member("revision", &Worker::revision).read_only());
};

struct Heartbeat {
  std::optional<double> cpu_usage_percent, memory_usage_percent, disk_usage_percent;
  static constexpr auto members =
      atrium::members(atrium::member("cpu_usage_percent", &Heartbeat::cpu_usage_percent).range(0, 100),
                      atrium::member("memory_usage_percent", &Heartbeat::memory_usage_percent).range(0, 100),
                      atrium::member("disk_usage_percent", &Heartbeat::disk_usage_percent).range(0, 100));
};

struct Approval {
  bool is_approved = false;
  std::optional<std::string> group;
  static constexpr auto members = atrium::members(atrium::member("is_approved", &Approval::is_approved).required(),
                                                  atrium::member("group", &Approval::group).length(0, 100));
};

struct ClaimRequest {
  std::int64_t max = 1, wait_seconds = 0;
  static constexpr auto members = atrium::members(atrium::member("max", &ClaimRequest::max).range(1, 100),
                                                  atrium::member("wait_seconds", &ClaimRequest::wait_seconds)
                                                      .range(0, 60)
                                                      .description("How long to wait when there is nothing yet"));
};

constexpr std::string_view queue = "tasks/queue";
constexpr std::chrono::seconds heartbeat_period{30};
constexpr std::chrono::seconds lease = 3 * heartbeat_period;

class Workers final : public atrium::Plugin {
 public:
  void start() override {
    using atrium::schema;
    auto registered = schema<Worker>();
    registered["properties"]["token"] = {{"type", "string"},
                                         {"description", "Shown this once: the worker signs in with it"}};
    post("/workers/register",
         {.summary = "Register a worker; an admin approves it",
          .body = schema<Worker>(true),
          .status = 201,
          .answer = registered,
          .tag = "Workers"},
         [this](atrium::Request& request) { return enroll(request); });
    post("/workers/{id}/heartbeat",
         {.summary = "Report load; renews the leases of its tasks",
          .access = {"worker", "admin"},
          .body = schema<Heartbeat>(true),
          .answer = schema<Worker>(),
          .tag = "Workers",
          .idempotency = false},
         [this](atrium::Request& request) { return heartbeat(request); });
    get("/workers/{id}/tasks",
        {.summary = "Tasks of this worker's agents that are not over",
         .access = {"user", "worker"},
         .answer = items(atrium::Json::object()),
         .tag = "Workers"},
        [this](atrium::Request& request) { return tasks_of(request); });
    post("/workers/{id}/claim",
         {.summary = "Lease tasks, waiting for them if asked to",
          .access = {"worker"},
          .body = schema<ClaimRequest>(true),
          .body_required = false,
          .answer = items(atrium::Json::object()),
          .tag = "Workers",
          .idempotency = false},
         [this](atrium::Request& request) -> atrium::Async<atrium::Reply> { return claim(request); });
    get("/workers/overview",
        {.summary = "The fleet in numbers",
         .runs = atrium::Runs::fast_read,
         .answer = {{"type", "object"}},
         .tag = "Workers"},
        [this](atrium::Request&) { return overview(); });

    auto fleet = resource<Worker>("/admin/workers", "Workers");
    fleet.list().filter("status").filter("is_approved").options([](atrium::RouteOptions& options) {
      options.access = {"admin"};
    });
    patch("/admin/workers/{id}/approve",
          {.summary = "Approve or reject a worker",
           .access = {"admin"},
           .body = schema<Approval>(true),
           .answer = schema<Worker>(),
           .tag = "Workers"},
          [this](atrium::Request& request) { return approve(request); });
    get("/workers/{id}",
        {.summary = "Read one",
         .access = {"user", "worker"},
         .runs = atrium::Runs::fast_read,
         .answer = schema<Worker>(),
         .tag = "Workers"},
        [this](atrium::Request& request) { return atrium::ok(mine(request)); });

    provide("workers/directory").on("get", [this](const atrium::Call& call) {
      const auto id = atrium::Id::parse(call.json().value("id", ""));
      if (!id) throw atrium::not_found();
      const auto worker = call.in_transaction() ? call.transaction().get<Worker>(call.principal(), *id)
                                                : store().get<Worker>(call.principal(), *id);
      return atrium::Json::parse(atrium::to_json(worker));
    });
    on_event("task.*", [this](const atrium::Event&) { wake(); });
    on_event("agent.*", [this](const atrium::Event&) { wake(); });
    every(std::chrono::seconds(5), [this] { notice_silence(); });
  }

  void stop() override { wake(); }

 private:
  static atrium::Json items(const atrium::Json& item) {
    return {
        {"type", "object"}, {"required", {"items"}}, {"properties", {{"items", {{"type", "array"}, {"items", item}}}}}};
  }

  /// The worker in the path; a worker's token opens its own only.
  Worker mine(const atrium::Request& request) const {
    const auto who = request.principal();
    const auto worker = store().get<Worker>(who, request.id());
    if (who.kind() == "worker" && who.id() != worker.id.text())
      throw atrium::forbidden("A worker speaks for itself only.");
    return worker;
  }
  Worker approved(const atrium::Request& request) const {
    auto worker = mine(request);
    if (!worker.is_approved) throw atrium::forbidden("An admin must approve this worker first.");
    return worker;
  }

  atrium::Reply enroll(const atrium::Request& request) {
    auto worker = request.parse<Worker>();
    std::string token;
    store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      tx.insert(worker);
      token = tx.issue_token("worker", worker.id.text());
      tx.publish("worker.registered", worker);
    });
    auto json = atrium::Json::parse(atrium::to_json(worker));
    json["token"] = token;
    auto reply = atrium::ok(json);
    reply.status = 201;
    reply.headers.emplace_back("location", std::string(atrium::api_base) + "/workers/" + worker.id.str());
    return reply;
  }

  atrium::Reply heartbeat(const atrium::Request& request) {
    const auto beat = request.parse<Heartbeat>();
    const auto id = mine(request).id;
    return atrium::ok(store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      auto worker = tx.get<Worker>(request.principal(), id);
      worker.cpu_usage_percent = beat.cpu_usage_percent;
      worker.memory_usage_percent = beat.memory_usage_percent;
      worker.disk_usage_percent = beat.disk_usage_percent;
      worker.last_heartbeat_at = atrium::Time::now();
      const bool returns = std::exchange(worker.status, Status::online) == Status::offline;
      tx.update(worker);
      if (returns)
        tx.publish("worker.online", worker);
      else
        tx.audit("worker.heartbeat", "worker", worker.id.text());
      if (services().has(queue))
        tx.call(queue, "renew", {{"lease", worker.id.text()}, {"lease_ms", std::chrono::milliseconds(lease).count()}});
      return worker;
    }));
  }

  atrium::Reply tasks_of(const atrium::Request& request) {
    const auto worker = approved(request);
    if (!services().has(queue)) throw atrium::unavailable("No plugin provides tasks here.");
    return store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      return atrium::ok(atrium::Json{{"items", tx.call(queue, "of_worker", {{"worker_id", worker.id.text()}})}});
    });
  }

  atrium::Async<atrium::Reply> claim(atrium::Request& request) {
    const auto wish = request.body().empty() ? ClaimRequest{} : request.parse<ClaimRequest>();
    const auto worker = approved(request);
    if (!services().has(queue)) throw atrium::unavailable("No plugin provides tasks here.");
    const auto until = atrium::Time::now() + std::chrono::seconds(wish.wait_seconds);
    const atrium::Json order{{"worker_id", worker.id.text()},
                             {"lease", worker.id.text()},
                             {"max", wish.max},
                             {"lease_ms", std::chrono::milliseconds(lease).count()}};
    for (;;) {
      const auto news = awaited();
      auto claiming = store().commit(request.principal(),
                                     [&order](atrium::Transaction& tx) { return tx.call(queue, "claim", order); });
      const atrium::Json claimed = co_await claiming;
      const auto left = std::chrono::microseconds(until.microseconds - atrium::Time::now().microseconds);
      if (!claimed.empty() || left.count() <= 0 || request.cancelled() || cancellation().requested())
        co_return atrium::ok(atrium::Json{{"items", claimed}});
      auto waiting = sleep(std::chrono::ceil<std::chrono::milliseconds>(left), news);
      co_await waiting;
    }
  }

  atrium::Reply overview() const {
    std::int64_t total = 0, online = 0, approved = 0, capacity = 0;
    atrium::Json by_status{{"online", 0}, {"offline", 0}};
    store().query("SELECT status, is_approved, count(*), sum(max_agents) FROM workers GROUP BY status, is_approved",
                  [&](const atrium::Row& row) {
                    const auto count = row.integer(2);
                    total += count;
                    auto& of_status = by_status[std::string(row.text(0))];
                    of_status = of_status.get<std::int64_t>() + count;
                    if (row.get<bool>(1)) approved += count;
                    if (row.text(0) != "online") return;
                    online += count;
                    if (row.get<bool>(1)) capacity += row.integer(3);
                  });
    atrium::Json load = atrium::Json::object();
    store().query(
        "SELECT avg(cpu_usage_percent), avg(memory_usage_percent), avg(disk_usage_percent) FROM workers WHERE status = "
        "'online'",
        [&](const atrium::Row& row) {
          std::size_t at = 0;
          for (const auto name : {"cpu_usage_percent", "memory_usage_percent", "disk_usage_percent"}) {
            load[name] = row.is_null(at) ? atrium::Json() : atrium::Json(row.get<double>(at));
            ++at;
          }
        });
    return atrium::ok(atrium::Json{{"total", total},
                                   {"by_status", by_status},
                                   {"online", online},
                                   {"approved", approved},
                                   {"pending_approval", total - approved},
                                   {"capacity", capacity},
                                   {"load", load}});
  }

  atrium::Reply approve(const atrium::Request& request) {
    const auto decision = request.parse<Approval>();
    return atrium::ok(store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      auto worker = tx.get<Worker>(request.principal(), request.id());
      atrium::require_match(request.header("if-match").value_or(""), worker);
      worker.is_approved = decision.is_approved;
      if (decision.group) worker.worker_group = *decision.group;
      tx.update(worker);
      tx.publish(decision.is_approved ? "worker.approved" : "worker.rejected", worker);
      if (!decision.is_approved) release(tx, worker);
      return worker;
    }));
  }

  void release(atrium::Transaction& tx, const Worker& worker) const {
    if (services().has(queue)) tx.call(queue, "release_worker", {{"worker_id", worker.id.text()}});
  }
  /// Three missed heartbeats: offline, and its tasks wait for somebody else.
  void notice_silence() {
    const auto least = atrium::Time::now() - lease;
    if (!store().value<std::int64_t>("SELECT 1 FROM workers WHERE status = 'online' AND last_heartbeat_at < ? LIMIT 1",
                                     least))
      return;
    store().transaction({}, [&](atrium::Transaction& tx) {
      for (auto& worker : tx.find<Worker>("status = 'online' AND last_heartbeat_at < ? ORDER BY id LIMIT 200", least)) {
        worker.status = Status::offline;
        tx.update(worker);
        tx.publish("worker.offline", worker);
        release(tx, worker);
      }
    });
  }

  /// Requested when something happened that may mean work for those who wait.
  atrium::Cancellation awaited() {
    const std::lock_guard lock(mutex_);
    return news_;
  }
  void wake() {
    atrium::Cancellation old;
    {
      const std::lock_guard lock(mutex_);
      std::swap(old, news_);
    }
    old.request();
  }
  std::mutex mutex_;
  atrium::Cancellation news_;
};

}  // namespace workers

ATRIUM_PLUGIN(workers::Workers)
