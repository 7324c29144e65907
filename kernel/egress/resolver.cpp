#include "egress/resolver.hpp"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace kernel::egress {
namespace {

constexpr std::size_t max_threads = 4, max_names = 1024, max_known = 512;
constexpr std::chrono::seconds keep{5};  // spares a burst its lookups; every use is classified all the same

Resolved look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Resolved result;
  if (const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    result.failure = gai_strerror(error);
    return result;
  }
  for (const auto* each = list; each; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(each->ai_addr);
      result.addresses.emplace_back(boost::asio::ip::address_v4(ntohl(v4->sin_addr.s_addr)));
    } else if (each->ai_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(each->ai_addr);
      boost::asio::ip::address_v6::bytes_type bytes;
      std::copy_n(v6->sin6_addr.s6_addr, bytes.size(), bytes.begin());
      result.addresses.emplace_back(boost::asio::ip::address_v6(bytes, v6->sin6_scope_id));
    }
  }
  freeaddrinfo(list);
  if (result.addresses.empty()) result.failure = "the name has no address";
  return result;
}

}  // namespace

struct Resolver::State {
  struct Known {
    Resolved resolved;
    std::chrono::steady_clock::time_point until;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> names;
  std::map<std::string, std::vector<Done>> waiting;
  std::map<std::string, Known> known;
  std::size_t threads = 0, idle = 0;
  bool stopped = false;

  static void serve(const std::shared_ptr<State>& state) {
    pthread_setname_np(pthread_self(), "atrium-dns");
    std::unique_lock lock(state->mutex);
    while (true) {
      ++state->idle;
      state->changed.wait(lock, [&] { return state->stopped || !state->names.empty(); });
      --state->idle;
      if (state->stopped) break;
      const auto host = std::move(state->names.front());
      state->names.pop_front();
      lock.unlock();
      const auto resolved = look_up(host);
      lock.lock();
      if (state->stopped) break;
      state->remember(host, resolved);
      const auto node = state->waiting.extract(host);
      for (const auto& done : node.mapped()) done(resolved);
    }
    --state->threads;
    state->changed.notify_all();
  }

  void remember(const std::string& host, const Resolved& resolved) {
    if (!resolved.failure.empty()) return;
    if (known.size() >= max_known) known.clear();
    known[host] = {resolved, std::chrono::steady_clock::now() + keep};
  }
};

Resolver::Resolver() : state_(std::make_shared<State>()) {}

Resolver::~Resolver() {
  std::unique_lock lock(state_->mutex);
  state_->stopped = true;
  state_->waiting.clear();
  state_->changed.notify_all();
  state_->changed.wait_for(lock, std::chrono::seconds(2), [this] { return state_->threads == 0; });
}

void Resolver::resolve(const std::string& host, Done done) {
  std::unique_lock lock(state_->mutex);
  const auto known = state_->known.find(host);
  if (known != state_->known.end() && known->second.until > std::chrono::steady_clock::now()) {
    const auto resolved = known->second.resolved;
    lock.unlock();
    return done(resolved);
  }
  if (const auto same = state_->waiting.find(host); same != state_->waiting.end()) {
    same->second.push_back(std::move(done));
    return;
  }
  if (state_->names.size() >= max_names) {
    lock.unlock();
    return done({{}, "too many names wait to be looked up"});
  }
  state_->waiting[host].push_back(std::move(done));
  state_->names.push_back(host);
  if (state_->idle < state_->names.size() && state_->threads < max_threads) {
    ++state_->threads;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are other threads' business
    std::thread([state = state_] { State::serve(state); }).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  state_->changed.notify_one();
}

}  // namespace kernel::egress
