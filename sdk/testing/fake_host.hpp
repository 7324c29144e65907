#pragma once
// A host for unit tests of plugins: every interface of abi.h, no kernel, no server, no waiting.
//
//   FakeHost host(ATRIUM_PLUGIN_SOURCE_DIR);       // reads plugin.json, applies migrations/
//   LoadedPlugin plugin(host, atrium_plugin_v1()); // or PluginUnderTest<Notes> plugin(host);
//   const auto made = host.post("/notes", {{"title", "x"}});
//   EXPECT_EQ(made.status, 201);
//   EXPECT_EQ(host.events.last("note.created").json(), made.json());
//
// Posted work and deferred answers run on the test's own thread, in order, before request() returns; timers run in
// advance(). jobs.start_threads() gives real threads instead. What breaks the contract of abi.h ends the program with a
// message.
#include "fake_auth.hpp"
#include "fake_core.hpp"
#include "fake_db.hpp"
#include "fake_egress.hpp"
#include "fake_events.hpp"
#include "fake_http.hpp"
#include "fake_jobs.hpp"
#include "fake_keys.hpp"
#include "fake_objects.hpp"
#include "fake_services.hpp"
#include "fake_settings.hpp"

#include <atrium/plugin.hpp>

namespace atrium::testing {

class FakeHost : private FakeCore {
 public:
  /// Without a plugin's folder everything is granted and the database is empty.
  FakeHost() {
    static_cast<atrium_host&>(*this) = {sizeof(atrium_host), ATRIUM_ABI_MINOR, &FakeHost::interface,
                                        &FakeHost::log_line};
    FakeCore::http = &http;
    FakeCore::auth = &auth;
    FakeCore::db = &db;
    FakeCore::events = &events;
    FakeCore::jobs = &jobs;
    FakeCore::services = &services;
    FakeCore::egress = &egress;
    FakeCore::objects = &objects;
    FakeCore::keys = &keys;
    FakeCore::settings = &settings;
    FakeCore::metrics = &metrics;
  }
  /// With what plugin.json in this folder grants, and its migrations applied.
  explicit FakeHost(const std::filesystem::path& plugin_folder) : FakeHost() {
    std::ifstream in(plugin_folder / "plugin.json");
    const Json manifest = Json::parse(in);
    egress.granted = manifest.value("egress", Json("none"));
    http.granted = manifest.value("routes", std::vector<std::string>());
    services.granted = manifest.value("services", Json::object()).value("provides", std::vector<std::string>());
    for (const auto& command : manifest.value("commands", Json::array()))
      services.granted->push_back("command/" + command.at("name").get<std::string>());
    keys.granted = manifest.value("keys", false);
    settings.granted.emplace();
    for (const auto& name : manifest.value("environment", Json::array()))
      settings.granted->insert(name.get<std::string>());
    for (const auto& setting : manifest.value("settings", Json::array()))
      settings.values[setting.at("key").get<std::string>()] = setting.at("default");
    if (std::filesystem::exists(plugin_folder / "migrations")) db.migrate(plugin_folder / "migrations");
  }
  FakeHost(const FakeHost&) = delete;

  FakeJobs jobs{*this};
  FakeDb db{*this};
  FakeAuth auth{*this};
  FakeEvents events{*this};
  FakeHttp http{*this};
  FakeServices services{*this};
  FakeEgress egress{*this};
  FakeObjects objects{*this};
  FakeKeys keys{*this};
  FakeSettings settings;
  FakeMetrics metrics{*this};

  const atrium_host* raw() const { return this; }
  /// get() answers NULL for it, as a kernel does that lacks it or did not grant it.
  void withhold(const std::string& interface_id) { withheld.insert(interface_id); }
  std::vector<LogLine> log() const {
    const std::lock_guard lock(mutex);
    return log_lines;
  }

  // ---- requests: `target` is the path below /api/v1, with its query ----
  Response request(std::string_view method, std::string_view target, std::string body = {}, const Who& who = member,
                   Headers headers = {}) {
    const auto exchange = begin(method, target, std::move(body), who, {.headers = std::move(headers)});
    if (!exchange.answered())
      throw std::logic_error(std::string(method) + " " + std::string(target) +
                             " is not answered yet; use begin() and advance()");
    return exchange.response();
  }
  Response get(std::string_view target, const Who& who = member, Headers headers = {}) {
    return request("GET", target, {}, who, std::move(headers));
  }
  Response post(std::string_view target, const Json& body = nullptr, const Who& who = member, Headers headers = {}) {
    return request("POST", target, text(body), who, std::move(headers));
  }
  Response put(std::string_view target, const Json& body, const Who& who = member, Headers headers = {}) {
    return request("PUT", target, text(body), who, std::move(headers));
  }
  Response patch(std::string_view target, const Json& body = nullptr, const Who& who = member, Headers headers = {}) {
    return request("PATCH", target, text(body), who, std::move(headers));
  }
  Response remove(std::string_view target, const Who& who = member, Headers headers = {}) {
    return request("DELETE", target, {}, who, std::move(headers));
  }
  /// A request that may wait for more than posted work: timers, or what the test does next.
  Exchange begin(std::string_view method, std::string_view target, std::string body = {}, const Who& who = member,
                 FakeHttp::Options options = {}) {
    auto exchange = http.begin(method, target, std::move(body), who, std::move(options));
    jobs.settle();
    return exchange;
  }

