#pragma once
// HTTP/1.0 and 1.1 on one connection: one request at a time, the next one only when the reply to it is complete.
#include "http/connection.hpp"
#include "http/exchange_impl.hpp"
#include "http/request_parser.hpp"

#include <memory>
#include <optional>

namespace kernel::http {

class Http1 final : public Protocol {
 public:
  explicit Http1(Connection& connection);
  ~Http1() override;

  std::size_t on_data(std::string_view data) override;
  bool wants_more(std::size_t unused) const override;
  void on_end_of_input() override;
  void on_flushed(std::size_t waiting) override;
  void on_tick(Clock::time_point now) override;
  void on_drain() override;
  void on_closed() override;

  /// The server is full: say so and close.
  void refuse_full();

  // What an Exchange asks for, on the I/O thread; ignored for any but the current one.
  void reply(ExchangeImpl& exchange, Reply&& reply);
  void begin_stream(ExchangeImpl& exchange, int status, const Headers& headers);
  void write_stream(ExchangeImpl& exchange, std::string&& data);
  void end_stream(ExchangeImpl& exchange);
  void abort_stream(ExchangeImpl& exchange);
  void read_body(ExchangeImpl& exchange, const BodySink& sink);
  void resume_body(ExchangeImpl& exchange);
  void settle() { connection_.settle(); }

 private:
  enum class Wait : std::uint8_t { nothing, first_byte, idle, head, body, handler };
  enum class BodyState : std::uint8_t { done, unread, buffering, streaming, paused };
  enum class ReplyState : std::uint8_t { none, streaming, done };

  bool read_head(std::string_view data, std::size_t& used);
  void decide(HeadDecision&& decision);
  void begin_body(HeadDecision&& decision);
  void begin_websocket(HeadDecision&& decision);
  bool read_piece(std::string_view data, std::size_t& used);
  void deliver(std::string_view piece, bool last);
  void body_complete();
  void fail_body();
  void handle();
  /// Answers for the front itself and closes.
  void refuse(Fault fault);
  void send(int status, const Headers& headers, std::string&& body);
  void finish_reply();
  void finish_exchange();
  void ask_to_continue();
  void ask_who_is_there(Clock::time_point now);
  void wait_for(Wait what);
  bool is_current(const ExchangeImpl& exchange) const { return exchange_.get() == &exchange; }
  bool is_head() const { return exchange_->head().method == Method::head; }
  ServerState& server() const { return connection_.loop().server(); }

  Connection& connection_;
  HeadScanner scanner_;
  std::optional<RequestParser> parser_;
  HeadExtras extras_;
  std::shared_ptr<ExchangeImpl> exchange_;
  BodySink sink_;
  BodyState body_ = BodyState::done;
  ReplyState reply_ = ReplyState::none;
  Wait wait_ = Wait::nothing;
  Clock::time_point deadline_;
  std::optional<Clock::time_point> silent_since_;  // the client has closed its half while its request is handled
  std::int64_t max_body_ = 0, body_read_ = 0;
  std::optional<std::int64_t> stream_left_;  // a streamed reply of announced length
  int status_ = 0;
  std::size_t reply_bytes_ = 0;
  bool chunked_reply_ = false, event_stream_ = false, close_after_ = false, upgraded_ = false;
};

}  // namespace kernel::http
