#pragma once
// Egress of the fake host: other hosts are lambdas of the test's.
#include "fake_jobs.hpp"

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

class FakeEgress {
 public:
  using Answering = std::function<ScriptedAnswer(const SentRequest&)>;

  explicit FakeEgress(FakeCore& core) : core_(core) {}

  /// Every request from now on is answered by this.
  void answer(Answering answering) { answering_ = std::move(answering); }
  /// The answers of the next requests, in order; before the one above.
  void answer_next(ScriptedAnswer answer) { next_.push_back(std::move(answer)); }
  std::vector<SentRequest> sent;
  /// As granted in plugin.json: "none", "user" or "operator".
  std::string granted = "operator";

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

  static std::int32_t send(const atrium_host* host, atrium_str text, atrium_str body, const atrium_exchange* callbacks,
                           void* context, atrium_pending** out, atrium_err* error);
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
};

inline std::int32_t FakeEgress::send(const atrium_host* host, atrium_str text, atrium_str body,
                                     const atrium_exchange* callbacks, void* context, atrium_pending** out,
                                     atrium_err* error) {
  auto& core = FakeCore::of(host);
  auto& egress = *core.egress;
  const Json all = json_of(text_of(text));
  if (!all.is_object() || !all.contains("method") || !all.contains("url") || !all.contains("trust"))
    return fail(error, ATRIUM_E_INVALID, "a request needs method, url and trust");
  const auto trust = all["trust"].get<std::string>();
  if (egress.granted == "none" || (trust == "operator" && egress.granted != "operator"))
    return fail(error, ATRIUM_E_DENIED, "plugin.json does not grant egress for " + trust);
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

inline const atrium_egress FakeEgress::table{sizeof(atrium_egress), 0, &FakeEgress::send, [](atrium_pending* pending) {
                                               if (pending) pending->cancel();
                                             }};

}  // namespace atrium::testing
