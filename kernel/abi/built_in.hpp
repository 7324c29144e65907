#pragma once
// The kernel's own features use the face that plugins use: a table that is linked in, with "kernel" as its owner.
#include "abi/host.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace kernel::abi {

class BuiltIn {
 public:
  /// Creates and starts it. Throws std::runtime_error naming it and the reason. `table` outlives this.
  BuiltIn(Parts parts, const atrium_plugin& table, nlohmann::json configuration = nlohmann::json::object());
  ~BuiltIn();
  BuiltIn(const BuiltIn&) = delete;
  BuiltIn& operator=(const BuiltIn&) = delete;
  /// All built-ins share one owner, so put the routes of all of them into the table together.
  std::vector<routing::Route> take_routes() { return host_.take_routes(); }
  /// After the last request. Ends its work and destroys it; the destructor does so too.
  void stop(std::chrono::milliseconds deadline = std::chrono::seconds(10));

 private:
  const atrium_plugin& table_;
  Host host_;
  void* self_ = nullptr;
};

}  // namespace kernel::abi
