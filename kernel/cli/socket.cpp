#include "cli/connection.hpp"

#include <Poco/Buffer.h>

namespace kernel::cli {
namespace {

using Poco::Net::WebSocket;

constexpr int longest_message = 16 << 20;
constexpr std::chrono::seconds silence{30};

template <typename Work>
auto connected(Work work) {
  try {
    return work();
  } catch (const Poco::Exception& error) {
    throw Failure("the connection to the kernel is lost (" + observability::printable(error.displayText(), 300) +
                  "); does it still run?");
  }
}

}  // namespace

Socket::Socket(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {
  connection_->socket.setMaxPayloadSize(longest_message);
  connection_->socket.setReceiveTimeout(Poco::Timespan(silence.count(), 0));
}
Socket::Socket(Socket&&) noexcept = default;
Socket::~Socket() = default;

int Socket::close_code() const { return connection_->close_code; }

void Socket::send(const nlohmann::json& message) {
  connected([&] {
    const auto text = message.dump();
    connection_->socket.sendFrame(text.data(), static_cast<int>(text.size()));
  });
}

std::optional<nlohmann::json> Socket::receive() {
  return connected([&]() -> std::optional<nlohmann::json> {
    auto& socket = connection_->socket;
    for (bool asked = false;;) {
      Poco::Buffer<char> frame(0);
      int flags = 0, size = 0;
      try {
        size = socket.receiveFrame(frame, flags);
      } catch (const Poco::TimeoutException&) {
        if (asked) throw;
        asked = true;
        send({{"type", "ping"}});
        continue;
      }
      const auto kind = flags & WebSocket::FRAME_OP_BITMASK;
      if (size <= 0 && flags == 0) return std::nullopt;
      if (kind == WebSocket::FRAME_OP_PING) {
        socket.sendFrame(frame.begin(), size, static_cast<int>(WebSocket::FRAME_FLAG_FIN) | WebSocket::FRAME_OP_PONG);
      } else if (kind == WebSocket::FRAME_OP_CLOSE) {
        const auto* code = reinterpret_cast<const unsigned char*>(frame.begin());
        connection_->close_code = size >= 2 ? code[0] << 8 | code[1] : 1005;
        return std::nullopt;
      } else if (kind == WebSocket::FRAME_OP_TEXT) {
        auto message = nlohmann::json::parse(frame.begin(), frame.begin() + size, nullptr, false);
        if (message.is_discarded()) throw Failure("the kernel sent no JSON; is this Atrium?");
        if (message.value("type", "") != "pong") return message;
        asked = false;
      }
    }
  });
}

}  // namespace kernel::cli
