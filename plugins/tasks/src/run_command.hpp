#pragma once
// `atrium run`: a task from the command line, followed to its result.
#include "queue.hpp"

#include <map>

namespace tasks {

class RunCommand {
 public:
  /// Ends after the time, or as soon as the cancellation is requested.
  using Sleep = std::function<atrium::Async<void>(std::chrono::milliseconds, atrium::Cancellation)>;

  /// stopping: ends the following; the tasks go on. What the others refer to outlives the commands that run.
  RunCommand(const atrium::Store& store, const atrium::Services& services, const Queue& queue,
             atrium::Cancellation stopping, Sleep sleep)
      : store_(&store),
        services_(&services),
        queue_(&queue),
        stopping_(std::move(stopping)),
        sleep_(std::move(sleep)) {}

  /// How `atrium --help` and `atrium run --help` show it.
  /// {"arguments": [text...]} -> {"exit": code}; pieces {"out": text} and {"err": text} on the way. In the caller's
  /// name. Throws 422 for wrong usage.
  atrium::Async<atrium::Json> run(atrium::Call call);
  /// Wakes whoever follows this task. Any thread.
  void notice(std::string_view task_id);

 private:
  struct Order {
    std::string instructions, agent;
    bool follow = false, json = false;
  };
  /// A wish to hear of the next change of one task; forgotten with the object.
  class Watch;

  static Order parse(const atrium::Json& arguments);
  atrium::Async<atrium::Json> choose_agent(const atrium::Call& call, const Order& order) const;
  atrium::Async<Task> create(const atrium::Call& call, const Order& order, atrium::Id agent) const;
  atrium::Async<Task> follow(const atrium::Call& call, Task task);
  static std::int64_t tell(const atrium::Call& call, const Order& order, const Task& task);

  const atrium::Store* store_;
  const atrium::Services* services_;
  const Queue* queue_;
  const atrium::Cancellation stopping_;
  const Sleep sleep_;
  std::mutex mutex_;
  std::multimap<std::string, atrium::Cancellation, std::less<>> watched_;
};

}  // namespace tasks
