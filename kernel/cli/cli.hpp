#pragma once
// The command line: what the arguments mean. What `serve` does is main.cpp's.
#include "config/config.hpp"

#include <functional>

namespace kernel::cli {

/// Runs the kernel until it is told to stop; returns the exit code. `inputs` is what to read again on SIGHUP.
using Serve = std::function<int(const config::Inputs& inputs, config::Loaded loaded)>;

/// 0: done. 1: failed, with one line on stderr. 2: wrong usage, likewise.
int run(int argc, char** argv, Serve serve);

}  // namespace kernel::cli
