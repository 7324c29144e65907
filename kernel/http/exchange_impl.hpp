#pragma once
// The Exchange the front hands out. Calls from other threads are queued in order and run on the I/O thread; the session
// is reached through a pointer that is cleared there, so a late reply can only ever fall into the void.
#include "http/exchange.hpp"
#include "http/post_box.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::http {

class Http1;

class ExchangeImpl final : public Exchange, public Task {
 public:
  ExchangeImpl(std::shared_ptr<PostBox> box, Http1* session, std::size_t high_water);

  void respond(Reply reply) override;
  void stream_begin(int status, Headers headers) override;
  bool stream_write(std::string data, std::function<void()> on_writable) override;
  void stream_end() override;
  void stream_abort() override;
  void read_body(BodySink sink) override;
  void resume_body() override;
  bool cancelled() const override { return cancelled_; }
  void on_cancel(std::function<void()> notify) override;
  bool post(std::function<void()> work) override;
  void run() override;

  // The session's side, on the I/O thread.
  RequestHead& head_to_fill() { return head_; }
  std::string& body_to_fill() { return body_; }
  /// True for the first to answer.
  bool claim_reply() { return !replied_.exchange(true); }
  /// The session lets go: the exchange is over (or the client has gone, then `gone`).
  void detach(bool gone);
  /// Tells waiting handlers that the client will not get its reply; the session stays.
  void cancel() { begin_cancel()(); }
  /// Marks it cancelled; the function returned tells the handlers, and may be called once the session has let go.
  std::function<void()> begin_cancel();
  void taken(std::size_t bytes);
  void flushed(std::size_t waiting);

 private:
  void enqueue(std::function<void(Http1&)> step);

  const std::shared_ptr<PostBox> box_;
  Http1* session_;  // I/O thread only
  const std::size_t high_water_;
  std::atomic<bool> replied_{false}, cancelled_{false};
  bool running_ = false;  // I/O thread only

  std::mutex mutex_;  // guards what follows
  std::vector<std::function<void(Http1&)>> steps_;
  std::function<void()> on_cancel_, on_writable_;
  std::size_t in_transit_ = 0, waiting_ = 0;
  bool over_ = false;
};

}  // namespace kernel::http
