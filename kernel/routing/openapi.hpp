#pragma once
// The OpenAPI 3.1 description, made from the declarations that also route.
#include "routing/route.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <mutex>
#include <vector>

namespace kernel::routing {

nlohmann::json describe(const std::vector<std::shared_ptr<const Route>>& routes);

/// Keeps the text until the routes change. Thread-safe.
class OpenApi {
 public:
  explicit OpenApi(const Table& table) : table_(table) {}
  std::shared_ptr<const std::string> text();

 private:
  const Table& table_;
  std::mutex mutex_;
  /// Weak, so that a description does not keep a withdrawn plugin loaded.
  std::vector<std::weak_ptr<const Route>> described_;
  std::shared_ptr<const std::string> text_;
};

}  // namespace kernel::routing
