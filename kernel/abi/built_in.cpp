#include "abi/built_in.hpp"

#include "observability/log.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>

namespace kernel::abi {

BuiltIn::BuiltIn(Parts parts, const atrium_plugin& table, nlohmann::json configuration)
    : table_(table),
      host_(parts, "kernel", {.egress_user = true, .egress_operator = true, .environment = {}, .interfaces = {}},
            std::move(configuration), nullptr) {
  atrium_err error{};
  auto status = table_.create(host_.handle(), &self_, &error);
  if (status >= 0) status = table_.start(self_, &error);
  if (status >= 0) return;
  host_.revoke();
  if (self_ != nullptr) table_.destroy(self_);
  throw std::runtime_error(std::string(table_.id) + " cannot start: " + error.message);
}

BuiltIn::~BuiltIn() { stop(); }

void BuiltIn::stop(std::chrono::milliseconds deadline) {
  if (self_ == nullptr) return;
  void* self = std::exchange(self_, nullptr);
  atrium_err error{};
  const bool quiet = table_.quiesce == nullptr || table_.quiesce(self, deadline.count(), &error) >= 0;
  if (host_.revoke(deadline) && quiet) return table_.destroy(self);
  observability::log(observability::Level::warning, "kernel",
                     std::string(table_.id) + " did not stop in time and is left as it is: " + error.message);
}

}  // namespace kernel::abi
