#include "run_command.hpp"

namespace tasks {

using atrium::Async;
using atrium::Json;

namespace {

constexpr std::string_view directory = "agents/directory";
constexpr std::size_t longest_title = 80;
constexpr std::chrono::seconds look_again{5};  // should an event be missed

void say(const atrium::Call& call, const std::string& text) { call.emit({{"err", text + "\n"}}); }

/// The first line, or what of it fits, cut between characters.
std::string title_of(const std::string& instructions) {
  auto title = instructions.substr(0, instructions.find('\n'));
  if (title.size() <= longest_title) return title;
  auto end = longest_title;
  while (end > 0 && (static_cast<unsigned char>(title[end]) & 0xC0) == 0x80) --end;
  return title.substr(0, end) + "…";
}

std::string names_of_agents(const Json& agents) {
  std::string names;
  for (const auto& agent : agents) names += (names.empty() ? "" : ", ") + agent.value("name", "");
  return names;
}

Json started(const Json& agents) {
  Json some = Json::array();
  for (const auto& agent : agents) {
    const auto status = agent.value("status", "");
    if (status == "idle" || status == "busy") some.push_back(agent);
  }
  return some;
}

/// One line for each thing that a person wants to know while waiting; empty when nothing of it changed.
std::string progress(const Task& before, const Task& now) {
  std::string text;
  if (now.status != before.status) text = name_of(now.status);
  if (now.retry_count != before.retry_count)
    text += ": attempt " + std::to_string(now.retry_count) + " failed, it is tried again" +
            (now.error ? ": " + *now.error : "");
  const auto tokens = now.input_tokens + now.output_tokens;
  if (!now.is_over() &&
      (now.progress_percent != before.progress_percent || tokens != before.input_tokens + before.output_tokens)) {
    if (!text.empty()) text += ", ";
    if (now.progress_percent > 0) text += std::to_string(now.progress_percent) + " %, ";
    text += std::to_string(tokens) + " tokens";
  }
  return text;
}

}  // namespace

class RunCommand::Watch {
 public:
  Watch(RunCommand& command, const atrium::Id& task) : command_(&command) {
    const std::lock_guard lock(command.mutex_);
    place_ = command.watched_.emplace(task.str(), changed);
  }
  ~Watch() {
    const std::lock_guard lock(command_->mutex_);
    command_->watched_.erase(place_);
  }
  Watch(const Watch&) = delete;

  const atrium::Cancellation changed;

 private:
  RunCommand* command_;
  decltype(RunCommand::watched_)::iterator place_;
};

RunCommand::Order RunCommand::parse(const Json& arguments) {
  Order order;
  bool has_instructions = false, only_text = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string word = arguments[i];
    if (only_text || !word.starts_with("-")) {
      if (std::exchange(has_instructions, true))
        throw atrium::bad_request("say the instructions as one argument, in quotes");
      order.instructions = word;
    } else if (word == "--") {
      only_text = true;
    } else if (word == "--follow") {
      order.follow = true;
    } else if (word == "--json") {
      order.json = true;
    } else if (word.starts_with("--agent=")) {
      order.agent = word.substr(8);
    } else if (word == "--agent" && i + 1 < arguments.size()) {
      order.agent = arguments[++i];
    } else {
      throw atrium::bad_request(word == "--agent" ? "--agent needs a name" : "there is no option " + word);
    }
  }
  if (order.instructions.find_first_not_of(" \t\n") == std::string::npos)
    throw atrium::bad_request("the instructions are missing");
  return order;
}

Async<Json> RunCommand::run(atrium::Call call) {
  const Order order = parse(call.json().value("arguments", Json::array()));
  auto choosing = choose_agent(call, order);
  const Json agent = co_await choosing;
  const auto id = atrium::Id::parse(agent.at("id").get<std::string>()).value();
  auto creating = create(call, order, id);
  Task task = co_await creating;
  say(call, "task " + task.id.str() + " for " + agent.value("name", ""));
  if (started(Json::array({agent})).empty())
    say(call, "its agent is " + agent.value("status", "") + ": the task waits until somebody starts it");
  if (order.follow) {
    auto following = follow(call, std::move(task));
    task = co_await following;
  }
  co_return Json{{"exit", tell(call, order, task)}};
}

