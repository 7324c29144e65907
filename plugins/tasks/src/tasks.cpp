#include "run_command.hpp"

#include <atrium/directory.hpp>

namespace tasks {

/// The routes and services of the queue.
class Tasks final : public atrium::Plugin {
 public:
  void start() override {
    auto tasks = resource<Task>("/tasks", "Tasks");
    tasks.list()
        .filter("status", "status_filter")
        .filter("priority")
        .filter("agent_id")
        .order("priority desc")
        .search("title", "description");
    tasks.read();
    tasks.create()
        .options(authored_only)
        .before(
            [this](atrium::Transaction& tx, const atrium::Principal&, Task& now, const Task*) { place_new(tx, now); });
    get("/tasks/stats",
        {.summary = "Count tasks by status and priority",
         .runs = atrium::Runs::fast_read,
         .answer = stats_schema(),
         .tag = "Tasks"},
        [this](atrium::Request&) { return stats(); });
    patch(
        "/tasks/{id}",
        {.summary = "Change a task, move its status, or claim it",
         .description =
             "A status moves only as the queue allows (409 otherwise). {\"status\": \"in_progress\", \"worker_id\": "
             "...} claims "
             "the task: of two claimers one gets 409. A worker may write only what it reports of tasks it has leased.",
         .access = {"user", "worker"},
         .runs = atrium::Runs::io,
         .body = any_member(),
         .answer = atrium::schema<Task>(),
         .tag = "Tasks"},
        [this](atrium::Request request) { change(std::move(request)); });
    post("/tasks/{id}/cancel",
         {.summary = "Cancel a task that is not over; again: 200", .answer = atrium::schema<Task>(), .tag = "Tasks"},
         [this](atrium::Request& request) { return cancel(request); });

    provide_queue();
    provide("tasks/directory").on("get", [this](const atrium::Call& call) {
      return atrium::look_up<Task>(store(), call);
    });
    tool<NewTask>("task_create",
                  {.summary = "Create a task, for yourself, another agent or nobody yet", .risk = atrium::Risk::writes},
                  [this](const atrium::ToolCall& tool, NewTask arguments) {
                    return create_for_agent(tool, std::move(arguments));
                  });

    provide("command/run").on("run", [this](atrium::Call call) { return run_command_.run(std::move(call)); });
    on_event("task.*", [this](const atrium::Event& event) { run_command_.notice(event.resource_id); });

    learn_agents();
    every(std::chrono::seconds(1), [this] { expire(); });
  }

 private:
  struct NewTask {
    std::string title, instructions;
    Priority priority = Priority::medium;
    std::optional<atrium::Id> agent_id;
    static constexpr auto members = atrium::members(
        atrium::member("title", &NewTask::title).length(1, 500).required(),
        atrium::member("instructions", &NewTask::instructions).length(0, 100'000),
        atrium::member("priority", &NewTask::priority),
        atrium::member("agent_id", &NewTask::agent_id).description("Who shall do it; leave out for nobody yet"));
  };

  // ---- what is described ----
  static void authored_only(atrium::RouteOptions& options) {
    for (const auto name : reported_members) options.body["properties"].erase(std::string(name));
  }
  static atrium::Json any_member() {
    auto schema = atrium::schema<Task>(true);
    schema.erase("required");
    return schema;
  }
  static atrium::Json stats_schema() {
    const atrium::Json counts{{"type", "object"}, {"additionalProperties", {{"type", "integer"}}}};
    return {{"type", "object"},
            {"required", {"total", "by_status", "by_priority"}},
            {"properties", {{"total", {{"type", "integer"}}}, {"by_status", counts}, {"by_priority", counts}}}};
  }

  // ---- routes ----
  void place_new(atrium::Transaction& tx, Task& task) const {
    const Task untouched;
    task.result = untouched.result;
    task.error = untouched.error;
    task.output_files = untouched.output_files;
    task.progress_percent = untouched.progress_percent;
    task.worker_id = untouched.worker_id;
    task.cost_usd = untouched.cost_usd;
    task.input_tokens = untouched.input_tokens;
    task.output_tokens = untouched.output_tokens;
    queue_.place(tx, task);
  }

