#include "plugins/instance.hpp"

#include "observability/log.hpp"
#include "plugins/breadcrumb.hpp"
#include "plugins/migrations.hpp"

#include <future>
#include <thread>

namespace kernel::plugins {
namespace {

/// A call of the life cycle: named for a crash, and nothing thrown leaves it. Empty: it succeeded.
template <class Call>
std::string life_call(const std::string& id, const char* what, Call call) {
  const breadcrumb::Scope scope(id.c_str());
  atrium_err error{};
  std::string thrown;
  try {
    if (call(&error) >= 0) return {};
    thrown = error.message;
  } catch (const std::exception& fault) {
    thrown = fault.what();
  } catch (...) {
    thrown = "something unknown was thrown";
  }
  return std::string(what) + " failed: " + (thrown.empty() ? "no reason given" : thrown);
}

abi::Grants grants_of(const Manifest& manifest) {
  std::map<std::string, std::string> metadata;
  for (const auto& command : manifest.commands) {
    metadata["command/" + command.name] =
        nlohmann::json{{"summary", command.summary}, {"usage", command.usage}, {"example", command.example}}.dump();
  }
  egress::Hosts hosts;
  if (!manifest.egress_hosts.empty()) hosts = std::make_shared<const std::vector<std::string>>(manifest.egress_hosts);
  return {.egress_user = manifest.egress_user,
          .egress_operator = manifest.egress_operator,
          .egress_hosts = std::move(hosts),
          .keys = manifest.keys,
          .environment = manifest.environment,
          .interfaces = manifest.interfaces,
          .routes = manifest.routes,
          .provides = manifest.provides,
          .metadata = std::move(metadata)};
}

}  // namespace

Instance::Instance(abi::Parts parts, routing::Table& routes, const Manifest& manifest, nlohmann::json configuration,
                   std::shared_ptr<Library> library)
    : routes_(routes),
      id_(manifest.id),
      library_(library),
      host_(parts, manifest.id, grants_of(manifest), std::move(configuration), library) {}

std::shared_ptr<Instance> Instance::start(abi::Parts parts, routing::Table& routes, const Manifest& manifest,
                                          const Source& source, nlohmann::json configuration,
                                          std::chrono::milliseconds patience) {
  auto library = Library::load(source, manifest);
  parts.database.grant({manifest.id, manifest.tables});
  apply_migrations(parts.database, manifest.id, source.folder / "migrations");
  std::shared_ptr<Instance> instance(
      new Instance(parts, routes, manifest, std::move(configuration), std::move(library)));
  try {
    instance->create_and_start();
  } catch (...) {
    const auto kept = instance->stop(patience);
    if (!kept.empty()) observability::log(observability::Level::warning, manifest.id, kept);
    throw;
  }
  return instance;
}

void Instance::create_and_start() {
  const atrium_plugin& plugin = library_->plugin();
  auto fault =
      life_call(id_, "create", [&](atrium_err* error) { return plugin.create(host_.handle(), &self_, error); });
  if (!fault.empty()) {
    self_ = nullptr;
    throw std::runtime_error(fault);
  }
  fault = life_call(id_, "start", [&](atrium_err* error) { return plugin.start(self_, error); });
  if (!fault.empty()) throw std::runtime_error(fault);
  routes_.replace(id_, host_.take_routes());
  routed_ = true;
}

bool Instance::quiesce(std::chrono::milliseconds patience, std::string* why) {
  const atrium_plugin& plugin = library_->plugin();
  if (self_ == nullptr || !ATRIUM_HAS(&plugin, quiesce) || plugin.quiesce == nullptr) return true;
  // On a thread of its own: one that never returns must not keep the kernel from ending.
  std::promise<std::string> promise;
  auto answer = promise.get_future();
  std::thread([promise = std::move(promise), library = library_, self = self_, id = id_, patience]() mutable {
    promise.set_value(life_call(
        id, "quiesce", [&](atrium_err* error) { return library->plugin().quiesce(self, patience.count(), error); }));
  }).detach();
  const auto grace = patience + std::chrono::seconds(1);
  *why = answer.wait_for(grace) == std::future_status::ready ? answer.get() : "quiesce did not return in time";
  return why->empty();
}

std::string Instance::stop(std::chrono::milliseconds patience) {
  if (routed_) routes_.replace(id_, {});
  host_.take_routes();    // of a start that failed before they came into the table
  host_.drain(patience);  // who is still waiting then gets 503 from revoke()
  std::string why;
  const bool quiet = quiesce(patience, &why);
  const bool revoked = host_.revoke(patience);
  if (quiet && revoked) {
    if (self_ == nullptr) return {};
    return life_call(id_, "destroy", [&](atrium_err*) {
      library_->plugin().destroy(std::exchange(self_, nullptr));
      return ATRIUM_OK;
    });
  }
  new std::shared_ptr<Instance>(shared_from_this());  // kept for good: its threads may still use it
  return "it stays in memory: " + (why.empty() ? "a call into it does not return" : why);
}

std::string Instance::health() {
  const atrium_plugin& plugin = library_->plugin();
  if (!ATRIUM_HAS(&plugin, health) || plugin.health == nullptr) return {};
  std::string fault;
  host_.run([&] { fault = life_call(id_, "health", [&](atrium_err* error) { return plugin.health(self_, error); }); });
  return fault;
}

}  // namespace kernel::plugins
