#include "agent.hpp"

namespace agents {
namespace {

constexpr std::string_view queue = "tasks/queue", workers = "workers/directory";

class Agents final : public atrium::Plugin {
 public:
  void start() override {
    auto agents = resource<Agent>("/agents", "Agents");
    agents.list().filter("status", "status_filter").filter("role").search("name", "description");
    agents.read();
    agents.create().check(known_references()).before(known_worker());
    agents.update().check(known_references()).before(known_worker()).after([this](auto& tx, auto&, Agent& now, auto*) {
      tell_queue(tx, now);
    });
    agents.remove()
        .before([](auto&, auto&, Agent& now, auto*) { now.status = Status::offline; })
        .after([this](auto& tx, auto& who, Agent& now, auto*) {
          tell_queue(tx, now);
          if (services().has(queue)) tx.call(queue, "cancel_agent", {{"agent_id", now.id.text()}}, who);
        });

    post("/agents/{id}/start",
         {.summary = "Let it work: status becomes idle", .answer = atrium::schema<Agent>(), .tag = "Agents"},
         [this](atrium::Request& request) { return turn(request, true); });
    post("/agents/{id}/stop",
         {.summary = "Let it rest: status becomes offline, its running tasks wait again",
          .answer = atrium::schema<Agent>(),
          .tag = "Agents"},
         [this](atrium::Request& request) { return turn(request, false); });

    provide("agents/directory")
        .on("get", [this](const atrium::Call& call) { return get(call); })
        .on("list", [this](const atrium::Call&) { return list(); })
        .on("find", [this](const atrium::Call& call) { return find(call); })
        .on("set_running", [](const atrium::Call& call) { return set_running(call); });
  }

 private:
  /// Providers and tools are services; what is not installed is refused by name.
  atrium::ChangeRoute<Agent>::Check known_references() const {
    return [this](const atrium::Request&, Agent& now, const Agent* before, std::vector<atrium::Fault>& faults) {
      if (now.llm_provider && (!before || before->llm_provider != now.llm_provider) &&
          !services().has("llm.provider/" + *now.llm_provider))
        faults.push_back({"/llm_provider", "no installed plugin provides " + *now.llm_provider});
      if (before && before->enabled_tools == now.enabled_tools) return;
      for (std::size_t i = 0; i < now.enabled_tools.size(); ++i)
        if (!services().has("agent.tool/" + now.enabled_tools[i]))
          faults.push_back(
              {"/enabled_tools/" + std::to_string(i), "no installed plugin provides the tool " + now.enabled_tools[i]});
    };
  }
  static atrium::ChangeRoute<Agent>::Hook known_worker() {
    return [](atrium::Transaction& tx, const atrium::Principal&, Agent& now, const Agent* before) {
      if (now.worker_id && (!before || before->worker_id != now.worker_id))
        atrium::require(tx, workers, *now.worker_id, "/worker_id");
    };
  }

  /// The queue keeps what it needs to hand out tasks: whether the agent works, where, and how many at once.
  void tell_queue(atrium::Transaction& tx, const Agent& agent) const {
    if (services().has(queue)) tx.call(queue, "agent_changed", for_queue(agent));
  }
  static atrium::Json for_queue(const Agent& agent) {
    return {{"agent_id", agent.id.text()},
            {"active", agent.status == Status::idle || agent.status == Status::busy},
            {"worker_id", agent.worker_id ? atrium::Json(agent.worker_id->text()) : atrium::Json()},
            {"slots", agent.max_concurrent_tasks}};
  }

  atrium::Reply turn(const atrium::Request& request, bool on) {
    const auto who = request.principal();
    return atrium::ok(store().transaction(who, [&](atrium::Transaction& tx) {
      auto agent = tx.get<Agent>(who, request.id());
      const bool is_on = agent.status == Status::idle || agent.status == Status::busy;
      if (is_on == on) return agent;
      agent.status = on ? Status::idle : Status::offline;
      tx.update(agent);
      tell_queue(tx, agent);
      tx.publish("agent.status", agent);
      if (!on && services().has(queue)) {
        tx.call(queue, "release_agent", {{"agent_id", agent.id.text()}}, who);
        agent = tx.get<Agent>(who, agent.id);
      }
      return agent;
    }));
  }

  atrium::Json get(const atrium::Call& call) const {
    const auto id = atrium::Id::parse(call.json().value("id", ""));
    if (!id) throw atrium::not_found();
    const Agent agent = call.in_transaction() ? call.transaction().get<Agent>(call.principal(), *id)
                                              : store().get<Agent>(call.principal(), *id);
    atrium::Json json = atrium::Json::parse(atrium::to_json(agent));
    json["queue"] = for_queue(agent);
    return json;
  }
  atrium::Json list() const {
    atrium::Json all = atrium::Json::array();
    for (const auto& agent : store().find<Agent>("deleted_at IS NULL ORDER BY id")) all.push_back(for_queue(agent));
    return all;
  }
  /// {"name"}: those that bear it; without one all, as far as a person reads on.
  atrium::Json find(const atrium::Call& call) const {
    const auto arguments = call.json();
    const auto found = arguments.contains("name")
                           ? store().find<Agent>("deleted_at IS NULL AND name = ? ORDER BY id LIMIT 100",
                                                 arguments.at("name").get<std::string>())
                           : store().find<Agent>("deleted_at IS NULL ORDER BY name, id LIMIT 100");
    atrium::Json all = atrium::Json::array();
    for (const auto& agent : found)
      all.push_back({{"id", agent.id.text()}, {"name", agent.name}, {"status", atrium::name_of(agent.status)}});
    return all;
  }
  /// How many tasks run now: idle and busy follow from it.
  static atrium::Json set_running(const atrium::Call& call) {
    const auto arguments = call.json();
    auto tx = call.transaction();
    const auto found = tx.find<Agent>("id = ?", arguments.value("agent_id", ""));
    if (found.empty()) return nullptr;
    Agent agent = found.front();
    agent.running_tasks = arguments.value("running", 0);
    const auto before = agent.status;
    if (before == Status::idle || before == Status::busy)
      agent.status = agent.running_tasks > 0 ? Status::busy : Status::idle;
    tx.update(agent);
    if (agent.status != before) tx.publish("agent.status", agent);
    return nullptr;
  }
};

}  // namespace
}  // namespace agents

ATRIUM_PLUGIN(agents::Agents)
