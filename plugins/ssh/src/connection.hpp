#pragma once
// What is stored and what is sent: connections, the requests about them, and the executions.
#include <atrium/store.hpp>

namespace ssh {

using namespace std::string_view_literals;

enum class AuthMethod : std::uint8_t { password, private_key, agent };
constexpr auto names_of(AuthMethod) { return std::array{"password"sv, "private_key"sv, "agent"sv}; }

bool is_hostname(const std::string& text);
bool is_username(const std::string& text);
bool is_fingerprint(const std::string& text);

constexpr std::int64_t max_output = 1 << 20, max_stdin = 256 << 10;
/// Outputs go one after the other where a command is stopped: what comes after this is not worth reading.
constexpr std::int64_t max_read = 16 << 20;

struct Connection {
  atrium::Id id;
  std::string name, hostname;
  std::int64_t port = 22;
  std::string username;
  AuthMethod auth_method = AuthMethod::private_key;
  std::optional<std::string> secret, passphrase_secret;
  std::vector<std::string> allowed_commands;
  bool allow_agents = false;
  std::int64_t connect_timeout_seconds = 10, max_concurrent = 100, max_output_bytes = max_output;
  std::optional<std::string> host_key, host_key_algorithm;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;
  std::optional<atrium::Time> deleted_at;

  static constexpr std::string_view table = "ssh_connections", event = "ssh_connection";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Connection::id).read_only(),
      atrium::member("name", &Connection::name).length(1, 100).required(),
      atrium::member("hostname", &Connection::hostname)
          .length(1, 253)
          .valid_if(is_hostname, "must be a host name or an address")
          .required(),
      atrium::member("port", &Connection::port).range(1, 65535),
      atrium::member("username", &Connection::username)
          .length(1, 255)
          .valid_if(is_username, "must not contain control characters")
          .required(),
      atrium::member("auth_method", &Connection::auth_method).required(),
      atrium::member("secret", &Connection::secret)
          .length(1, 200)
          .description("Name or id of the vault's secret that holds the password or the private key; granted to ssh"),
      atrium::member("passphrase_secret", &Connection::passphrase_secret)
          .length(1, 200)
          .description("The secret that holds the passphrase of an encrypted private key"),
      atrium::member("allowed_commands", &Connection::allowed_commands)
          .items(0, 200)
          .length(1, 4'000)
          .description(
              "Commands that may run, each exactly so; * stands for one or more of A-Z a-z 0-9 _ @ % + = : , . - "
              "and neither begins an argument with - nor contains '..'. Empty: admins may run any, agents none"),
      atrium::member("allow_agents", &Connection::allow_agents)
          .description("Agents may run the allowed commands, by the tool ssh_execute"),
      atrium::member("connect_timeout_seconds", &Connection::connect_timeout_seconds)
          .range(1, 60)
          .description("For connecting and signing in together"),
      atrium::member("max_concurrent", &Connection::max_concurrent)
          .range(1, 1'000)
          .description("Commands at once; more get 503"),
      atrium::member("max_output_bytes", &Connection::max_output_bytes)
          .range(1, max_output)
          .description("Of stdout and stderr together; what comes after is dropped"),
      atrium::member("host_key", &Connection::host_key)
          .read_only()
          .description("Fingerprint of the pinned host key; null until a test has confirmed it"),
      atrium::member("host_key_algorithm", &Connection::host_key_algorithm).read_only(),
      atrium::member("created_at", &Connection::created_at).read_only(),
      atrium::member("updated_at", &Connection::updated_at).read_only(),
      atrium::member("revision", &Connection::revision).read_only(),
      atrium::member("deleted_at", &Connection::deleted_at).hidden());

  /// Executions and host keys go by the machine, not by the name it has here.
  std::string endpoint() const { return hostname + ' ' + std::to_string(port); }
};

struct TestRequest {
  std::optional<std::string> confirm_fingerprint;
  static constexpr auto members =
      atrium::members(atrium::member("confirm_fingerprint", &TestRequest::confirm_fingerprint)
                          .description("Pins the host key if the server shows exactly this one: SHA256:..."));
};

struct TestResult {
  bool ok = false;
  std::optional<std::string> reason, detail, fingerprint, host_key_algorithm, pinned_fingerprint, server;
  std::int64_t duration_ms = 0;

  static constexpr auto members = atrium::members(
      atrium::member("ok", &TestResult::ok).read_only(),
      atrium::member("reason", &TestResult::reason).read_only().description("Why not: unknown_host_key, ..."),
      atrium::member("detail", &TestResult::detail).read_only().description("The same for people, with what to do"),
      atrium::member("fingerprint", &TestResult::fingerprint).read_only().description("Of the key the server showed"),
      atrium::member("host_key_algorithm", &TestResult::host_key_algorithm).read_only(),
      atrium::member("pinned_fingerprint", &TestResult::pinned_fingerprint).read_only(),
      atrium::member("server", &TestResult::server).read_only().description("What the server says it is"),
      atrium::member("duration_ms", &TestResult::duration_ms).read_only());
};

struct ExecuteRequest {
  std::string command, stdin_text;
  std::int64_t timeout_seconds = 60;

