#pragma once
// Egress of the fake host: other hosts are lambdas of the test's.
#include "fake_jobs.hpp"

#include <atrium/grants.hpp>

#include <poll.h>
#include <optional>

namespace atrium::testing {

/// A request that the plugin sent.
struct SentRequest {
  std::string method, url, body;
  Json headers;  ///< as the plugin gave them
  Json all;      ///< the whole request, with timeouts and trust
};

/// What the other host answers: the head, its pieces, and the end. Without a status there is no head.
struct ScriptedAnswer {
  int status = 200;
  std::vector<std::string> pieces{};
  Json headers = Json::object();
  std::int32_t ends_with = ATRIUM_OK;  ///< a status < 0: the connection breaks after the pieces
  std::string why = "the connection broke";
  bool hangs = false;  ///< nothing comes after the pieces, until a timeout or cancel()
};

/// What a dialled host answers: one end of a connection that the plugin then owns, or why there is none.
struct ScriptedConnection {
  int descriptor = -1;
  std::int32_t status = ATRIUM_E_UNAVAILABLE;
  std::string why = "the test scripted no connection";
};

class FakeEgress {
 public:
  using Answering = std::function<ScriptedAnswer(const SentRequest&)>;

  explicit FakeEgress(FakeCore& core) : core_(core) {}

  /// Every request from now on is answered by this.
  void answer(Answering answering) { answering_ = std::move(answering); }
  /// The answers of the next requests, in order; before the one above.
  void answer_next(ScriptedAnswer answer) { next_.push_back(std::move(answer)); }
  std::vector<SentRequest> sent;
  /// Makes the connections of dial(); wait() then polls the descriptor itself.
  std::function<ScriptedConnection(const Json& request)> dialling;
  std::vector<Json> dialled;
  /// What check() says of a URL; empty: nothing.
  std::function<std::string(const std::string& url)> checking;
  /// As granted in plugin.json: "none", "user", "operator", "both", or an array of hosts.
  Json granted = "both";

  static const atrium_egress table;

 private:
  struct Running {
    FakeCore* core;
    atrium_exchange callbacks;
    void* context;
    ScriptedAnswer answer;
    std::size_t at = 0;
    bool begun = false, ended = false;
    FakeJobs::Timer deadline{};
    atrium_pending pending{};
  };

  /// What the kernel would say against it; empty: nothing. `host` may be a URL.
  std::string denial(std::string_view trust, std::string_view host) const;
  static std::int32_t send(const atrium_host* host, atrium_str text, atrium_str body, const atrium_exchange* callbacks,
                           void* context, atrium_pending** out, atrium_err* error);
  static std::int32_t dial(const atrium_host* host, atrium_str text, atrium_connected_fn connected, void* context,
                           atrium_pending** out, atrium_err* error);
  static std::int32_t wait(const atrium_host* host, std::int32_t descriptor, std::int32_t events,
                           std::int64_t timeout_ms, atrium_done_fn ready, void* context, atrium_pending** out,
                           atrium_err* error);
  static std::int32_t check(const atrium_host* host, atrium_str url, atrium_str trust, atrium_err* error);
  /// One step: the head, a piece, or the end; each on its own, so that a test can come in between.
  static void step(const std::shared_ptr<Running>& running) {
    if (running->ended) return;
    const auto& answer = running->answer;
    if (!std::exchange(running->begun, true)) {
      const std::string headers = dump(answer.headers);
      if (answer.status != 0) running->callbacks.head(running->context, answer.status, view(headers));
    } else if (running->at < answer.pieces.size()) {
      if (running->callbacks.data(running->context, view(answer.pieces[running->at++])) < 0)
        return end(*running, ATRIUM_E_CANCELLED, "the exchange was abandoned");
    } else if (answer.hangs) {
      return;
    } else {
      return end(*running, answer.ends_with, answer.why);
    }
    running->core->jobs->post([running] { step(running); });
  }
  static void end(Running& running, std::int32_t status, const std::string& why) {
    if (std::exchange(running.ended, true)) return;
    if (running.deadline) running.core->jobs->cancel(running.deadline);
    atrium_err error{};
    if (status < 0) fail(&error, status, why);
    running.callbacks.done(running.context, status, status < 0 ? &error : nullptr);
  }

