// SSH connections: what admins keep of machines, and the commands that run there.
#include "command.hpp"
#include "journal.hpp"
#include "rules.hpp"
#include "visit.hpp"

#include <atrium/plugin.hpp>

namespace ssh {

using atrium::Async;
using atrium::Json;
using atrium::Problem;

namespace {

constexpr std::string_view tag = "SSH Connections";
constexpr int door_width = 4;  // enough to be quick; sshd begins to drop at ten (MaxStartups)
constexpr std::chrono::seconds quiet_time{60}, sign_of_life{20};
constexpr std::chrono::minutes grace{5};

/// A command on its way.
struct Order {
  Connection connection;
  std::string command, input;
  std::chrono::seconds timeout{60};
  atrium::Principal who;
  std::optional<std::string> task_id;
  bool needs_listing = false;  ///< an empty allow-list lets nothing through
  atrium::Cancellation stop;
  SignOfLife alive{};
};

Problem not_allowed(const Order& order) {
  std::string detail = "This connection allows certain commands only (allowed_commands), and this is none of them.";
  if (order.needs_listing) {
    detail += order.connection.allowed_commands.empty() ? " It allows none to agents." : " It allows:";
    for (const auto& pattern : order.connection.allowed_commands) detail += "\n" + pattern;
  }
  return {403, "command-not-allowed", "This command is not allowed here", detail};
}

/// The text of an answer, and its encoding.
std::pair<std::string, std::string> as_text(std::string bytes, bool truncated) {
  if (const auto text = truncated ? whole_characters(bytes) : std::string_view(bytes); is_utf8(text))
    return {std::string(text), "utf-8"};
  return {base64(bytes), "base64"};
}

}  // namespace

class Ssh final : public atrium::Plugin {
 public:
  void start() override {
    const Json settings = configuration();
    places_.limit(std::clamp<std::int64_t>(settings.value("max_executions", std::int64_t{256}), 1, 10'000));
    keep_ =
        std::chrono::hours(24 * std::clamp<std::int64_t>(settings.value("keep_days", std::int64_t{365}), 1, 36'500));
    agent_socket_ = environment("SSH_AUTH_SOCK");
    declare_connections();
    declare_commands();
    every(std::chrono::seconds(30), [this] { journal_.close_left_over(std::nullopt); });
    every(std::chrono::hours(1), [this] { journal_.forget_before(atrium::Time::now() - keep_); });
    spawn(close_left_over());
  }

 private:
  static void admin_only(atrium::RouteOptions& options) { options.access = {"admin"}; }

  void declare_connections() {
    auto connections = resource<Connection>("/ssh-connections", std::string(tag));
    connections.list().filter("auth_method").filter("hostname").search("name", "hostname").options(admin_only);
    connections.read(admin_only);
    connections.create().options(admin_only).check(check).before(prepare).unannounced();
    connections.replace().options(admin_only).check(check).before(prepare).unannounced();
    connections.remove().options(admin_only).unannounced();
  }

  void declare_commands() {
    post("/ssh-connections/{id}/test",
         {.summary = "Connect and sign in; pins a host key that is confirmed",
          .description = "A test that fails is a 200 with ok: false and a reason.",
          .access = {"admin"},
          .body = atrium::schema<TestRequest>(true),
          .body_required = false,
          .answer = atrium::schema<TestResult>(),
          .tag = tag},
         [this](atrium::Request& request) -> Async<atrium::Reply> { return test(request); });
    post("/ssh-connections/{id}/execute",
         {.summary = "Run a command",
          .description = "Once the command was started every end of it is a 200, told apart by outcome. An answer that "
                         "takes longer than a minute begins with spaces, so that nobody on the way gives up.",
          .access = {"admin"},
          .body = atrium::schema<ExecuteRequest>(true),
          .answer = atrium::schema<ExecuteResult>(),
          .tag = tag},
         [this](atrium::Request request) { spawn(execute(std::move(request))); });
    resource<Execution>("/ssh-connections/{id}/executions", std::string(tag))
        .list()
        .filter("status")
        .narrow([this](const atrium::Request& request, atrium::Parameters& parameters) {
          return of_connection(request, parameters);
        })
        .options([](atrium::RouteOptions& options) {
          admin_only(options);
          options.summary = "Commands that were run or refused, newest first";
        });
    tool<ToolArguments>(
        "ssh_execute",
        {.summary = "Run one of the commands that an SSH connection allows", .risk = atrium::Risk::dangerous},
        [this](atrium::ToolCall tool, ToolArguments arguments) -> Async<Json> {
          return use_tool(std::move(tool), std::move(arguments));
        });
  }

  static void check(const atrium::Request&, Connection& now, const Connection*, std::vector<atrium::Fault>& faults) {
    constexpr std::ptrdiff_t most_stars = 16;
    for (std::size_t i = 0; i < now.allowed_commands.size(); ++i)
      if (std::count(now.allowed_commands[i].begin(), now.allowed_commands[i].end(), '*') > most_stars)
        faults.push_back({"/allowed_commands/" + std::to_string(i), "must have at most 16 *"});
    if (now.auth_method == AuthMethod::agent && now.secret)
      faults.push_back({"/secret", "must be absent: with auth_method agent the ssh-agent holds the key"});
    if (now.auth_method != AuthMethod::private_key && now.passphrase_secret)
      faults.push_back({"/passphrase_secret", "belongs to auth_method private_key only"});
  }
  /// The secrets must be there and granted; another machine has another host key.
  static void prepare(atrium::Transaction& tx, const atrium::Principal&, Connection& now, const Connection* before) {
    const auto changed = [&](std::optional<std::string> Connection::*member) {
      return now.*member && (!before || before->*member != now.*member);
    };
    if (changed(&Connection::secret)) atrium::vault::require(tx, *now.secret, "/secret");
    if (changed(&Connection::passphrase_secret))
      atrium::vault::require(tx, *now.passphrase_secret, "/passphrase_secret");
    if (before && before->endpoint() != now.endpoint()) {
      now.host_key.reset();
      now.host_key_algorithm.reset();
    }
  }
  /// Also of a connection that was removed: what was run there stays known.
  std::string of_connection(const atrium::Request& request, atrium::Parameters& parameters) const {
    const auto id = request.id();
    if (!store().value<std::string>("SELECT id FROM ssh_connections WHERE id = ?", id)) throw atrium::not_found();
    parameters.own_text(id.str());
    return "connection_id = ?";
  }

  Visit visit(const Connection& connection, const atrium::Cancellation& stop) const {
    return {host(), services(), connection, agent_socket_, stop};
  }
  /// Requested when the client or the kernel wants it.
  struct Stopping {
    atrium::Cancellation stop;
    atrium::Cancellation::Listener by_client, by_kernel;
  };
  Stopping stopping(const atrium::Cancellation& client) const {
    Stopping made;
    const auto pass_on = [stop = made.stop] { stop.request(); };
    made.by_client = client.on_request(pass_on);
    made.by_kernel = cancellation().on_request(pass_on);
    return made;
  }

  // ---- test ----
  Async<atrium::Reply> test(atrium::Request& request) {
    const auto body = request.body().empty() ? TestRequest{} : request.parse<TestRequest>();
    if (body.confirm_fingerprint && !is_fingerprint(*body.confirm_fingerprint))
      throw atrium::invalid("/confirm_fingerprint", "must be a fingerprint as ssh-keygen -l shows it, SHA256:...");
    const auto connection = store().get<Connection>(request.principal(), request.id());
    const auto place = places_.take(connection.id.str(), connection.max_concurrent);
    const auto stops = stopping(request.cancellation());
    const auto who = request.principal();
    const auto began = Deadline::Clock::now();
    TestResult result;
    result.pinned_fingerprint = connection.host_key;
    try {
      auto trying = try_out(connection, body.confirm_fingerprint, who, stops.stop, result);
      co_await trying;
      result.ok = true;
    } catch (const Problem& problem) {
      result.reason = reason_of(problem);
      if (result.reason->empty()) throw;
      result.detail = problem.detail;
    }
    result.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - began).count();
    co_return atrium::ok(atrium::to_json(result));
  }

  Async<void> try_out(const Connection& connection, std::optional<std::string> confirmed, const atrium::Principal& who,
                      atrium::Cancellation stop, TestResult& result) {
    auto here = visit(connection, stop);
    auto greeting = here.greet(doors_);
    const HostKey key = co_await greeting;
    result.fingerprint = key.fingerprint;
    result.host_key_algorithm = key.algorithm;
    result.server = here.session().banner();
    if (confirmed && *confirmed != key.fingerprint)
      throw trouble(409, "fingerprint_mismatch", "The server shows another host key",
                    "Confirmed was " + *confirmed + ", the server shows " + key.fingerprint + ". Nothing was pinned.");
    if (confirmed && connection.host_key != key.fingerprint) {
      auto pinning = pin(connection, key, who);
      co_await pinning;
      result.pinned_fingerprint = key.fingerprint;
    } else {
      Visit::require_known(connection, key);
    }
    auto signing_in = here.sign_in();
    co_await signing_in;
  }

  /// Unless the connection has become another one meanwhile.
  Async<void> pin(const Connection& seen, const HostKey& key, const atrium::Principal& who) {
    auto pinning = store().commit(who, [&](atrium::Transaction& tx) {
      auto now = tx.get<Connection>(who, seen.id);
      if (now.endpoint() != seen.endpoint() || now.host_key != seen.host_key)
        throw atrium::conflict("The connection was changed during the test; test it again.");
      now.host_key = key.fingerprint;
      now.host_key_algorithm = key.algorithm;
      tx.update(now);
      tx.audit(seen.host_key ? "ssh_connection.host_key_replaced" : "ssh_connection.host_key_pinned", Connection::event,
               now.id.text());
    });
    co_await pinning;
  }

  // ---- execute ----
  Async<void> execute(atrium::Request request) {
    std::optional<atrium::StreamReply> stream;
    try {
      const auto body = request.parse<ExecuteRequest>();
      const auto stops = stopping(request.cancellation());
      Order order{.connection = store().get<Connection>(request.principal(), request.id()),
                  .command = body.command,
                  .input = body.stdin_text,
                  .timeout = std::chrono::seconds(body.timeout_seconds),
                  .who = request.principal().keep(),
                  .task_id = {},
                  .stop = stops.stop};
      const auto quiet_until = Deadline::Clock::now() + quiet_time;
      order.alive = {sign_of_life, [&request, &stream, quiet_until]() -> Async<void> {
                       if (!stream && Deadline::Clock::now() < quiet_until) co_return;
                       if (!stream) stream.emplace(std::move(request), 200, "application/json");
                       auto sending = stream->send(" ");
                       co_await sending;
                     }};
      auto running = perform(std::move(order));
      const ExecuteResult result = co_await running;
      const std::string text = atrium::to_json(result);
      if (!stream) co_return request.respond(atrium::ok(text));
      auto sending = stream->send(text);
      co_await sending;
    } catch (...) {
      if (!request.raw()) throw;  // the stream is broken off
      request.fail_current();
    }
  }

  Async<ExecuteResult> perform(Order order) {
    const auto& connection = order.connection;
    Execution entry;
    entry.id = atrium::Id::make();
    entry.connection_id = connection.id;
    entry.command = order.command;
    entry.actor_kind = order.who.kind();
    entry.actor_id = order.who.id();
    entry.task_id = order.task_id;
    entry.started_at = atrium::Time::now();
    entry.deadline_at =
        entry.started_at + order.timeout + std::chrono::seconds(connection.connect_timeout_seconds) + grace;
    const bool any = connection.allowed_commands.empty() && !order.needs_listing;
    if (!any && !is_allowed(connection.allowed_commands, order.command)) {
      auto refusing = journal_.refuse(entry, order.who);
      co_await refusing;
      throw not_allowed(order);
    }
    const auto place = places_.take(connection.id.str(), connection.max_concurrent);
    auto beginning = journal_.begin(entry, order.who);
    co_await beginning;

    const auto began = Deadline::Clock::now();
    CommandEnd end;
    std::exception_ptr failure;
    try {
      auto going = go(order);
      end = co_await going;
    } catch (const Problem& problem) {
      failure = std::current_exception();
      end.outcome = problem.status == 499 ? Outcome::cancelled : Outcome::failed;
      end.detail = problem.what();
    } catch (const std::exception& error) {
      failure = std::current_exception();
      end.outcome = Outcome::failed;
      end.detail = "It failed inside.";
      host().log(atrium::Level::error, "An SSH command failed inside", {{"error", error.what()}});
    }
    entry.status = end.outcome;
    entry.exit_code = end.exit_code;
    entry.exit_signal = end.exit_signal;
    entry.error = end.detail;
    entry.output_bytes = end.read;
    entry.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - began).count();
    count(entry);
    auto ending = journal_.end(entry, order.who);
    co_await ending;
    if (failure) std::rethrow_exception(failure);
    co_return result_of(entry, std::move(end));
  }

  Async<CommandEnd> go(const Order& order) {
    auto there = visit(order.connection, order.stop);
    auto greeting = there.greet(doors_);
    const HostKey key = co_await greeting;
    Visit::require_known(order.connection, key);
    auto signing_in = there.sign_in();
    co_await signing_in;
    CommandLimits limits{.timeout = order.timeout,
                         .kept = static_cast<std::size_t>(order.connection.max_output_bytes),
                         .alive = order.alive};
    auto running = run_command(there.session(), order.command, order.input, std::move(limits));
    co_return co_await running;
  }

  static ExecuteResult result_of(const Execution& entry, CommandEnd end) {
    ExecuteResult result;
    result.execution_id = entry.id;
    result.outcome = end.outcome;
    result.exit_code = end.exit_code;
    result.exit_signal = end.exit_signal;
    std::tie(result.stdout_text, result.stdout_encoding) = as_text(std::move(end.output), end.truncated);
    std::tie(result.stderr_text, result.stderr_encoding) = as_text(std::move(end.errors), end.truncated);
    result.truncated = end.truncated || end.outcome == Outcome::output_limit;
    result.timed_out = end.outcome == Outcome::timed_out;
    result.duration_ms = entry.duration_ms.value_or(0);
    result.detail = end.detail;
    return result;
  }
  void count(const Execution& entry) const {
    metrics().add("executions_total", {{"outcome", atrium::name_of(entry.status)}});
    metrics().set("executions_running", static_cast<double>(places_.taken() - 1));
  }

  // ---- the agents' way ----
  Async<Json> use_tool(atrium::ToolCall tool, ToolArguments arguments) {
    const auto found = store().find<Connection>("deleted_at IS NULL AND allow_agents = ? AND (name = ? OR id = ?)",
                                                true, arguments.connection, arguments.connection);
    if (found.empty())
      throw atrium::not_found("There is no SSH connection " + arguments.connection +
                              " that agents may use (allow_agents).");
    const auto stops = stopping(tool.call.cancellation());
    Order order{.connection = found.front(),
                .command = std::move(arguments.command),
                .input = std::move(arguments.stdin_text),
                .timeout = std::chrono::seconds(arguments.timeout_seconds),
                .who = tool.agent,
                .task_id = tool.task_id.empty() ? std::nullopt : std::optional(tool.task_id),
                .needs_listing = true,
                .stop = stops.stop};
    auto running = perform(std::move(order));
    const ExecuteResult result = co_await running;
    co_return Json::parse(atrium::to_json(result));
  }

  /// A process that died left its commands open; on the embedded store there is no other that could be running them.
  Async<void> close_left_over() {
    const auto since = store().is_postgresql() ? std::nullopt : std::optional(atrium::Time::now());
    auto beginning = sleep(std::chrono::milliseconds(1), cancellation());  // start() is over by then
    co_await beginning;
    journal_.close_left_over(since);
  }

  Journal journal_{store()};
  Places places_;
  Doors doors_{door_width, [this](std::chrono::milliseconds duration, atrium::Cancellation wake) -> Async<void> {
                 auto pause = sleep(duration, std::move(wake));
                 co_await pause;
               }};
  std::chrono::hours keep_{0};
  std::string agent_socket_;
};

}  // namespace ssh

ATRIUM_PLUGIN(ssh::Ssh)
