#pragma once
// What a server asks of its process.
#include <cstddef>
#include <functional>

namespace kernel::cli {

/// umask 077, SIGPIPE ignored, as many files as allowed. The signals below are blocked in every thread begun later.
/// Returns how many files may be open.
std::size_t prepare_process();

/// Waits for SIGTERM or SIGINT; `reread` is called at each SIGHUP. From the return on, a second one ends the process.
void wait_for_end(const std::function<void()>& reread);

}  // namespace kernel::cli
