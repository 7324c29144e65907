#pragma once
// Readings of sensors, and the plugin that uses each way to extend Atrium on them.
#include <atrium/plugin.hpp>

namespace samples {

struct Reading {
  atrium::Id id;
  std::string sensor;
  double value = 0;
  atrium::Time created_at;

  static constexpr std::string_view table = "readings", event = "reading";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Reading::id).read_only(),
      atrium::member("sensor", &Reading::sensor).length(1, 100).required().description("Which sensor was read"),
      atrium::member("value", &Reading::value).required(),
      atrium::member("created_at", &Reading::created_at).read_only());
};

class Samples final : public atrium::Plugin {
 public:
  void start() override;

 private:
  void add_agent_tool();
  void add_embedding_provider();
  void add_export_source();
  void add_health_check();
  void add_llm_provider();
  void add_notification_channel();
  void add_scheduled_job();
  void add_trigger_type();
  void add_workflow_step();
};

}  // namespace samples
