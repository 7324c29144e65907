#pragma once
// One request on its way through the kernel. The connection owns the I/O; everybody else holds an Exchange.
#include "http/message.hpp"

#include <any>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kernel::http {

/// A piece of a streamed request body. `last`: nothing follows. `failed`: the client went or broke the framing (then
/// `last` too). Called one at a time on the connection's I/O thread. Return false to pause until resume_body().
using BodySink = std::function<bool(std::string_view piece, bool last, bool failed)>;

/// Implemented by the front. Every function may be called from any thread; after the client has gone they do nothing.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  virtual ~Exchange() = default;

  const RequestHead& head() const { return head_; }
  /// The whole body, where it was asked for buffered.
  const std::string& body() const { return body_; }

  /// Sends the one reply. HEAD: the body is left out, its length kept. A second call is ignored and logged.
  virtual void respond(Reply reply) = 0;

  /// A reply of unknown length: chunked on HTTP/1.1, closed at its end on 1.0.
  virtual void stream_begin(int status, Headers headers) = 0;
  /// Takes all of the data. False: more than the high-water mark waits; `on_writable` is then called once, from the
  /// I/O thread, when it has drained (or the client has gone).
  virtual bool stream_write(std::string data, std::function<void()> on_writable) = 0;
  virtual void stream_end() = 0;
  /// The reply cannot be completed: the connection is cut, so that the client does not take what it has for the whole.
  virtual void stream_abort() = 0;

  /// For routes that stream their body: starts the delivery. A route that never calls it has its body discarded.
  virtual void read_body(BodySink sink) = 0;
  virtual void resume_body() = 0;

  /// The client has gone, or the kernel shut the connection.
  virtual bool cancelled() const = 0;
  /// Called at most once, on the I/O thread; at once when the client is already gone. Replaces an earlier one.
  virtual void on_cancel(std::function<void()> notify) = 0;
  /// Runs `work` soon on this connection's I/O thread. False: it is gone.
  virtual bool post(std::function<void()> work) = 0;

  /// What the pipeline hangs onto the request (see routing/context.hpp); set before the handler runs.
  std::any context;

 protected:
  RequestHead head_;
  std::string body_;
};

/// What the dispatcher wants to happen with a request whose head has arrived.
struct HeadDecision {
  enum class Action : std::uint8_t {
    respond,      ///< send `reply` now, without reading the body; the connection closes if a body was announced
    buffer_body,  ///< read the whole body up to `max_body` (413 through Dispatcher::refusal beyond), then handle()
    stream_body,  ///< call handle() now; the handler reads the body, up to `max_body`
    websocket     ///< answer 101 and hand the connection to `websocket`
  };
  Action action = Action::respond;
  Reply reply;
  std::int64_t max_body = 0;
  std::shared_ptr<class WebSocketHandler> websocket;
};

/// One end of a WebSocket. send() and close() may be called from any thread.
class WebSocket : public std::enable_shared_from_this<WebSocket> {
 public:
  virtual ~WebSocket() = default;
  /// Queues one text message; `frame` is shared between receivers (see make_text_frame). False when gone. Past the
  /// configured bound of waiting bytes the client is closed with 4408.
  virtual bool send_frame(std::shared_ptr<const std::string> frame) = 0;
  /// Bytes that wait to be sent: who replays a long history stops while there are many. Any thread.
  virtual std::size_t backlog() const { return 0; }
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
  virtual const RequestHead& head() const = 0;
  virtual bool post(std::function<void()> work) = 0;
};

/// A complete unmasked text frame, to be made once and sent to many.
std::shared_ptr<const std::string> make_text_frame(std::string_view text);

/// Called on the connection's I/O thread, one at a time.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_open(const std::shared_ptr<WebSocket>& socket) = 0;
  virtual void on_text(std::string_view text) = 0;
  /// After this no other call comes.
  virtual void on_close() = 0;
  /// About twice a second, for deadlines.
  virtual void on_tick() {}
};

/// Implemented by routing. Called on I/O threads; must not wait.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  /// The head is complete: 404, 405, 401, 403, 415 and 413-by-length are decided here, before any body is read.
  virtual HeadDecision on_head(const std::shared_ptr<Exchange>& exchange) = 0;
  /// The body is complete (or streams): run the handler.
  virtual void handle(const std::shared_ptr<Exchange>& exchange) = 0;
  /// The problem+json reply for a fault the front found itself: 400, 408, 413, 414, 417, 431, 501, 503, 505.
  virtual Reply refusal(int status, std::string_view detail, const RequestHead* head_or_null) = 0;
  /// A reply is on its way to the socket: metrics and the access log. Called on the I/O thread.
  virtual void on_replied(Exchange& exchange, int status, std::size_t body_bytes) = 0;
};

}  // namespace kernel::http
