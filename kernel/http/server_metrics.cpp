#include "http/server_metrics.hpp"

namespace kernel::http {

void collect_metrics(observability::Metrics& metrics, const Server& server) {
  metrics.collect([&server](observability::Metrics& now) {
    const auto c = server.counters();
    auto set = [&now](const char* name, std::uint64_t value, const char* help) {
      now.set(name, {}, static_cast<double>(value), help);
    };
    set("atrium_http_connections", c.open, "Connections that are open.");
    set("atrium_http_websockets", c.websockets, "WebSockets that are open.");
    set("atrium_http_connections_accepted_total", c.accepted, "Connections that were accepted.");
    set("atrium_http_connections_refused_total", c.refused_full, "Connections that were one too many.");
    set("atrium_http_malformed_total", c.parse_faults, "Requests that were not HTTP.");
    set("atrium_http_timeouts_total", c.timeouts, "Connections that were ended because they took too long.");
    set("atrium_http_slow_clients_total", c.slow_dropped, "Clients that were let go because they did not read.");
  });
}

}  // namespace kernel::http
