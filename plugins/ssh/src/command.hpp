#pragma once
// One command on a session that is signed in.
#include "connection.hpp"
#include "session.hpp"

namespace ssh {

/// Called now and then while a command runs.
struct SignOfLife {
  std::chrono::milliseconds every{0};
  std::function<atrium::Async<void>()> give{};
};

struct CommandLimits {
  std::chrono::milliseconds timeout{60'000};
  std::size_t kept = max_output;  ///< bytes of both outputs together
  SignOfLife alive{};
};

struct CommandEnd {
  Outcome outcome = Outcome::running;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> exit_signal;
  std::string output, errors;
  std::int64_t read = 0;  ///< bytes, kept or not
  bool truncated = false;
  std::optional<std::string> detail;
};

/// Throws while the command has not been started; afterwards every end is an answer.
atrium::Async<CommandEnd> run_command(Session& session, std::string command, std::string input, CommandLimits limits);

}  // namespace ssh