  atrium::Reply stats() const {
    atrium::Json by_status = atrium::Json::object(), by_priority = atrium::Json::object();
    for (const auto name : names_of(Status{})) by_status[std::string(name)] = 0;
    for (const auto name : names_of(Priority{})) by_priority[std::string(name)] = 0;
    std::int64_t total = 0;
    store().query("SELECT status, priority, count(*) FROM tasks GROUP BY status, priority",
                  [&](const atrium::Row& row) {
                    const auto count = row.integer(2);
                    auto& status = by_status[std::string(row.text(0))];
                    status = status.get<std::int64_t>() + count;
                    auto& priority = by_priority[std::string(name_of(static_cast<Priority>(row.integer(1))))];
                    priority = priority.get<std::int64_t>() + count;
                    total += count;
                  });
    return atrium::ok(atrium::Json{{"total", total}, {"by_status", by_status}, {"by_priority", by_priority}});
  }

  void change(atrium::Request request) {
    const auto prepare = [this](atrium::Request& asked) {
      const auto given = atrium::parse_object(asked.body());
      std::vector<atrium::Fault> faults;
      Task trial;
      atrium::read_json(given, trial, atrium::Reading::partial, faults);
      if (!faults.empty()) throw atrium::invalid(std::move(faults));
      const std::string if_match(asked.header("if-match").value_or(""));
      return [this, id = asked.id(), given, who = asked.principal(), if_match](atrium::Transaction& tx) {
        return changed(tx, who, id, given, if_match);
      };
    };
    atrium::answer_committed(store(), std::move(request), prepare, [](const Task& now) { return atrium::ok(now); });
  }

  Task changed(atrium::Transaction& tx, const atrium::Principal& who, const atrium::Id& id, const atrium::Json& given,
               const std::string& if_match) const {
    const Task before = tx.get<Task>(who, id);
    atrium::require_match(if_match, before);
    Task now = before;
    std::vector<atrium::Fault> none;
    atrium::read_json(given, now, atrium::Reading::partial, none);
    if (who.kind() == "worker") require_worker_may(tx, who, before, now, given);
    if (now.agent_id != before.agent_id) reassign(tx, before, now, given.contains("status"));
    require_move(before.status, now.status);
    if (now.status == (now.agent_id ? Status::pending : Status::assigned))
      throw atrium::conflict("A task is assigned while it has an agent, and pending while it has none: set agent_id.");
    const bool claims =
        given.contains("status") && now.status == Status::in_progress && before.status != Status::review;
    if (claims) {
      if (!now.worker_id) throw atrium::invalid("/worker_id", "say which worker claims it");
      if (who.kind() != "worker") atrium::require(tx, "workers/directory", *now.worker_id, "/worker_id");
      if (before.status == Status::in_progress) throw atrium::conflict("Somebody is working on this task already.");
      Queue::claim_one(now, *now.worker_id);
    } else {
      now.worker_id = before.worker_id;
      if (before.is_over() && given.contains("status"))
        throw atrium::conflict("The task is " + std::string(name_of(before.status)) + " already.");
    }
    queue_.move(tx, now, before.status);
    return now;
  }

  void reassign(atrium::Transaction& tx, const Task& before, Task& now, bool status_given) const {
    if (before.is_running() || before.is_over()) throw atrium::conflict("A task that runs or is over keeps its agent.");
    if (now.agent_id) queue_.know_agent(tx, *now.agent_id);
    if (!status_given) now.status = now.agent_id ? Status::assigned : Status::pending;
  }

  static void require_worker_may(atrium::Transaction& tx, const atrium::Principal& who, const Task& before,
                                 const Task& now, const atrium::Json& given) {
    for (const auto& [member, value] : given.items())
      if (std::find(reported_members.begin(), reported_members.end(), member) == reported_members.end())
        throw atrium::forbidden("A worker may not change " + member + ".");
    if (before.lease) {
      if (*before.lease != who.id() && before.status != Status::in_progress)
        throw atrium::forbidden("Another worker has leased this task.");
      if (*before.lease != who.id()) throw atrium::conflict("Another worker has leased this task.");
      return;
    }
    if (before.is_over()) return;  // the move itself is refused
    if (now.status != Status::in_progress) throw atrium::forbidden("Claim the task first.");
    if (now.worker_id && now.worker_id->text() != who.id()) throw atrium::forbidden("A worker claims for itself only.");
    const auto home = tx.value<std::string>(
        "SELECT a.worker_id FROM tasks t JOIN task_agents a ON a.agent_id = t.agent_id WHERE t.id = ?", before.id);
    if (home.value_or("") != who.id()) throw atrium::forbidden("The task's agent is not on this worker.");
  }

