// The event stream over WebSocket and Server-Sent Events.
#include "routing/system_routes.hpp"
#include "routing/testing/fixture.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::routing {
namespace {

using http::Method;
using nlohmann::json;

/// The kernel's side of a WebSocket: keeps what was sent.
class FakeSocket final : public http::WebSocket {
 public:
  bool send_frame(std::shared_ptr<const std::string> frame) override {
    add([&] { frames_.push_back(*frame); });
    return true;
  }
  void close(std::uint16_t code, std::string_view) override {
    add([&] { code_ = code; });
  }
  const http::RequestHead& head() const override { return head_; }
  /// As on the connection's I/O thread: one at a time. The test's own calls go through it too.
  bool post(std::function<void()> work) override {
    const std::scoped_lock lock(one_at_a_time_);
    work();
    return true;
  }

  /// The messages, once there are that many. Unmasked frames: their JSON begins at the first brace.
  std::vector<json> wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, testing::patience, [&] { return frames_.size() >= count; });
    std::vector<json> messages;
    for (const auto& frame : frames_) messages.push_back(json::parse(frame.substr(frame.find('{'))));
    return messages;
  }
  std::uint16_t wait_closed() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, testing::patience, [&] { return code_ != 0; });
    return code_;
  }

 private:
  template <typename Change>
  void add(Change&& change) {
    {
      const std::scoped_lock lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  http::RequestHead head_;
  std::recursive_mutex one_at_a_time_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> frames_;
  std::uint16_t code_ = 0;
};

/// The handler, called as the front calls it.
class Connected {
 public:
  Connected(std::shared_ptr<FakeSocket> socket, std::shared_ptr<EventSocket> handler)
      : socket_(std::move(socket)), handler_(std::move(handler)) {
    socket_->post([this] { handler_->on_open(socket_); });
  }
  void on_text(std::string_view text) {
    socket_->post([&] { handler_->on_text(text); });
  }
  void on_tick() {
    socket_->post([&] { handler_->on_tick(); });
  }
  void on_close() {
    socket_->post([&] { handler_->on_close(); });
  }

 private:
  std::shared_ptr<FakeSocket> socket_;
  std::shared_ptr<EventSocket> handler_;
};

class EventStreamTest : public testing::PipelineFixture {
 protected:
  EventStreamTest() {
    log_.start();
    table_.replace("kernel", system_routes({parts_, health_, metrics_, openapi_}));
  }
  ~EventStreamTest() override {
    for (const auto& handler : handlers_) handler->on_close();
    for (const auto& exchange : streams_) exchange->go();
    log_.stop();
    jobs_.stop();
  }

  void publish(const std::string& topic, const std::string& owner = {}) {
    database_->transact({}, [&](storage::Transaction& tx) {
      tx.record({.action = topic,
                 .resource = "thing",
                 .resource_id = "1",
                 .topic = topic,
                 .data = R"({"n":1})",
                 .owner = owner});
      return ATRIUM_OK;
    });
  }
  /// Everything published so far has been handed to every follower.
  void settle() {
    std::promise<void> done;
    const auto last = log_.newest() + 1;
    const auto subscription = log_.live([&](const events::EventPtr& event) {
      if (event->sequence == last) done.set_value();
    });
    publish("marker");
    EXPECT_EQ(done.get_future().wait_for(testing::patience), std::future_status::ready);
  }
  std::shared_ptr<Connected> connect(const std::shared_ptr<FakeSocket>& socket, std::string token = "alice") {
    auto handler = std::make_shared<Connected>(
        socket, std::make_shared<EventSocket>(parts_, "192.0.2.1", std::move(token), nullptr));
    handlers_.push_back(handler);
    return handler;
  }
  /// Signed in and subscribed. Waits for the confirmation, because the token is checked on another thread.
  std::shared_ptr<Connected> subscribe(const std::shared_ptr<FakeSocket>& socket, const std::string& pattern) {
    auto handler = connect(socket);
    handler->on_text(json{{"type", "subscribe"}, {"event", pattern}}.dump());
    EXPECT_EQ(socket->wait(1).at(0), (json{{"type", "subscribed"}, {"event", pattern}}));
    return handler;
  }
  ExchangePtr stream(const std::string& query, std::vector<std::pair<std::string, std::string>> headers = {}) {
    auto exchange = request(Method::get, "/events" + query, "alice", {}, std::move(headers));
    streams_.push_back(exchange);
    start(exchange);
    exchange->wait();
    return exchange;
  }

  events::Log log_{*database_, jobs_, {}};
  EventHub hub_{log_};
  EventParts parts_{log_, jobs_, authenticator_, hub_};
  Health health_{{}};
  OpenApi openapi_{table_};
  std::vector<std::shared_ptr<Connected>> handlers_;
  std::vector<ExchangePtr> streams_;
};

TEST_F(EventStreamTest, SendsWhatWasSubscribedAndNothingBefore) {
  publish("thing.made");
  settle();
  const auto socket = std::make_shared<FakeSocket>();
  const auto handler = subscribe(socket, "thing.*");
  publish("other.made");
  publish("thing.made");
  const auto message = socket->wait(2).at(1);
  EXPECT_EQ(message["type"], "thing.made");
  EXPECT_EQ(message["id"], "4");
  EXPECT_EQ(message["data"], (json{{"n", 1}}));
  EXPECT_EQ(message["time"].get<std::string>().back(), 'Z');
  handler->on_text(R"({"type":"ping"})");
  EXPECT_EQ(socket->wait(3).at(2)["type"], "pong");
}

TEST_F(EventStreamTest, KeepsEventsToTheirAudience) {
  const auto socket = std::make_shared<FakeSocket>();
  subscribe(socket, "*");
  publish("note.private", "bob");
  publish("note.private", "alice");
  EXPECT_EQ(socket->wait(2).at(1)["id"], "2");
}

TEST_F(EventStreamTest, WantsATokenFirst) {
  const auto good = std::make_shared<FakeSocket>(), bad = std::make_shared<FakeSocket>(),
             worker = std::make_shared<FakeSocket>(), silent = std::make_shared<FakeSocket>();
  const auto handler = connect(good, "");
  handler->on_text(R"({"type":"auth","token":"alice"})");
  handler->on_text(R"({"type":"subscribe","event":"*"})");
  EXPECT_EQ(good->wait(1).at(0)["type"], "subscribed");
  connect(bad, "wrong");
  EXPECT_EQ(bad->wait_closed(), 4401);
  connect(worker, "robot");
  EXPECT_EQ(worker->wait_closed(), 4401);
  connect(silent, "")->on_text(R"({"type":"subscribe","event":"*"})");
  EXPECT_EQ(silent->wait_closed(), 4401);
}

TEST_F(EventStreamTest, EndsWithTheSession) {
  const auto socket = std::make_shared<FakeSocket>();
  const auto handler = subscribe(socket, "*");
  authenticator_.ended = true;
  handler->on_tick();
  EXPECT_EQ(socket->wait_closed(), 4401);
}

TEST_F(EventStreamTest, ResumesAfterAnEventAndGoesOnLive) {
  for (int i = 0; i < 600; ++i) publish("thing.made");
  const auto socket = std::make_shared<FakeSocket>();
  const auto handler = subscribe(socket, "*");
  handler->on_text(R"({"type":"resume","after":"10"})");
  for (int i = 0; i < 50; ++i) publish("thing.made");
  // Live events may come before the replay begins; from there on it is gapless.
  std::vector<std::int64_t> ids;
  for (std::size_t wanted = 641; ids.size() < 640; ++wanted) {
    const auto messages = socket->wait(wanted);
    ASSERT_GE(messages.size(), wanted);
    ids.clear();
    for (const auto& message : messages)
      if (message.contains("id")) ids.push_back(std::stoll(message["id"].get<std::string>()));
    ids.erase(ids.begin(), std::find(ids.begin(), ids.end(), 11));
  }
  ASSERT_EQ(ids.size(), 640u);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], 11 + static_cast<std::int64_t>(i));
}

