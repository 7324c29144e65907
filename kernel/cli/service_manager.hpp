#pragma once
// systemd's readiness protocol (sd_notify(3)).

namespace kernel::cli {

/// Tells `state` (`READY=1`, `STOPPING=1`) to the service manager that started the program; without one, nothing.
void tell_service_manager(const char* state);

}  // namespace kernel::cli
