#include "journal.hpp"

namespace ssh {

using atrium::Async;
using atrium::Time;
using atrium::Transaction;

namespace {

constexpr int batch = 500;

void audit(const Transaction& tx, std::string_view action, const atrium::Id& id,
           atrium::Outcome outcome = atrium::Outcome::success) {
  tx.audit(action, Execution::event, id.text(), outcome);
}

}  // namespace

Async<void> Journal::begin(Execution& execution, const atrium::Principal& who) const {
  auto writing = store_->commit(who, [&execution](Transaction& tx) {
    tx.insert(execution);
    audit(tx, "ssh.execute", execution.id);
  });
  co_await writing;
}

Async<void> Journal::refuse(Execution& execution, const atrium::Principal& who) const {
  execution.status = Outcome::refused;
  execution.finished_at = execution.started_at;
  auto writing = store_->commit(who, [&execution](Transaction& tx) {
    tx.insert(execution);
    audit(tx, "ssh.refused", execution.id, atrium::Outcome::failure);
  });
  co_await writing;
}

Async<void> Journal::end(Execution& execution, const atrium::Principal& who) const {
  execution.finished_at = Time::now();
  auto writing = store_->commit(who, [&execution](Transaction& tx) {
    tx.exec(
        "UPDATE ssh_executions SET status = ?, exit_code = ?, exit_signal = ?, error = ?, output_bytes = ?, "
        "duration_ms = ?, finished_at = ? WHERE id = ?",
        execution.status, execution.exit_code, execution.exit_signal, execution.error, execution.output_bytes,
        execution.duration_ms, execution.finished_at, execution.id);
    audit(tx, "ssh." + std::string(atrium::name_of(execution.status)), execution.id,
          execution.status == Outcome::exited ? atrium::Outcome::success : atrium::Outcome::failure);
  });
  co_await writing;
}

void Journal::close_left_over(std::optional<Time> since) const {
  store_->transaction({}, [&](Transaction& tx) {
    std::vector<std::string> open;
    tx.query(
        "SELECT id FROM ssh_executions WHERE finished_at IS NULL AND (deadline_at < ? OR started_at < ?) LIMIT ?",
        [&](const atrium::Row& row) { open.emplace_back(row.text(0)); }, Time::now(), since.value_or(Time{}), batch);
    for (const auto& id : open) {
      const auto closed = tx.exec(
          "UPDATE ssh_executions SET status = 'interrupted', error = ?, finished_at = ? WHERE id = ? AND finished_at "
          "IS NULL",
          "Atrium ended while it ran; how it went is not known.", Time::now(), id);
      if (closed == 1) tx.audit("ssh.interrupted", Execution::event, id, atrium::Outcome::failure);
    }
  });
}

void Journal::forget_before(Time when) const {
  store_->transaction({}, [&](Transaction& tx) {
    tx.exec("DELETE FROM ssh_executions WHERE id IN (SELECT id FROM ssh_executions WHERE finished_at < ? LIMIT ?)",
            when, 10 * batch);
  });
}

}  // namespace ssh