TEST_F(EventStreamTest, SaysWhereTheLogBeginsWhenItIsTooLate) {
  settle();
  const auto socket = std::make_shared<FakeSocket>();
  subscribe(socket, "*")->on_text(R"({"type":"resume","after":"99"})");
  EXPECT_EQ(socket->wait(2).at(1), (json{{"type", "resume_gap"}, {"oldest", "1"}}));
}

TEST_F(EventStreamTest, AnswersNonsenseAndBoundsSubscriptions) {
  const auto socket = std::make_shared<FakeSocket>();
  const auto handler = subscribe(socket, "*");
  std::size_t answers = 1;
  for (const auto* nonsense : {"", "[]", "{}", R"({"type":7})", R"({"type":"subscribe","event":"**"})",
                               R"({"type":"resume","after":"x"})", R"({"type":"resume","after":7})"}) {
    handler->on_text(nonsense);
    EXPECT_EQ(socket->wait(++answers).back()["type"], "error") << nonsense;
  }
  for (std::size_t i = 1; i <= Follower::max_patterns; ++i)
    handler->on_text(json{{"type", "subscribe"}, {"event", "t" + std::to_string(i)}}.dump());
  EXPECT_EQ(socket->wait(answers + Follower::max_patterns).back()["type"], "error");
  for (int i = 0; i < 300; ++i) handler->on_text("{}");
  EXPECT_EQ(socket->wait_closed(), 1008);
}