  static constexpr auto members = atrium::members(
      atrium::member("command", &ExecuteRequest::command).length(1, 32'000).required(),
      atrium::member("stdin", &ExecuteRequest::stdin_text).length(0, max_stdin).description("What the command reads"),
      atrium::member("timeout_seconds", &ExecuteRequest::timeout_seconds)
          .range(1, 3'600)
          .description("From the command's start; then it is stopped"));
};

struct ToolArguments {
  std::string connection, command, stdin_text;
  std::int64_t timeout_seconds = 60;

  static constexpr auto members = atrium::members(
      atrium::member("connection", &ToolArguments::connection)
          .length(1, 100)
          .required()
          .description("Name or id of the SSH connection"),
      atrium::member("command", &ToolArguments::command)
          .length(1, 32'000)
          .required()
          .description("One that the connection allows"),
      atrium::member("stdin", &ToolArguments::stdin_text).length(0, max_stdin).description("What the command reads"),
      atrium::member("timeout_seconds", &ToolArguments::timeout_seconds).range(1, 3'600));
};

/// How a command that was started ended.
enum class Outcome : std::uint8_t {
  running,
  exited,
  signalled,
  timed_out,
  output_limit,     ///< stopped: it wrote more than anybody reads
  cancelled,        ///< stopped: nobody waits any more
  connection_lost,  ///< whether it goes on is not known
  failed,           ///< it was never started
  refused,          ///< not allowed here
  interrupted       ///< this program died meanwhile
};
constexpr auto names_of(Outcome) {
  return std::array{"running"sv,   "exited"sv,          "signalled"sv, "timed_out"sv, "output_limit"sv,
                    "cancelled"sv, "connection_lost"sv, "failed"sv,    "refused"sv,   "interrupted"sv};
}

struct ExecuteResult {
  atrium::Id execution_id;
  Outcome outcome = Outcome::running;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> exit_signal;
  std::string stdout_text, stderr_text;
  std::string stdout_encoding = "utf-8", stderr_encoding = "utf-8";
  bool truncated = false, timed_out = false;
  std::int64_t duration_ms = 0;
  std::optional<std::string> detail;

  static constexpr auto members = atrium::members(
      atrium::member("execution_id", &ExecuteResult::execution_id)
          .read_only()
          .description("Its place in the audit log"),
      atrium::member("outcome", &ExecuteResult::outcome).read_only(),
      atrium::member("exit_code", &ExecuteResult::exit_code).read_only().description("null unless the command exited"),
      atrium::member("exit_signal", &ExecuteResult::exit_signal)
          .read_only()
          .description("The signal that ended it, without SIG"),
      atrium::member("stdout", &ExecuteResult::stdout_text).read_only(),
      atrium::member("stderr", &ExecuteResult::stderr_text).read_only(),
      atrium::member("stdout_encoding", &ExecuteResult::stdout_encoding)
          .read_only()
          .description("utf-8, or base64 where the output is something else"),
      atrium::member("stderr_encoding", &ExecuteResult::stderr_encoding).read_only(),
      atrium::member("truncated", &ExecuteResult::truncated).read_only(),
      atrium::member("timed_out", &ExecuteResult::timed_out).read_only(),
      atrium::member("duration_ms", &ExecuteResult::duration_ms).read_only(),
      atrium::member("detail", &ExecuteResult::detail).read_only());
};

/// One row of the audit log's other half: what was run, by whom, and how it ended.
struct Execution {
  atrium::Id id, connection_id;
  std::string command, actor_kind, actor_id;
  std::optional<std::string> task_id;
  Outcome status = Outcome::running;
  std::optional<std::int64_t> exit_code;
  std::optional<std::string> exit_signal, error;
  std::int64_t output_bytes = 0;
  std::optional<std::int64_t> duration_ms;
  atrium::Time started_at, deadline_at;
  std::optional<atrium::Time> finished_at;

  static constexpr std::string_view table = "ssh_executions", event = "ssh_execution";
  static constexpr auto members =
      atrium::members(atrium::member("id", &Execution::id).read_only(),
                      atrium::member("connection_id", &Execution::connection_id).read_only(),
                      atrium::member("command", &Execution::command).read_only(),
                      atrium::member("actor_kind", &Execution::actor_kind).read_only().description("user or agent"),
                      atrium::member("actor_id", &Execution::actor_id).read_only(),
                      atrium::member("task_id", &Execution::task_id).read_only(),
                      atrium::member("status", &Execution::status).read_only(),
                      atrium::member("exit_code", &Execution::exit_code).read_only(),
                      atrium::member("exit_signal", &Execution::exit_signal).read_only(),
                      atrium::member("error", &Execution::error).read_only(),
                      atrium::member("output_bytes", &Execution::output_bytes).read_only(),
                      atrium::member("duration_ms", &Execution::duration_ms).read_only(),
                      atrium::member("started_at", &Execution::started_at).read_only(),
                      atrium::member("deadline_at", &Execution::deadline_at).hidden(),
                      atrium::member("finished_at", &Execution::finished_at).read_only());
};

}  // namespace ssh