  FakeCore& core_;
  Answering answering_;
  std::deque<ScriptedAnswer> next_;
  std::vector<std::shared_ptr<Running>> exchanges_;
  std::deque<atrium_pending> tasks_;  ///< of dial() and wait()
};

inline std::string FakeEgress::denial(std::string_view trust, std::string_view host) const {
  if (!granted.is_array())
    return granted == trust || granted == "both" ? "" : "plugin.json does not grant egress for " + std::string(trust);
  if (const auto scheme = host.find("://"); scheme != host.npos) host.remove_prefix(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  host = host.substr(0, host.rfind(':'));
  if (trust != "user") return "plugin.json does not grant egress for " + std::string(trust);
  if (grants::any(granted.get<std::vector<std::string>>(), grants::host, host)) return {};
  return std::string(host) + " is not among the hosts that plugin.json lists under \"egress\"";
}

inline std::int32_t FakeEgress::send(const atrium_host* host, atrium_str text, atrium_str body,
                                     const atrium_exchange* callbacks, void* context, atrium_pending** out,
                                     atrium_err* error) {
  auto& core = FakeCore::of(host);
  auto& egress = *core.egress;
  const Json all = json_of(text_of(text));
  if (!all.is_object() || !all.contains("method") || !all.contains("url") || !all.contains("trust"))
    return fail(error, ATRIUM_E_INVALID, "a request needs method, url and trust");
  const auto trust = all["trust"].get<std::string>();
  if (const auto why = egress.denial(trust, all["url"].get<std::string>()); !why.empty())
    return fail(error, ATRIUM_E_DENIED, why);
  SentRequest sent{all["method"], all["url"], string_of(body), all.value("headers", Json::object()), all};
  egress.sent.push_back(sent);
  auto running = std::make_shared<Running>(Running{&core, *callbacks, context, {}});
  if (!egress.next_.empty()) {
    running->answer = std::move(egress.next_.front());
    egress.next_.pop_front();
  } else if (egress.answering_) {
    running->answer = egress.answering_(sent);
  } else {
    running->answer = {
        .status = 0, .ends_with = ATRIUM_E_UNAVAILABLE, .why = "the test scripted no answer for " + sent.url};
  }
  running->pending.cancel = [&running = *running] { end(running, ATRIUM_E_CANCELLED, "the exchange was cancelled"); };
  running->deadline = core.jobs->after(all.value("timeout_ms", std::int64_t{300'000}), [&running = *running] {
    end(running, ATRIUM_E_TIMEOUT, "the answer was not complete in time");
  });
  egress.exchanges_.push_back(running);
  *out = &running->pending;
  core.jobs->post([running] { step(running); });
  return ATRIUM_OK;
}

/// Ends once: by what it does on the pool, or by cancel() before that.
inline std::int32_t FakeEgress::dial(const atrium_host* host, atrium_str text, atrium_connected_fn connected,
                                     void* context, atrium_pending** out, atrium_err* error) {
  auto& core = FakeCore::of(host);
  auto& egress = *core.egress;
  const Json request = json_of(text_of(text));
  if (!request.is_object() || !request.contains("host") || !request.contains("port"))
    return fail(error, ATRIUM_E_INVALID, "a dial needs host and port");
  if (const auto why = egress.denial(request.value("trust", "user"), request["host"].get<std::string>()); !why.empty())
    return fail(error, ATRIUM_E_DENIED, why);
  egress.dialled.push_back(request);
  const auto over = std::make_shared<bool>(false);
  const auto end = [over, connected, context](const ScriptedConnection& connection) {
    if (std::exchange(*over, true)) return;
    atrium_err why{};
    if (connection.status < 0) fail(&why, connection.status, connection.why);
    connected(context, connection.descriptor, view(std::string_view("192.0.2.1")), connection.status,
              connection.status < 0 ? &why : nullptr);
  };
  auto& task = egress.tasks_.emplace_back();
  task.cancel = [end] { end({-1, ATRIUM_E_CANCELLED, "cancelled"}); };
  *out = &task;
  core.jobs->post([end, &egress, request] { end(egress.dialling ? egress.dialling(request) : ScriptedConnection{}); });
  return ATRIUM_OK;
}

inline std::int32_t FakeEgress::wait(const atrium_host* host, std::int32_t descriptor, std::int32_t events,
                                     std::int64_t timeout_ms, atrium_done_fn ready, void* context, atrium_pending** out,
                                     atrium_err* error) {
  if (events < 1 || events > 3 || timeout_ms <= 0) return fail(error, ATRIUM_E_INVALID, "nothing to wait for");
  auto& core = FakeCore::of(host);
  const auto over = std::make_shared<bool>(false);
  const auto end = [over, ready, context](std::int32_t status, std::string_view what) {
    if (std::exchange(*over, true)) return;
    atrium_err why{};
    if (status < 0) fail(&why, status, what);
    ready(context, status, status < 0 ? &why : nullptr);
  };
  auto& task = core.egress->tasks_.emplace_back();
  task.cancel = [end] { end(ATRIUM_E_CANCELLED, "cancelled"); };
  *out = &task;
  core.jobs->post([end, over, descriptor, events, timeout_ms] {
    if (*over) return;
    pollfd wanted{descriptor, static_cast<short>((events & 1 ? POLLIN : 0) | (events & 2 ? POLLOUT : 0)), 0};
    const bool came = ::poll(&wanted, 1, static_cast<int>(timeout_ms)) > 0;
    end(came ? ATRIUM_OK : ATRIUM_E_TIMEOUT, "nothing came in time");
  });
  return ATRIUM_OK;
}

inline std::int32_t FakeEgress::check(const atrium_host* host, atrium_str url, atrium_str trust, atrium_err* error) {
  const auto& egress = *FakeCore::of(host).egress;
  if (const auto why = egress.denial(text_of(trust), text_of(url)); !why.empty())
    return fail(error, ATRIUM_E_DENIED, why);
  const auto fault = egress.checking ? egress.checking(string_of(url)) : std::string();
  return fault.empty() ? ATRIUM_OK : fail(error, ATRIUM_E_DENIED, fault);
}

inline const atrium_egress FakeEgress::table{sizeof(atrium_egress),
                                             0,
                                             &FakeEgress::send,
                                             [](atrium_pending* pending) {
                                               if (pending) pending->cancel();
                                             },
                                             &FakeEgress::dial,
                                             &FakeEgress::wait,
                                             &FakeEgress::check};

}  // namespace atrium::testing
