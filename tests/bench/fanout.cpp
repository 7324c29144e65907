// fanout PORT WEBSOCKET_TARGET PUBLISH_PATH TOKEN SUBSCRIBERS SECONDS IN_FLIGHT RATE
// Subscribes many WebSockets to task.created and keeps IN_FLIGHT publications (POSTs) going, each on a connection of
// its own; the next one starts when every subscriber has got the oldest, or with a RATE above 0 so many start a second. Prints {"deliveries_per_second", "p50_ms", "p99_ms"}; latency runs from the POST.
// After the handshake frames are counted by their headers alone: a client library would cost more than the servers.
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace beast = boost::beast;
namespace http = beast::http;
namespace net = boost::asio;
using tcp = net::ip::tcp;
using Clock = std::chrono::steady_clock;

struct Plan {
  unsigned short port;
  std::string target, publish, token;
  std::size_t subscribers;
  double seconds;
  std::size_t in_flight;
  double rate;
};

/// Counts the frames that end in a stream of unmasked ones.
class FrameCounter {
 public:
  std::size_t feed(const char* data, std::size_t size) {
    std::size_t ended = 0;
    while (size > 0) {
      if (left_ > 0) {
        const auto taken = std::min(left_, size);
        data += taken, size -= taken;
        if ((left_ -= taken) == 0) ++ended;
        continue;
      }
      head_[known_++] = static_cast<unsigned char>(*data++);
      --size;
      const std::size_t form = known_ < 2 ? 0 : head_[1] & 0x7f, needed = form == 127 ? 10 : form == 126 ? 4 : 2;
      if (known_ < needed) continue;
      left_ = form < 126 ? form : 0;
      for (std::size_t at = 2; at < needed; ++at) left_ = left_ << 8 | head_[at];
      known_ = 0;
      if (left_ == 0) ++ended;
    }
    return ended;
  }

 private:
  std::array<unsigned char, 10> head_{};
  std::size_t known_ = 0, left_ = 0;
};

class Load {
 public:
  Load(net::io_context& io, Plan plan) : io_(io), plan_(std::move(plan)) {}

  void run() {
    for (std::size_t i = 0; i < plan_.subscribers; ++i) subscribe();
    for (std::size_t i = 0; i < plan_.in_flight; ++i) {
      publishers_.push_back(std::make_unique<Publisher>(io_));
      publishers_.back()->socket.connect(address());
      publishers_.back()->socket.set_option(tcp::no_delay(true));
    }
    began_ = Clock::now();
    warm_ = began_ + std::chrono::milliseconds(500);
    end_ = warm_ + std::chrono::milliseconds(static_cast<int>(plan_.seconds * 1000));
    for (auto& subscriber : subscribers_) receive(*subscriber);
    for (auto& publisher : publishers_) {
      if (plan_.rate == 0) publish();
      drain_answers(*publisher);
    }
    if (plan_.rate > 0) publish_steadily(began_);
    io_.run_until(end_);
    report();
  }

 private:
  struct Subscriber {
    explicit Subscriber(net::io_context& io) : socket(io) {}
    beast::websocket::stream<tcp::socket> socket;
    beast::flat_buffer buffer;
    std::array<char, 16 * 1024> piece;
    FrameCounter frames;
    std::size_t received = 0;
  };

  struct Publisher {
    explicit Publisher(net::io_context& io) : socket(io) {}
    tcp::socket socket;
    std::array<char, 16 * 1024> answers;
  };

  tcp::endpoint address() const { return {net::ip::address_v4::loopback(), plan_.port}; }

  void subscribe() {
    auto subscriber = std::make_unique<Subscriber>(io_);
    subscriber->socket.next_layer().connect(address());
    subscriber->socket.handshake("127.0.0.1", plan_.target);
    subscriber->socket.write(net::buffer(std::string(R"({"type":"subscribe","event":"task.created"})")));
    subscriber->socket.read(subscriber->buffer);
    subscriber->buffer.clear();
    subscribers_.push_back(std::move(subscriber));
  }

  void receive(Subscriber& subscriber) {
    subscriber.socket.next_layer().async_read_some(net::buffer(subscriber.piece), [this, &subscriber](beast::error_code error, std::size_t bytes) {
      if (error) throw beast::system_error(error);
      const auto now = Clock::now();
      for (auto ended = subscriber.frames.feed(subscriber.piece.data(), bytes); ended > 0; --ended) {
        if (now >= warm_) {
          ++deliveries_;
          latencies_.push_back(std::chrono::duration<double, std::milli>(now - sent_[subscriber.received]).count());
        }
        if (++arrivals_[subscriber.received++] == plan_.subscribers && plan_.rate == 0 && now < end_) publish();
      }
      receive(subscriber);
    });
  }

  void publish() {
    const std::string body = R"({"title":"Build the release","description":")" + std::string(150, 'x') + R"("})";
    const std::string request = "POST " + plan_.publish + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nAuthorization: Bearer " +
                                plan_.token + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                                "\r\n\r\n" + body;
    auto& publisher = *publishers_[sent_.size() % publishers_.size()];
    sent_.push_back(Clock::now());
    arrivals_.push_back(0);
    net::write(publisher.socket, net::buffer(request));
  }

  void publish_steadily(Clock::time_point at) {
    timer_.expires_at(at);
    timer_.async_wait([this, at](beast::error_code error) {
      if (error) return;
      publish();
      publish_steadily(at + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / plan_.rate)));
    });
  }

  void drain_answers(Publisher& publisher) {
    publisher.socket.async_read_some(net::buffer(publisher.answers), [this, &publisher](beast::error_code error, std::size_t) {
      if (error) throw beast::system_error(error);
      drain_answers(publisher);
    });
  }

  void report() {
    if (latencies_.empty()) throw std::runtime_error("nothing was delivered");
    std::sort(latencies_.begin(), latencies_.end());
    std::cout << R"({"deliveries_per_second": )" << static_cast<double>(deliveries_) / plan_.seconds << R"(, "p50_ms": )"
              << latencies_[latencies_.size() / 2] << R"(, "p99_ms": )" << latencies_[latencies_.size() * 99 / 100] << "}\n";
  }

  net::io_context& io_;
  Plan plan_;
  net::steady_timer timer_{io_};
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<Clock::time_point> sent_;
  std::vector<std::size_t> arrivals_;
  std::vector<double> latencies_;
  std::size_t deliveries_ = 0;
  Clock::time_point began_, warm_, end_;
};

int main(int, char** a) try {
  net::io_context io(1);
  Load load(io, {static_cast<unsigned short>(std::stoi(a[1])), a[2], a[3], a[4], std::stoul(a[5]), std::stod(a[6]), std::stoul(a[7]), std::stod(a[8])});
  load.run();
} catch (const std::exception& error) {
  std::cerr << "fanout: " << error.what() << "\n";
  return 1;
}
