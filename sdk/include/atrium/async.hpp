#pragma once
// Coroutines for work that waits: a waiting agent costs a frame of some hundred bytes, not a thread.
#include <atomic>
#include <coroutine>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace atrium {

/// A lazy coroutine: starts when awaited, resumes its awaiter when done, passes exceptions on. After an await it may go
/// on on another thread than before, so it holds no lock across one.
template <class T = void>
class [[nodiscard]] Async;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> awaiter = std::noop_coroutine();
  std::exception_ptr failure;

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> ended) noexcept {
      return ended.promise().awaiter;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { failure = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Async<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() {
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }
};
template <>
struct Promise<void> : PromiseBase {
  Async<void> get_return_object();
  void return_void() {}
  void take() {
    if (failure) std::rethrow_exception(failure);
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Async {
 public:
  using promise_type = detail::Promise<T>;
  explicit Async(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Async(Async&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Async& operator=(Async&&) = delete;
  ~Async() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {
template <class T>
Async<T> Promise<T>::get_return_object() {
  return Async<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Async<void> Promise<void>::get_return_object() {
  return Async<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// Owns itself: runs until its end, whoever started it.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};
}  // namespace detail

/// The meeting point of a coroutine that suspends and a callback that may come before, during or after. Each side calls
/// arrive() once; the one that comes second goes on.
class Rendezvous {
 public:
  bool arrive() { return met_.exchange(true, std::memory_order_acq_rel); }

 private:
  std::atomic<bool> met_{false};
};

/// A wish to stop, shared by everything that works on one thing.
class Cancellation {
  struct State {
    std::recursive_mutex mutex;
    bool requested = false;
    std::uint64_t next = 0;
    std::map<std::uint64_t, std::function<void()>> listeners;
  };

 public:
  /// Ends the listening when destroyed; after that the listener does not run.
  class Listener {
   public:
    Listener() = default;
    Listener(std::shared_ptr<State> state, std::uint64_t key) : state_(std::move(state)), key_(key) {}
    Listener(Listener&& other) noexcept : state_(std::move(other.state_)), key_(other.key_) { other.state_.reset(); }
    Listener& operator=(Listener&& other) noexcept {
      end();
      state_ = std::move(other.state_);
      key_ = other.key_;
      other.state_.reset();
      return *this;
    }
    ~Listener() { end(); }

   private:
    void end() {
      if (!state_) return;
      const std::lock_guard lock(state_->mutex);
      state_->listeners.erase(key_);
    }
    std::shared_ptr<State> state_;
    std::uint64_t key_ = 0;
  };

  bool requested() const {
    const std::lock_guard lock(state_->mutex);
    return state_->requested;
  }
  void request() const {
    const auto state = state_;
    const std::lock_guard lock(state->mutex);
    if (std::exchange(state->requested, true)) return;
    while (!state->listeners.empty())  // one by one: a listener may end others
      state->listeners.extract(state->listeners.begin()).mapped()();
  }
  /// `notify` runs once, on the thread that requests; at once when that already happened.
  [[nodiscard]] Listener on_request(std::function<void()> notify) const {
    const std::lock_guard lock(state_->mutex);
    if (state_->requested) {
      notify();
      return {};
    }
    const auto key = state_->next++;
    state_->listeners.emplace(key, std::move(notify));
    return {state_, key};
  }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace atrium
