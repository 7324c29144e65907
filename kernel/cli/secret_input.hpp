#pragma once
// Secrets come from a prompt, a file or standard input; never from an argument.
#include <string>

namespace kernel::cli {

/// source: a file, "-" for standard input, or empty to ask on the terminal without echo (twice when `confirm`).
/// One line, at most 1024 bytes. Throws Failure that says which of the ways to take.
std::string read_secret(const std::string& what, const std::string& source, bool confirm);
/// One visible line from the terminal.
std::string ask(const std::string& what);

}  // namespace kernel::cli
