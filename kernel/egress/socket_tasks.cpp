#include "egress/socket_tasks.hpp"

#include <atrium/abi.h>

#include <boost/asio/post.hpp>

#include <utility>

namespace kernel::egress {

void SocketTask::cancel() {
  boost::asio::post(core_->io, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->abort(ATRIUM_E_CANCELLED, "cancelled");
  });
}

bool SocketTask::end(std::int32_t status) {
  if (std::exchange(ended_, true)) return false;
  --core_->in_flight;
  ++(status == ATRIUM_OK ? core_->done : status == ATRIUM_E_DENIED ? core_->denied : core_->failed);
  return true;
}

Dial::Dial(std::shared_ptr<Core> core, Deliver deliver, DialRequest request, ConnectedFn connected)
    : SocketTask(std::move(core), std::move(deliver)), request_(std::move(request)), connected_(std::move(connected)) {}

void Dial::start() {
  boost::system::error_code none;
  boost::asio::ip::make_address(request_.host, none);
  Connector::Handlers handlers;
  const auto weak = std::weak_ptr(std::static_pointer_cast<Dial>(shared_from_this()));
  handlers.connected = [weak](auto socket, const auto& address) {
    if (const auto self = weak.lock()) self->on_connected(std::move(socket), address);
  };
  handlers.failed = [weak](std::int32_t status, const std::string& why) {
    if (const auto self = weak.lock()) self->abort(status, why);
  };
  connector_ = std::make_shared<Connector>(
      *core_, Target{request_.host, request_.port, !none, request_.trust, request_.hosts}, std::move(handlers));
  connector_->start(Connector::Clock::now() + request_.connect_timeout);
}

void Dial::on_connected(boost::asio::ip::tcp::socket socket, const boost::asio::ip::address& address) {
  boost::system::error_code error;
  socket.non_blocking(true, error);
  if (!error) socket.set_option(boost::asio::ip::tcp::no_delay(true), error);
  if (error) return abort(ATRIUM_E_UNAVAILABLE, "cannot use the connection: " + error.message());
  if (!end(ATRIUM_OK)) return;
  const auto self = shared_from_this();
  deliver_([connected = connected_, descriptor = socket.release(), name = address.to_string()] {
    connected(descriptor, name, ATRIUM_OK, {});
  });
  core_->tasks.erase(this);
}

void Dial::abort(std::int32_t status, const std::string& why) {
  if (!end(status)) return;
  const auto self = shared_from_this();
  if (connector_) connector_->stop();
  refuse(status, why);
  core_->tasks.erase(this);
}

void Dial::refuse(std::int32_t status, const std::string& why) {
  deliver_([connected = connected_, status, why] { connected(-1, {}, status, why); });
}

Wait::Wait(std::shared_ptr<Core> core, Deliver deliver, int descriptor, int events, std::chrono::milliseconds timeout,
           ReadyFn ready)
    : SocketTask(std::move(core), std::move(deliver)),
      number_(descriptor),
      events_(events),
      timeout_(timeout),
      ready_(std::move(ready)),
      descriptor_(core_->io),
      timer_(core_->io) {}

void Wait::start() {
  boost::system::error_code error;
  descriptor_.assign(number_, error);
  if (error) return abort(ATRIUM_E_INVALID, "this descriptor cannot be waited for: " + error.message());
  using Kind = boost::asio::posix::stream_descriptor;
  if (events_ & 1) await(Kind::wait_read);
  if (events_ & 2) await(Kind::wait_write);
  timer_.expires_after(timeout_);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self) self->abort(ATRIUM_E_TIMEOUT, "nothing came in time");
  });
}

// What is wrong with the socket shows itself in the operation that is tried next.
void Wait::await(boost::asio::posix::stream_descriptor::wait_type what) {
  descriptor_.async_wait(what, [weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = std::static_pointer_cast<Wait>(weak.lock());
    if (error != boost::asio::error::operation_aborted && self) self->finish(ATRIUM_OK, {});
  });
}

void Wait::abort(std::int32_t status, const std::string& why) { finish(status, why); }

void Wait::finish(std::int32_t status, const std::string& why) {
  if (!end(status)) return;
  const auto self = shared_from_this();
  timer_.cancel();
  if (descriptor_.is_open()) descriptor_.release();  // it stays the plugin's
  refuse(status, why);
  core_->tasks.erase(this);
}

void Wait::refuse(std::int32_t status, const std::string& why) {
  deliver_([ready = ready_, status, why] { ready(status, why); });
}

}  // namespace kernel::egress