Async<Json> RunCommand::choose_agent(const atrium::Call& call, const Order& order) const {
  const Json wanted = order.agent.empty() ? Json::object() : Json{{"name", order.agent}};
  auto finding = services_->call(std::string(directory), "find", wanted, {.who = call.principal()});
  Json agents = co_await finding;
  if (!order.agent.empty() && agents.empty()) {
    auto listing = services_->call(std::string(directory), "find", Json::object(), {.who = call.principal()});
    const Json all = co_await listing;
    throw atrium::not_found("there is no agent " + order.agent +
                            (all.empty() ? "; create one first" : "; there are: " + names_of_agents(all)));
  }
  if (order.agent.empty()) {
    const Json all = std::exchange(agents, started(agents));
    if (agents.empty())
      throw atrium::conflict(all.empty() ? "there is no agent yet; create one first"
                                         : "no agent is started; start one of: " + names_of_agents(all));
    if (agents.size() > 1)
      throw atrium::conflict("several agents are started; choose by --agent: " + names_of_agents(agents));
  }
  if (agents.size() > 1)
    throw atrium::conflict(std::to_string(agents.size()) + " agents are called " + order.agent +
                           "; give the one you mean another name");
  co_return agents.at(0);
}

Async<Task> RunCommand::create(const atrium::Call& call, const Order& order, atrium::Id agent) const {
  Task task;
  task.title = title_of(order.instructions);
  task.instructions = order.instructions;
  task.agent_id = agent;
  // The bounds of a task that comes over HTTP hold here too.
  const Json given{{"title", task.title}, {"instructions", task.instructions}};
  std::vector<atrium::Fault> faults;
  Task trial;
  atrium::read_json(given, trial, atrium::Reading::partial, faults);
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  auto creating = store_->commit(call.principal(), [this, &task](atrium::Transaction& tx) {
    Task made = task;
    queue_->place(tx, made);
    tx.insert(made);
    tx.publish("task.created", made);
    return made;
  });
  co_return co_await creating;
}

Async<Task> RunCommand::follow(const atrium::Call& call, Task task) {
  while (!task.is_over()) {
    // Before the read, so that no change falls between the two.
    const Watch watch(*this, task.id);
    const auto wake = [changed = watch.changed] { changed.request(); };
    const auto gone = call.cancellation().on_request(wake), over = stopping_.on_request(wake);
    const Task now = store_->get<Task>(call.principal(), task.id);
    if (const auto text = progress(task, now); !text.empty()) say(call, text);
    task = now;
    if (call.cancellation().requested() || stopping_.requested()) co_return task;
    if (task.is_over()) break;
    auto sleeping = sleep_(look_again, watch.changed);
    co_await sleeping;
  }
  co_return task;
}

std::int64_t RunCommand::tell(const atrium::Call& call, const Order& order, const Task& task) {
  if (order.json) call.emit({{"out", atrium::to_json(task) + "\n"}});
  if (!order.follow) {
    if (!order.json) call.emit({{"out", task.id.str() + "\n"}});
    return 0;
  }
  if (task.status == Status::completed) {
    if (!order.json) call.emit({{"out", task.result.value_or("") + "\n"}});
    return 0;
  }
  const std::string what =
      task.is_over() ? "the task " + std::string(name_of(task.status)) + (task.error ? ": " + *task.error : "")
                     : "the kernel stops; the task goes on when it runs again: GET /tasks/" + task.id.str();
  say(call, "atrium: " + what);
  return 1;
}

void RunCommand::notice(std::string_view task_id) {
  std::vector<atrium::Cancellation> wake;
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = watched_.equal_range(task_id);
    for (auto each = first; each != last; ++each) wake.push_back(each->second);
  }
  for (const auto& changed : wake) changed.request();
}

}  // namespace tasks