  atrium::Reply cancel(const atrium::Request& request) {
    const auto who = request.principal();
    return atrium::ok(store().transaction(who, [&](atrium::Transaction& tx) {
      auto task = tx.get<Task>(who, request.id());
      if (task.status == Status::cancelled) return task;
      const auto before = task.status;
      task.status = Status::cancelled;
      require_move(before, task.status);
      queue_.move(tx, task, before);
      return task;
    }));
  }

  atrium::Json create_for_agent(const atrium::ToolCall& tool, NewTask arguments) {
    Task task;
    task.title = std::move(arguments.title);
    task.instructions = std::move(arguments.instructions);
    task.priority = arguments.priority;
    task.agent_id = arguments.agent_id;
    task.parent_task_id = atrium::Id::parse(tool.task_id);
    task = store().transaction(tool.agent, [&, task](atrium::Transaction& tx) {
      Task made = task;
      queue_.place(tx, made);
      tx.insert(made);
      tx.publish("task.created", made);
      return made;
    });
    return {{"task_id", task.id.str()}, {"status", name_of(task.status)}};
  }

  // ---- the queue as a service ----
  void provide_queue();
  static atrium::Json as_json(const Task& task) { return atrium::Json::parse(atrium::to_json(task)); }
  static Task leased(atrium::Transaction& tx, const atrium::Json& arguments) {
    const auto found = tx.find<Task>("id = ? AND lease = ?", arguments.at("id").get<std::string>(),
                                     arguments.at("lease").get<std::string>());
    if (found.empty() || !found.front().is_running()) throw atrium::conflict("The lease on this task is gone.");
    return found.front();
  }
  static void add_usage(Task& task, const atrium::Json& arguments) {
    task.cost_usd.micros += arguments.value("cost_micros", std::int64_t{0});
    task.input_tokens += arguments.value("input_tokens", std::int64_t{0});
    task.output_tokens += arguments.value("output_tokens", std::int64_t{0});
  }

  // ---- time ----
  void learn_agents() {
    if (!services().has("agents/directory")) return;
    spawn(learn());
  }
  atrium::Async<void> learn() {
    auto listing = services().call("agents/directory", "list", atrium::Json::object());
    const atrium::Json agents = co_await listing;
    auto storing = store().commit({}, [this, &agents](atrium::Transaction& tx) {
      for (const auto& agent : agents) queue_.agent_changed(tx, agent);
    });
    co_await storing;
  }
  void expire() {
    const auto now = atrium::Time::now();
    if (!store().value<std::int64_t>(
            "SELECT 1 FROM tasks WHERE (lease_until < ?) OR (deadline < ? AND completed_at IS NULL) LIMIT 1", now, now))
      return;
    store().transaction({}, [this, now](atrium::Transaction& tx) {
      for (auto& task : tx.find<Task>("deadline < ? AND completed_at IS NULL ORDER BY id LIMIT 500", now)) {
        const auto before = task.status;
        task.status = Status::failed;
        task.error = "deadline_exceeded";
        queue_.move(tx, task, before);
      }
      queue_.release(tx, tx.find<Task>("status = 'in_progress' AND lease_until < ? ORDER BY id LIMIT 500", now));
    });
  }

  atrium::Async<void> pause(std::chrono::milliseconds duration, atrium::Cancellation until) const {
    auto sleeping = sleep(duration, std::move(until));
    co_await sleeping;
  }