TEST_F(EventStreamTest, StreamsServerSentEvents) {
  const auto exchange = stream("?event=thing.*");
  EXPECT_EQ(exchange->wait().headers.get("content-type"), "text/event-stream");
  publish("other.made");
  publish("thing.made");
  ASSERT_TRUE(exchange->wait_streamed("id: 2\nevent: thing.made\ndata: {\"type\":\"thing.made\",\"id\":\"2\""));
  EXPECT_EQ(exchange->streamed().find("other.made"), std::string::npos);
}

TEST_F(EventStreamTest, ServerSentEventsResumeAfterLastEventId) {
  for (int i = 0; i < 3; ++i) publish("thing.made");
  const auto exchange = stream("", {{"last-event-id", "1"}});
  ASSERT_TRUE(exchange->wait_streamed("id: 3\n"));
  EXPECT_NE(exchange->streamed().find("id: 2\n"), std::string::npos);
  EXPECT_EQ(exchange->streamed().find("id: 1\n"), std::string::npos);
  EXPECT_EQ(stream("", {{"last-event-id", "99"}})->wait().status, 410);
  EXPECT_EQ(stream("", {{"last-event-id", "x"}})->wait().status, 422);
  EXPECT_EQ(stream("?event=**")->wait().status, 422);
}

TEST_F(EventStreamTest, ALaggingReaderMissesNothingAndNothingIsBuffered) {
  const auto exchange = stream("");
  exchange->lagging = true;
  for (int i = 0; i < 20; ++i) publish("thing.made");
  ASSERT_TRUE(exchange->wait_streamed("id: 1\n"));
  exchange->drain();
  ASSERT_TRUE(exchange->wait_streamed("id: 20\n"));
  std::string all = exchange->streamed();
  std::size_t at = 0;
  for (int i = 1; i <= 20; ++i) {
    at = all.find("id: " + std::to_string(i) + "\n", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(EventStreamTest, ServerSentEventsEndWithTheSession) {
  const auto exchange = stream("");
  authenticator_.ended = true;
  EXPECT_TRUE(exchange->wait_ended());
}

TEST_F(EventStreamTest, TheKernelAnswersForItself) {
  const auto at_root = [&](std::string path) {
    auto exchange = std::make_shared<testing::FakeExchange>(Method::get, std::move(path));
    return send(exchange);
  };
  const auto health = at_root("/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(json::parse(health.body)["status"], "healthy");
  EXPECT_EQ(send(Method::get, "/health").status, 200);
  EXPECT_EQ(at_root("/metrics").status, 200);
  EXPECT_EQ(json::parse(at_root("/openapi.json").body)["openapi"], "3.1.0");
  EXPECT_NE(at_root("/docs/").headers.get("content-security-policy").find("script-src 'self'"), std::string_view::npos);
  EXPECT_EQ(at_root("/docs/app.js").headers.get("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(at_root("/ws").status, 426);
}

TEST(HealthState, IsTheWorstOfItsChecks) {
  using State = Health::State;
  auto second = std::make_shared<std::atomic<State>>(State::degraded);
  Health health({{"a", [] { return State::healthy; }}, {"b", [second] { return second->load(); }}});
  jobs::Jobs jobs({});
  health.start(jobs);
  EXPECT_EQ(health.state(), State::degraded);
  Health failing({{"a", []() -> State { throw std::runtime_error("gone"); }}});
  failing.start(jobs);
  EXPECT_NE(failing.json().find("unhealthy"), std::string::npos);
  jobs.stop();
}

}  // namespace
}  // namespace kernel::routing