  // ---- services of the plugin ----
  Outcome call(const std::string& service, const std::string& method, const Json& arguments = Json::object(),
               const Who& who = nobody) {
    return begin_call(service, method, arguments, who).outcome();
  }
  FakeServices::Pending begin_call(const std::string& service, const std::string& method,
                                   const Json& arguments = Json::object(), const Who& who = nobody,
                                   std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
    auto pending = services.begin(service, method, arguments, who, timeout);
    jobs.settle();
    return pending;
  }
  /// As another plugin does inside its transaction, which is rolled back when the call fails.
  Outcome call_in_transaction(const std::string& service, const std::string& method,
                              const Json& arguments = Json::object(), const Who& who = nobody) {
    struct Calling {
      FakeServices& services;
      const std::string &service, &method;
      const Json& arguments;
      const Who& who;
      Outcome outcome{};
    } calling{services, service, method, arguments, who};
    std::string why;
    db.transact(
        who.kind.empty() ? nullptr : &who,
        [](void* self, atrium_tx* tx) -> std::int32_t {
          auto& c = *static_cast<Calling*>(self);
          c.outcome = c.services.begin(c.service, c.method, c.arguments, c.who, std::chrono::seconds(10), tx).outcome();
          return c.outcome.status;
        },
        &calling, why);
    jobs.settle();
    return calling.outcome;
  }
  /// A tool as an agent's runner calls it.
  Outcome use_tool(const std::string& name, const Json& arguments, const std::string& agent_id = {},
                   const std::string& task_id = {}) {
    return call("agent.tool/" + name, "run", {{"arguments", arguments}, {"agent_id", agent_id}, {"task_id", task_id}});
  }

  void settle() { jobs.settle(); }
  /// Moves the timers' clock; Time::now() stays the real time.
  void advance(std::chrono::milliseconds by) { jobs.advance(by); }

 private:
  friend class LoadedPlugin;
  template <class P>
  friend class PluginUnderTest;

  static std::string text(const Json& body) { return body.is_null() ? std::string() : dump(body); }
  void plugin_ended() {
    http.withdraw();
    services.withdraw_plugin();
  }
  static const void* interface(const atrium_host* raw, const char* id) {
    static const std::map<std::string_view, const void*> tables{
        {ATRIUM_HTTP, &FakeHttp::table},      {ATRIUM_AUTH, &FakeAuth::table},
        {ATRIUM_DB, &FakeDb::table},          {ATRIUM_EVENTS, &FakeEvents::table},
        {ATRIUM_JOBS, &FakeJobs::table},      {ATRIUM_SERVICES, &FakeServices::table},
        {ATRIUM_EGRESS, &FakeEgress::table},  {ATRIUM_OBJECTS, &FakeObjects::table},
        {ATRIUM_KEYS, &FakeKeys::table},      {ATRIUM_SETTINGS, &FakeSettings::table},
        {ATRIUM_METRICS, &FakeMetrics::table}};
    if (std::string_view(id) == ATRIUM_KEYS && !FakeCore::of(raw).keys->granted) return nullptr;
    const auto found = tables.find(id);
    return found == tables.end() || FakeCore::of(raw).withheld.contains(id) ? nullptr : found->second;
  }
  static void log_line(const atrium_host* raw, std::int32_t level, atrium_str message, atrium_str fields) {
    auto& core = FakeCore::of(raw);
    const std::lock_guard lock(core.mutex);
    core.log_lines.push_back({static_cast<Level>(level), string_of(message), json_of(text_of(fields))});
  }
};

/// A plugin through its table, as the kernel runs it: created, started, and at the end quiesced and destroyed.
class LoadedPlugin {
 public:
  /// Throws std::runtime_error with the plugin's reason when it does not start.
  LoadedPlugin(FakeHost& host, const atrium_plugin* table) : host_(host), table_(table) {
    atrium_err why{};
    if (table_->create(host.raw(), &self_, &why) < 0) throw std::runtime_error(why.message);
    if (table_->start(self_, &why) < 0) {
      table_->destroy(self_);
      throw std::runtime_error(why.message);
    }
    host_.settle();
  }
  LoadedPlugin(const LoadedPlugin&) = delete;
  ~LoadedPlugin() {
    std::string why;
    if (self_ && !stop(why)) broken("quiesce() failed: " + why);
  }

  /// Empty when the plugin says that it is well.
  std::string health() const {
    atrium_err why{};
    if (!ATRIUM_HAS(table_, health) || table_->health == nullptr) return {};
    return table_->health(self_, &why) < 0 ? why.message : std::string();
  }
  /// Ends the plugin; false when its work did not end in time, and why.
  bool stop(std::string& why, std::chrono::milliseconds deadline = std::chrono::seconds(10)) {
    atrium_err error{};
    std::int32_t status = ATRIUM_OK;
    if (ATRIUM_HAS(table_, quiesce) && table_->quiesce != nullptr)
      host_.jobs.while_pumping([&] { status = table_->quiesce(self_, deadline.count(), &error); });
    why = error.message;
    if (status < 0) return false;
    table_->destroy(std::exchange(self_, nullptr));
    host_.plugin_ended();
    return true;
  }

 private:
  FakeHost& host_;
  const atrium_plugin* table_;
  void* self_ = nullptr;
};

/// A plugin's class itself, for tests that speak to the object.
template <class P>
class PluginUnderTest {
 public:
  explicit PluginUnderTest(FakeHost& host) : host_(host) {
    plugin_.attach(host.raw());
    plugin_.run_start();
    host_.settle();
  }
  PluginUnderTest(const PluginUnderTest&) = delete;
  ~PluginUnderTest() {
    std::string why;
    host_.jobs.while_pumping([&] {
      try {
        plugin_.quiesce(std::chrono::seconds(10));
      } catch (const std::exception& error) {
        why = error.what();
      }
    });
    if (!why.empty()) broken("quiesce() failed: " + why);
    host_.plugin_ended();
  }
  P* operator->() { return &plugin_; }
  P& operator*() { return plugin_; }

 private:
  FakeHost& host_;
  P plugin_;
};

}  // namespace atrium::testing