  Queue queue_{services()};
  RunCommand run_command_{store(), services(), queue_, cancellation(),
                          [this](auto duration, auto until) { return pause(duration, std::move(until)); }};
};

void Tasks::provide_queue() {
  provide("tasks/queue")
      .on("claim",
          [this](const atrium::Call& call) {
            const auto arguments = call.json();
            Queue::Claim claim{
                .worker = atrium::Id::parse(arguments.value("worker_id", "")),
                .lease = arguments.at("lease"),
                .most = arguments.value("max", std::int64_t{1}),
                .duration = std::chrono::milliseconds(arguments.value("lease_ms", std::int64_t{90'000}))};
            auto tx = call.transaction();
            atrium::Json claimed = atrium::Json::array();
            for (const auto& task : queue_.claim(tx, claim)) claimed.push_back(as_json(task));
            return claimed;
          })
      .on("adopt",
          [](const atrium::Call& call) {  // what an earlier life of the claimer left running
            const auto arguments = call.json();
            auto tx = call.transaction();
            atrium::Json adopted = atrium::Json::array();
            for (const auto& task : tx.find<Task>("status = 'in_progress' AND worker_id IS NULL AND lease <> ? ORDER "
                                                  "BY priority DESC, id LIMIT 1000",
                                                  arguments.at("lease").get<std::string>())) {
              tx.exec(
                  "UPDATE tasks SET lease = ?, lease_until = ? WHERE id = ?", arguments.at("lease").get<std::string>(),
                  atrium::Time::now() + std::chrono::milliseconds(arguments.value("lease_ms", std::int64_t{90'000})),
                  task.id);
              adopted.push_back(as_json(task));
            }
            return adopted;
          })
      .on("renew",
          [](const atrium::Call& call) -> atrium::Json {
            const auto arguments = call.json();
            return call.transaction().exec(
                "UPDATE tasks SET lease_until = ? WHERE lease = ? AND status IN ('in_progress', 'review')",
                atrium::Time::now() + std::chrono::milliseconds(arguments.value("lease_ms", std::int64_t{90'000})),
                arguments.at("lease").get<std::string>());
          })
      .on("progress",
          [this](const atrium::Call& call) {
            const auto arguments = call.json();
            auto tx = call.transaction();
            auto task = leased(tx, arguments);
            add_usage(task, arguments);
            task.progress_percent = std::clamp(arguments.value("progress_percent", task.progress_percent),
                                               task.progress_percent, std::int64_t{99});
            queue_.move(tx, task, task.status);
            return as_json(task);
          })
      .on("complete",
          [this](const atrium::Call& call) {
            const auto arguments = call.json();
            auto tx = call.transaction();
            auto task = leased(tx, arguments);
            add_usage(task, arguments);
            task.result = arguments.value("result", "");
            task.error.reset();
            const auto before = std::exchange(task.status, Status::completed);
            queue_.move(tx, task, before);
            return as_json(task);
          })
      .on("fail",
          [this](const atrium::Call& call) {
            const auto arguments = call.json();
            auto tx = call.transaction();
            auto task = leased(tx, arguments);
            queue_.fail(tx, task, arguments.value("error", "unknown"), arguments.value("may_retry", false));
            return as_json(task);
          })
      .on("release",
          [this](const atrium::Call& call) -> atrium::Json {
            auto tx = call.transaction();
            queue_.release(tx, {leased(tx, call.json())});
            return nullptr;
          })
      .on("release_worker",
          [this](const atrium::Call& call) -> atrium::Json {
            auto tx = call.transaction();
            queue_.release(tx, tx.find<Task>("lease = ? AND status IN ('in_progress', 'review')",
                                             call.json().at("worker_id").get<std::string>()));
            return nullptr;
          })
      .on("release_agent",
          [this](const atrium::Call& call) -> atrium::Json {
            auto tx = call.transaction();
            queue_.release(tx, tx.find<Task>("agent_id = ? AND status IN ('in_progress', 'review')",
                                             call.json().at("agent_id").get<std::string>()));
            return nullptr;
          })
      .on("cancel_agent",
          [this](const atrium::Call& call) -> atrium::Json {
            auto tx = call.transaction();
            queue_.cancel(tx, tx.find<Task>("agent_id = ? AND status IN ('assigned', 'in_progress', 'review')",
                                            call.json().at("agent_id").get<std::string>()));
            return nullptr;
          })
      .on("agent_changed",
          [this](const atrium::Call& call) -> atrium::Json {
            auto tx = call.transaction();
            queue_.agent_changed(tx, call.json());
            return nullptr;
          })
      .on("of_worker", [this](const atrium::Call& call) {
        atrium::Json all = atrium::Json::array();
        const auto worker = call.json().at("worker_id").get<std::string>();
        for (const auto& task : store().find<Task>(
                 "status IN ('assigned', 'in_progress', 'review') AND agent_id IN "
                 "(SELECT agent_id FROM task_agents WHERE worker_id = ?) ORDER BY priority DESC, id LIMIT 200",
                 worker))
          all.push_back(as_json(task));
        return all;
      });
}

}  // namespace tasks

ATRIUM_PLUGIN(tasks::Tasks)
