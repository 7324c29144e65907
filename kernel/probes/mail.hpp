#pragma once
#include "probes/probes.hpp"

namespace kernel::probes {

/// Greets the server and turns on TLS, as sending would; does not sign in and sends nothing. An empty URL is disabled.
/// Waits `patience` for each step at most.
Finding probe_mail(const std::string& url, std::chrono::milliseconds patience);

}  // namespace kernel::probes
