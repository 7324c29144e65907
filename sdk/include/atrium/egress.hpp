#pragma once
// The way out to other hosts. Addresses are resolved, classified and dialled by the kernel.
#include <atrium/async.hpp>
#include <atrium/host.hpp>

#include <unistd.h>
#include <chrono>

namespace atrium {

struct OutRequest {
  std::string method = "GET", url, body{};
  std::vector<std::pair<std::string, std::string>> headers{};
  std::chrono::milliseconds connect_timeout{10'000}, idle_timeout{60'000}, timeout{300'000};
  std::int64_t max_bytes = 8 << 20;
  int redirects = 0;
  bool operator_trusts = false;  ///< the address is the operator's own configuration; needs that grant
  /// Called with each piece of the answer's body, one at a time, when set; the answer's body is then left empty.
  /// False abandons the exchange.
  std::function<bool(std::string_view)> on_data{};
  std::function<void(int status)> on_head{};
  std::optional<Cancellation> cancellation{};
};

struct Answer {
  int status = 0;
  Json headers = Json::object();  ///< lower-case name -> value
  std::string body;
  std::string header(const std::string& name) const { return headers.value(name, std::string()); }
};

namespace detail {

/// What an awaiting coroutine and a callback that comes once share.
struct Waiting {
  const Host* host;
  std::optional<Cancellation> cancellation;
  Rendezvous meeting{};
  std::coroutine_handle<> handle{};
  std::recursive_mutex mutex{};
  bool finished = false;
  std::int32_t status = ATRIUM_OK;
  std::string why{};
  atrium_pending* pending = nullptr;
  Cancellation::Listener listener{};

  Waiting(const Host* host, std::optional<Cancellation> cancellation)
      : host(host), cancellation(std::move(cancellation)) {}

  /// begin(Failure&): starts it. True: suspended.
  template <class Begin>
  bool suspend(std::coroutine_handle<> waiting, Begin begin) {
    handle = waiting;
    Failure failure;
    std::int32_t started;
    {
      const std::lock_guard lock(mutex);
      started = begin(failure);
    }
    if (started < 0) {
      status = started;
      why = failure.raw.message;
      return false;
    }
    if (cancellation)
      listener = cancellation->on_request([this] {
        const std::lock_guard lock(mutex);
        if (!finished) host->egress().cancel(pending);
      });
    return !meeting.arrive();
  }
  void finish(std::int32_t result, const atrium_err* failure) {
    {
      const std::lock_guard lock(mutex);
      finished = true;
      status = result;
      if (failure) why = failure->message;
    }
    if (meeting.arrive()) handle.resume();
  }
  void check() {
    listener = {};
    if (status < 0) throw problem_for(status, why);
  }
};

struct Sending : Waiting {
  OutRequest request;
  Answer answer{};

  Sending(const Host* host, OutRequest request) : Waiting(host, request.cancellation), request(std::move(request)) {}

  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    static constexpr atrium_exchange callbacks{sizeof(atrium_exchange), 0, &Sending::head, &Sending::data,
                                               &Sending::done};
    Json headers = Json::object();
    for (const auto& [name, value] : request.headers) headers[name] = value;
    const std::string text = dump({{"method", request.method},
                                   {"url", request.url},
                                   {"headers", headers},
                                   {"connect_timeout_ms", request.connect_timeout.count()},
                                   {"idle_timeout_ms", request.idle_timeout.count()},
                                   {"timeout_ms", request.timeout.count()},
                                   {"max_bytes", request.max_bytes},
                                   {"redirects", request.redirects},
                                   {"trust", request.operator_trusts ? "operator" : "user"}});
    return suspend(waiting, [&](Failure& failure) {
      return host->egress().send(host->raw(), view(text), view(request.body), &callbacks, this, &pending, failure);
    });
  }
  Answer await_resume() {
    check();
    return std::move(answer);
  }

