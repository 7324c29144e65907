#include "rotation.hpp"

namespace secrets {

using atrium::Async;
using atrium::Id;
using atrium::Time;

namespace {

constexpr std::size_t most_named = 100;
constexpr int most_passes = 3;
constexpr std::chrono::seconds pause_after_fault{5};

}  // namespace

template <class Reader>
MasterRotation::State MasterRotation::read(const Reader& reader) {
  State state;
  reader.query("SELECT from_key, started_at, finished_at, total FROM secret_master WHERE id = 1",
               [&](const atrium::Row& row) {
                 if (!row.is_null(0)) state.from_key = std::string(row.text(0));
                 if (!row.is_null(1)) state.started_at = row.get<Time>(1);
                 if (!row.is_null(2)) state.finished_at = row.get<Time>(2);
                 state.total = row.integer(3);
               });
  return state;
}

template <class Reader>
std::int64_t MasterRotation::remaining(const Reader& reader, const std::string& current) {
  return reader.template value<std::int64_t>("SELECT count(*) FROM secret_keys WHERE master_id <> ?", current)
      .value_or(0);
}

RotationProgress MasterRotation::progress() const {
  RotationProgress progress;
  progress.key_id = keys_->current();
  const State state = read(*store_);
  progress.remaining = remaining(*store_, progress.key_id);
  progress.total = state.total;
  progress.started_at = state.started_at;
  progress.finished_at = state.finished_at;
  const std::lock_guard lock(mutex_);
  progress.unreadable = unreadable_;
  if (running_ || state.under_way()) progress.state = RotationState::rotating;
  if (!running_ && !unreadable_.empty()) progress.state = RotationState::blocked;
  return progress;
}

bool MasterRotation::mark_started(const atrium::Transaction& tx, const std::string& current) const {
  const auto marked = tx.exec(
      "UPDATE secret_master SET from_key = ?, started_at = ?, finished_at = NULL,"
      " total = (SELECT count(*) FROM secret_keys)"
      " WHERE id = 1 AND (started_at IS NULL OR finished_at IS NOT NULL)",
      current, Time::now());
  if (marked > 0) tx.audit("secret.master_rotation_started", "secret", "master");
  return marked > 0;
}

Async<void> MasterRotation::begin(atrium::Principal who) {
  const std::string current = keys_->current();
  auto marking = store_->commit(who, [this, current](atrium::Transaction& tx) {
    mark_started(tx, current);
    return read(tx).from_key.value_or("");
  });
  const std::string from_key = co_await marking;
  std::exception_ptr failure;
  try {
    run_once(from_key);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  // No key was made, so no rotation is under way.
  auto clearing = store_->commit(who, [](atrium::Transaction& tx) {
    tx.exec("UPDATE secret_master SET started_at = NULL WHERE id = 1 AND finished_at IS NULL");
    tx.audit("secret.master_rotation_failed", "secret", "master", atrium::Outcome::failure);
  });
  co_await clearing;
  std::rethrow_exception(failure);
}

void MasterRotation::run_once(const std::string& from_key) {
  {
    const std::lock_guard lock(mutex_);
    if (running_) return;
    if (keys_->current() == from_key) keys_->rotate();
    running_ = true;
  }
  spawn_(run());
}

bool MasterRotation::stop_unless_asked_again() {
  const std::lock_guard lock(mutex_);
  const State state = read(*store_);
  if (state.under_way()) {
    if (keys_->current() == state.from_key) keys_->rotate();
    return false;
  }
  running_ = false;
  return true;
}

Async<void> MasterRotation::resume() {
  const std::string current = keys_->current();
  auto looking = store_->commit({}, [this, current](atrium::Transaction& tx) {
    State state = read(tx);
    if (!state.under_way() && remaining(tx, current) > 0) {
      mark_started(tx, current);  // the operator's configuration brought a new key
      state.from_key.reset();
    } else if (!state.under_way()) {
      state.from_key.reset();
    }
    return state;
  });
  const State state = co_await looking;
  run_once(state.from_key.value_or(""));
}

Async<void> MasterRotation::run() {
  for (int pass = 1; !stopping_.requested(); ++pass) {
    bool failed = false;
    try {
      auto passing = run_pass(pass == most_passes);
      if (co_await passing) co_return;
    } catch (const std::exception& error) {
      host_->log(atrium::Level::warning, "The rotation of the master key was interrupted and is tried again",
                 {{"error", error.what()}});
      failed = true;
    }
    if (failed) {
      auto pausing = sleep_(pause_after_fault);
      co_await pausing;
      pass = 0;
    }
  }
  const std::lock_guard lock(mutex_);
  running_ = false;
}

Async<bool> MasterRotation::run_pass(bool is_last) {
  auto rewrapping = rewrap_all();
  const auto unreadable = co_await rewrapping;
  auto finishing = finish();
  const auto left = co_await finishing;
  if (left == 0) co_return stop_unless_asked_again();
  if (unreadable == 0 && !is_last) co_return false;
  host_->log(atrium::Level::error,
             "The rotation of the master key cannot end, as some secrets are still under another one. See GET "
             "/secrets/rotate-master; bring back their master key or delete them, then rotate again",
             {{"left", left}, {"unreadable", unreadable}});
  const std::lock_guard lock(mutex_);
  running_ = false;
  co_return true;
}

Async<std::int64_t> MasterRotation::rewrap_all() {
  {
    const std::lock_guard lock(mutex_);
    unreadable_.clear();
  }
  const std::string current = keys_->current();
  std::int64_t unreadable = 0;
  Id after;
  for (auto rows = next_batch(current, after); !rows.empty(); rows = next_batch(current, after)) {
    if (stopping_.requested()) co_return unreadable;
    after = rows.back().id;
    unreadable += std::erase_if(rows, [this](Row& row) { return !rewrap(row); });
    auto writing = store_->commit({}, [&rows](atrium::Transaction& tx) {
      for (const auto& row : rows)
        tx.exec("UPDATE secret_keys SET wrapped = ?, master_id = ? WHERE secret_id = ? AND wrapped = ?", row.after,
                row.after.substr(0, row.after.find('.')), row.id, row.before);
    });
    co_await writing;
  }
  co_return unreadable;
}

std::vector<MasterRotation::Row> MasterRotation::next_batch(const std::string& current, const Id& after) const {
  std::vector<Row> rows;
  store_->query(
      "SELECT secret_id, wrapped FROM secret_keys WHERE master_id <> ? AND secret_id > ? ORDER BY secret_id LIMIT ?",
      [&](const atrium::Row& row) {
        rows.push_back({row.get<Id>(0), std::string(row.text(1)), {}});
      },
      current, after.text(), batch_);
  return rows;
}

bool MasterRotation::rewrap(Row& row) {
  try {
    if (const auto key = DataKey::take(keys_->unwrap(row.id.text(), row.before))) {
      row.after = keys_->wrap(row.id.text(), key->bytes());
      return true;
    }
  } catch (const atrium::Problem& problem) {
    if (problem.status >= 500) throw;
    host_->log(atrium::Level::error, "The data key of a secret cannot be unwrapped",
               {{"secret", row.id.text()}, {"error", problem.what()}});
  }
  const std::lock_guard lock(mutex_);
  if (unreadable_.size() < most_named) unreadable_.push_back(row.id);
  return false;
}

Async<std::int64_t> MasterRotation::finish() {
  const std::string current = keys_->current();
  auto looking = store_->commit({}, [this, current](atrium::Transaction& tx) {
    hold_master(tx, store_->is_postgresql(), true);
    const auto left = remaining(tx, current);
    if (left > 0) return left;
    const auto ended = tx.exec(
        "UPDATE secret_master SET finished_at = ? WHERE id = 1 AND started_at IS NOT NULL AND finished_at IS NULL",
        Time::now());
    if (ended > 0) tx.audit("secret.master_rotated", "secret", "master");
    return left;
  });
  const auto left = co_await looking;
  if (left == 0) keys_->retire();
  co_return left;
}

}  // namespace secrets
