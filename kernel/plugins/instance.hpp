#pragma once
// One plugin's life: loaded, created, started; quiesced, revoked, destroyed.
#include "abi/host.hpp"
#include "plugins/loader.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace kernel::plugins {

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  /// Migrates, loads, creates, starts, and puts its routes into the table, in place of those of an instance of the same
  /// plugin that runs. Throws with the reason; nothing is left then.
  static std::shared_ptr<Instance> start(abi::Parts parts, routing::Table& routes, const Manifest& manifest,
                                         const Source& source, nlohmann::json configuration,
                                         std::chrono::milliseconds patience);
  /// Ends its own work, subscriptions and timers, while it goes on to answer: another one is about to take over.
  void stand_back() { host_.stand_back(); }
  /// Another one has taken its routes over: stop() leaves them.
  void superseded() { routed_ = false; }
  /// Withdraws its routes, waits for its requests, ends it. Empty: gone. Else why its memory is left as it is: a plugin
  /// that does not come to rest must not be destroyed under its own threads.
  std::string stop(std::chrono::milliseconds patience);

  /// Empty: healthy.
  std::string health();

 private:
  Instance(abi::Parts parts, routing::Table& routes, const Manifest& manifest, nlohmann::json configuration,
           std::shared_ptr<Library> library);
  void create_and_start();
  bool quiesce(std::chrono::milliseconds patience, std::string* why);

  routing::Table& routes_;
  const std::string id_;
  std::shared_ptr<Library> library_;
  abi::Host host_;
  void* self_ = nullptr;
  bool routed_ = false;  ///< the routes in the table are its own
};

}  // namespace kernel::plugins
