#pragma once
// A front and an authenticator that tests can look into.
#include "auth/authenticator.hpp"
#include "http/exchange.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <unistd.h>

namespace kernel::routing::testing {

constexpr std::chrono::seconds patience{20};

/// Holds the one reply, or the stream, of a request that never was on a wire.
class FakeExchange final : public http::Exchange {
 public:
  FakeExchange(http::Method method, std::string target, std::string body = {},
               std::vector<std::pair<std::string, std::string>> headers = {}) {
    head_.method = method;
    head_.method_name = http::to_string(method);
    head_.target = target;
    const auto question = target.find('?');
    head_.path = target.substr(0, question);
    if (question != std::string::npos) head_.query = target.substr(question + 1);
    head_.peer = "192.0.2.1";
    head_.has_body = !body.empty();
    if (head_.has_body) head_.content_length = static_cast<std::int64_t>(body.size());
    for (auto& [name, value] : headers) head_.headers.add(std::move(name), std::move(value));
    body_ = std::move(body);
  }
  http::RequestHead& head_to_change() { return head_; }

  void respond(http::Reply reply) override {
    set([&] { reply_ = reply_ ? reply_ : std::move(reply); });
  }
  void stream_begin(int status, http::Headers headers) override {
    set([&] { reply_ = http::Reply{status, std::move(headers), {}}; });
  }
  bool stream_write(std::string data, std::function<void()> on_writable) override {
    set([&] { streamed_ += data; });
    if (!lagging) return true;
    on_writable_ = std::move(on_writable);
    return false;
  }
  void stream_end() override {
    set([&] { ended_ = true; });
  }
  void stream_abort() override {
    set([&] { ended_ = true; });
  }
  void read_body(http::BodySink) override {}
  void resume_body() override {}
  bool cancelled() const override { return gone; }
  void on_cancel(std::function<void()> notify) override { on_cancel_ = std::move(notify); }
  bool post(std::function<void()> work) override { return work(), true; }

  /// The reply, once it is there; a test fails on the deadline by what it then expects of status 0.
  http::Reply wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return reply_.has_value(); });
    return reply_.value_or(http::Reply{.status = 0, .headers = {}, .body = {}});
  }
  bool wait_streamed(std::string_view text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return streamed_.find(text) != std::string::npos; });
  }
  bool wait_ended() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return ended_; });
  }
  std::string streamed() {
    const std::scoped_lock lock(mutex_);
    return streamed_;
  }
  void drain() {
    lagging = false;
    if (on_writable_) std::exchange(on_writable_, {})();
  }
  void go() {
    gone = true;
    if (on_cancel_) on_cancel_();
  }

  std::atomic<bool> lagging{false}, gone{false};

 private:
  template <typename Change>
  void set(Change&& change) {
    {
      const std::scoped_lock lock(mutex_);
      change();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::Reply> reply_;
  std::string streamed_;
  bool ended_ = false;
  std::function<void()> on_writable_, on_cancel_;
};

inline auth::PrincipalPtr user(std::string id, std::string role = "member") {
  auto principal = std::make_shared<auth::Principal>();
  principal->kind = "user";
  principal->id = std::move(id);
  principal->role = std::move(role);
  return principal;
}

/// Tokens: the name after "Bearer ". Unknown ones are rejected, those in `slow` are only known to who may wait.
class FakeAuthenticator final : public auth::Authenticator {
 public:
  std::map<std::string, auth::PrincipalPtr> tokens;
  std::map<std::string, auth::PrincipalPtr> slow;
  std::atomic<bool> ended{false};

  auth::Outcome authenticate(const http::RequestHead& head, const std::string&, const std::string& request_id,
                             bool may_wait) override {
    const auto header = head.headers.get("authorization");
    if (header.empty()) return auth::Anonymous{};
    const std::string token(header.substr(std::min<std::size_t>(header.size(), 7)));
    if (const auto found = slow.find(token); found != slow.end()) {
      if (!may_wait) return auth::NeedsLookup{};
      return found->second;
    }
    const auto found = tokens.find(token);
    if (found == tokens.end()) return auth::Rejected{};
    auto principal = std::make_shared<auth::Principal>(*found->second);
    principal->request_id = request_id;
    return principal;
  }
  /// The query "link" is a link, "spoilt" was one.
  auth::Outcome authenticate_link(const http::RequestHead& head, std::string_view owner) override {
    if (head.query == "spoilt") return auth::Rejected{"/problems/forbidden", "This link cannot be used", {}};
    if (head.query != "link") return auth::Anonymous{};
    auto principal = std::make_shared<auth::Principal>();
    principal->kind = "link";
    principal->id = owner;
    return principal;
  }
  auth::Outcome authenticate_token(const std::string& token, const std::string&) override {
    const auto found = tokens.find(token);
    if (found == tokens.end()) return auth::Rejected{};
    return found->second;
  }
  bool still_valid(const auth::Principal&) override { return !ended; }
};

/// A directory that goes with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "atrium-routing-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace kernel::routing::testing
