#include "storage/reader_pool.hpp"

#include <algorithm>
#include <chrono>

namespace kernel::storage {
namespace {

constexpr auto longest_wait = std::chrono::seconds(5);
constexpr auto longest_read = std::chrono::seconds(30);

/// What this thread holds right now; a thread reads from few databases, so a chain of frames will do.
struct Held {
  const void* pool;
  Session* session;
  Held* outer;
};
thread_local Held* held = nullptr;

}  // namespace

/// A session for the time of one read; known to the thread, so that reads within it find it.
class ReaderPool::Lease {
 public:
  explicit Lease(ReaderPool& pool) : pool_(pool), slot_(pool.acquire()), frame_{&pool, nullptr, held} {}
  ~Lease() {
    if (held == &frame_) held = frame_.outer;
    pool_.release(slot_);
  }
  Lease(const Lease&) = delete;

  Session& session() {
    frame_.session = &pool_.session_of(slot_);
    held = &frame_;
    slot_.reads.fetch_add(1, std::memory_order_relaxed);
    return *frame_.session;
  }
  void replace() {
    held = frame_.outer;
    slot_.session.reset();
  }

 private:
  ReaderPool& pool_;
  Slot& slot_;
  Held frame_;
};

ReaderPool::ReaderPool(std::size_t size, std::function<std::unique_ptr<Session>()> open)
    : open_(std::move(open)), slots_(std::max<std::size_t>(size, 1)) {}

void ReaderPool::read(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) {
  for (const auto* frame = held; frame != nullptr; frame = frame->outer) {
    if (frame->pool != this) continue;
    frame->session->exec(owner, sql, parameters, row);
    return;
  }
  Lease lease(*this);
  // Rows reach the function only after the server has sent all of them: a failure within it is not tried again.
  bool delivering = false;
  const RowFn noting = [&](Row columns) {
    delivering = true;
    return row ? row(columns) : false;
  };
  for (bool again = false;; again = true) {
    try {
      lease.session().exec(owner, sql, parameters, noting);
      return;
    } catch (const TryAgain& error) {
      if (error.cause() == TryAgain::Cause::connection_lost) lease.replace();
      if (again || delivering) throw;
    }
  }
}

std::uint64_t ReaderPool::reads() const {
  std::uint64_t sum = 0;
  for (const auto& slot : slots_) sum += slot.reads.load(std::memory_order_relaxed);
  return sum;
}

ReaderPool::Slot* ReaderPool::try_acquire() {
  // Each thread begins where it was served last: its statements are prepared there, and threads rarely meet.
  static std::atomic<std::size_t> next_start = 0;
  thread_local std::size_t start = next_start++;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto& slot = slots_[(start + i) % slots_.size()];
    if (slot.busy.load(std::memory_order_relaxed) || slot.busy.exchange(true)) continue;
    start += i;
    return &slot;
  }
  return nullptr;
}

ReaderPool::Slot& ReaderPool::acquire() {
  if (auto* slot = try_acquire()) return *slot;
  std::unique_lock lock(mutex_);
  ++waiting_;
  Slot* slot = nullptr;
  const bool found = freed_.wait_for(lock, longest_wait, [&] { return (slot = try_acquire()) != nullptr; });
  --waiting_;
  if (!found)
    throw SqlError(ATRIUM_E_UNAVAILABLE, "every session for reading was busy for five seconds: try again later");
  return *slot;
}

void ReaderPool::release(Slot& slot) {
  if (slot.session) slot.session->limit(Clock::time_point::max());
  slot.busy = false;
  if (waiting_ == 0) return;
  std::lock_guard lock(mutex_);
  freed_.notify_one();
}

Session& ReaderPool::session_of(Slot& slot) {
  if (!slot.session) slot.session = open_();
  slot.session->limit(Clock::now() + longest_read);
  return *slot.session;
}

}  // namespace kernel::storage
