#include "samples.hpp"

namespace samples {

void Samples::start() {
  add_agent_tool();
  add_embedding_provider();
  add_export_source();
  add_health_check();
  add_llm_provider();
  add_notification_channel();
  add_scheduled_job();
  add_trigger_type();
  add_workflow_step();
}

}  // namespace samples

ATRIUM_PLUGIN(samples::Samples)
