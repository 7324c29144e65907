#pragma once
// Configuration, environment and metrics of the fake host.
#include "fake_core.hpp"

#include <map>
#include <optional>
#include <vector>

namespace atrium::testing {

class FakeSettings {
 public:
  Json configuration = Json::object();  ///< the table [plugin.ID]
  std::map<std::string, std::string, std::less<>> environment;
  /// Live settings by key. Filled with the defaults of plugin.json; set others at any time, as an admin would.
  std::map<std::string, Json, std::less<>> values;
  /// As plugin.json lists them; unset: every variable may be read.
  std::optional<std::set<std::string, std::less<>>> granted;

  static const atrium_settings table;
};

inline const atrium_settings FakeSettings::table{
    sizeof(atrium_settings), 0,
    [](const atrium_host* host, void (*value)(void*, atrium_str), void* context) {
      const std::string text = dump(FakeCore::of(host).settings->configuration);
      value(context, view(text));
    },
    [](const atrium_host* host, atrium_str name, void (*value)(void*, atrium_str), void* context) {
      const auto& settings = *FakeCore::of(host).settings;
      const auto found = settings.environment.find(text_of(name));
      const bool seen = !settings.granted || settings.granted->contains(text_of(name));
      if (seen && found != settings.environment.end()) value(context, view(found->second));
    },
    [](const atrium_host* host, atrium_str key, void (*value)(void*, atrium_str), void* context,
       atrium_err* error) -> std::int32_t {
      std::string text;
      {
        auto& core = FakeCore::of(host);
        const std::lock_guard lock(core.mutex);
        const auto found = core.settings->values.find(text_of(key));
        if (found == core.settings->values.end())
          return fail(error, ATRIUM_E_NOT_FOUND, "plugin.json declares no such setting");
        text = dump(found->second);
      }
      value(context, view(text));
      return ATRIUM_OK;
    }};

class FakeMetrics {
 public:
  explicit FakeMetrics(FakeCore& core) : core_(core) {}
  /// A counter's or gauge's value, 0 when it was never touched. labels: as the plugin gave them.
  double value(const std::string& name, const Json& labels = Json::object()) const {
    const std::lock_guard lock(core_.mutex);
    const auto found = values_.find(key(name, labels));
    return found == values_.end() ? 0 : found->second;
  }
  std::vector<double> observations(const std::string& name, const Json& labels = Json::object()) const {
    const std::lock_guard lock(core_.mutex);
    const auto found = observed_.find(key(name, labels));
    return found == observed_.end() ? std::vector<double>{} : found->second;
  }

  static const atrium_metrics table;

 private:
  static std::string key(std::string_view name, const Json& labels) { return std::string(name) + dump(labels); }
  static std::string key(atrium_str name, atrium_str labels) {
    return key(text_of(name), text_of(labels).empty() ? Json::object() : json_of(text_of(labels)));
  }
  FakeCore& core_;
  std::map<std::string, double> values_;
  std::map<std::string, std::vector<double>> observed_;
};

inline const atrium_metrics FakeMetrics::table{
    sizeof(atrium_metrics), 0,
    [](const atrium_host* host, atrium_str name, atrium_str labels, double delta) {
      const std::lock_guard lock(FakeCore::of(host).mutex);
      FakeCore::of(host).metrics->values_[key(name, labels)] += delta;
    },
    [](const atrium_host* host, atrium_str name, atrium_str labels, double value) {
      const std::lock_guard lock(FakeCore::of(host).mutex);
      FakeCore::of(host).metrics->values_[key(name, labels)] = value;
    },
    [](const atrium_host* host, atrium_str name, atrium_str labels, double value) {
      const std::lock_guard lock(FakeCore::of(host).mutex);
      FakeCore::of(host).metrics->observed_[key(name, labels)].push_back(value);
    }};

}  // namespace atrium::testing