  static void head(void* self, std::int32_t status, atrium_str headers) {
    auto* sending = static_cast<Sending*>(self);
    sending->answer.status = status;
    sending->answer.headers = Json::parse(text_of(headers), nullptr, false);
    if (sending->request.on_head) sending->request.on_head(status);
  }
  static std::int32_t data(void* self, atrium_str piece) {
    auto* sending = static_cast<Sending*>(self);
    if (sending->request.on_data) return sending->request.on_data(text_of(piece)) ? ATRIUM_OK : ATRIUM_E_CANCELLED;
    sending->answer.body.append(text_of(piece));
    return ATRIUM_OK;
  }
  static void done(void* self, std::int32_t status, const atrium_err* why) {
    static_cast<Sending*>(self)->finish(status, why);
  }
};

}  // namespace detail

/// A connected, non-blocking socket for a protocol other than HTTP; closed when destroyed.
class Socket {
 public:
  Socket() = default;
  Socket(int descriptor, std::string address) : descriptor_(descriptor), address_(std::move(address)) {}
  Socket(Socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), address_(std::move(other.address_)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(address_, other.address_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const { return descriptor_; }
  /// The numeric address that was dialled.
  const std::string& address() const { return address_; }

 private:
  int descriptor_ = -1;
  std::string address_;
};

struct DialRequest {
  std::string host;
  int port = 0;
  std::chrono::milliseconds connect_timeout{10'000};
  bool operator_trusts = false;  ///< the address is the operator's own; needs that grant
  std::optional<Cancellation> cancellation{};
};

namespace detail {

struct Dialling : Waiting {
  DialRequest request;
  int descriptor = -1;
  std::string address{};

  Dialling(const Host* host, DialRequest request) : Waiting(host, request.cancellation), request(std::move(request)) {}
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    const std::string text = dump({{"host", request.host},
                                   {"port", request.port},
                                   {"connect_timeout_ms", request.connect_timeout.count()},
                                   {"trust", request.operator_trusts ? "operator" : "user"}});
    return suspend(waiting, [&](Failure& failure) {
      return host->egress().dial(host->raw(), view(text), &Dialling::connected, this, &pending, failure);
    });
  }
  Socket await_resume() {
    check();
    return {descriptor, std::move(address)};
  }
  static void connected(void* self, std::int32_t fd, atrium_str address, std::int32_t status, const atrium_err* why) {
    auto* dialling = static_cast<Dialling*>(self);
    dialling->descriptor = fd;
    dialling->address = text_of(address);
    dialling->finish(status, why);
  }
};

struct Readying : Waiting {
  int descriptor, events;
  std::chrono::milliseconds timeout;

  Readying(const Host* host, int descriptor, int events, std::chrono::milliseconds timeout,
           std::optional<Cancellation> cancellation)
      : Waiting(host, std::move(cancellation)), descriptor(descriptor), events(events), timeout(timeout) {}
  bool await_ready() { return false; }
  bool await_suspend(std::coroutine_handle<> waiting) {
    return suspend(waiting, [&](Failure& failure) {
      return host->egress().wait(host->raw(), descriptor, events, timeout.count(), &Readying::ready, this, &pending,
                                 failure);
    });
  }
  void await_resume() { check(); }
  static void ready(void* self, std::int32_t status, const atrium_err* why) {
    static_cast<Readying*>(self)->finish(status, why);
  }
};

}  // namespace detail

/// Awaitable: a connection to an address that the kernel has checked.
inline auto dial(const Host& host, DialRequest request) { return detail::Dialling(&host, std::move(request)); }

/// Why a URL cannot be reached, as far as it can be told without a lookup: it is malformed, or names an address that is
/// refused. For what users store; a name is judged when it is dialled, each time. [any]
inline std::optional<std::string> url_fault(const Host& host, std::string_view url, bool operator_trusts = false) {
  Failure failure;
  const auto trust = operator_trusts ? std::string_view("operator") : std::string_view("user");
  if (host.egress().check(host.raw(), view(url), view(trust), failure) >= 0) return std::nullopt;
  return std::string(failure.raw.message);
}

enum class Ready : std::uint8_t { read = 1, write = 2, either = 3 };
/// Awaitable: goes on once the socket is ready; throws 504 at the timeout, 499 when cancelled.
inline auto ready(const Host& host, const Socket& socket, Ready events, std::chrono::milliseconds timeout,
                  std::optional<Cancellation> cancellation = std::nullopt) {
  return detail::Readying(&host, socket.descriptor(), static_cast<int>(events), timeout, std::move(cancellation));
}

}  // namespace atrium
