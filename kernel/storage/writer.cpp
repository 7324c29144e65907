#include "storage/writer.hpp"

#include "observability/log.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace kernel::storage {
namespace {

constexpr int max_attempts = 5;
constexpr auto first_pause = std::chrono::milliseconds(20);  // doubled each time

void settle_all(std::span<const std::unique_ptr<Member>> members, const SqlError& error) {
  for (const auto& member : members)
    if (!member->excluded) member->settle(error.code(), error.what());
}

}  // namespace

Writer::Writer(Options options, Journal journal, const EventsFn& on_events)
    : options_(std::move(options)), journal_(std::move(journal)), on_events_(on_events), session_(options_.open()) {
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void Writer::submit(Submission submission) {
  const char* refused = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = "the database is being closed";
    } else if (queue_.size() >= options_.max_waiting) {
      refused = "too many writes are waiting: try again later";
    } else {
      queue_.push_back(std::move(submission));
    }
  }
  if (refused != nullptr) {
    submission.done(ATRIUM_E_UNAVAILABLE, refused);
  } else {
    arrived_.notify_one();
  }
}

void Writer::alone(std::function<void(Session&)> work) {
  if (on_this_thread())
    throw SqlError(ATRIUM_E_INTERNAL, "this would wait for itself: it runs on the committing thread");
  std::packaged_task<void()> task([this, work = std::move(work)] { work(session()); });
  auto done = task.get_future();
  {
    std::lock_guard lock(mutex_);
    if (stopping_) throw SqlError(ATRIUM_E_UNAVAILABLE, "the database is being closed");
    alone_.push_back(std::move(task));
  }
  arrived_.notify_one();
  done.get();
}

std::size_t Writer::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

Session& Writer::session() {
  if (!session_) session_ = options_.open();
  return *session_;
}

void Writer::loop() {
  for (;;) {
    std::packaged_task<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !queue_.empty() || !alone_.empty(); });
      if (queue_.empty() && alone_.empty()) return;
      if (!alone_.empty()) {
        task = std::move(alone_.front());
        alone_.pop_front();
      }
    }
    if (task.valid()) {
      task();
      if (session_ && session_->state() != Session::State::none) session_->rollback();
    } else {
      process(take());
    }
  }
}

Members Writer::take() {
  Members members;
  std::lock_guard lock(mutex_);
  const auto count = std::min(queue_.size(), options_.max_batch);
  members.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    members.push_back(std::make_unique<Member>(std::move(queue_.front())));
    queue_.pop_front();
  }
  return members;
}

void Writer::process(Members members) {
  const auto now = Clock::now();
  const auto expired =
      std::stable_partition(members.begin(), members.end(), [&](const auto& member) { return !member->expired(now); });
  for (auto late = expired; late != members.end(); ++late) {
    (*late)->settle(ATRIUM_E_TIMEOUT, "the write waited longer than its deadline and was not run");
    (*late)->answer();
  }
  members.erase(expired, members.end());
  if (!members.empty()) commit(members);
}

void Writer::commit(std::span<const std::unique_ptr<Member>> members) {
  std::vector<EventPtr> events;
  for (int attempt = 1;; ++attempt) {
    try {
      Batch batch(session(), journal_, members, options_.transaction_limit);
      events = batch.run();
      commits_ += batch.counts().commits;
      writes_ += batch.counts().writes;
      rollbacks_ += batch.counts().rollbacks;
      break;
    } catch (const TryAgain& error) {
      if (recover(error, attempt)) continue;
      settle_all(members, error);
      break;
    } catch (const OutcomeUnknown& error) {
      session_.reset();
      settle_all(members, error);
      break;
    } catch (const SqlError& error) {
      if (session_) session_->rollback();
      if (members.size() > 1) {  // somebody's change was refused only now: find out whose
        for (const auto& member : members) commit({&member, 1});
        return;
      }
      settle_all(members, error);
      break;
    }
  }
  if (!events.empty() && on_events_) on_events_(std::move(events));
  for (const auto& member : members) member->answer();
}

bool Writer::recover(const TryAgain& error, int attempt) {
  ++rollbacks_;
  if (error.cause() == TryAgain::Cause::connection_lost) {
    session_.reset();
    observability::log(observability::Level::warning, "storage", error.what());
  } else if (session_) {
    session_->rollback();
  }
  if (attempt >= max_attempts) return false;
  const auto pause = first_pause * (1 << (attempt - 1));
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, pause, [&] { return stopping_.load(); });
  return !stopping_;
}

}  // namespace kernel::storage
