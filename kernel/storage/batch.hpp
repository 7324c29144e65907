#pragma once
// Transactions that share one commit.
#include "storage/database.hpp"
#include "storage/journal.hpp"
#include "storage/session.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace kernel::storage {

/// One transaction that waits to be run.
struct Submission {
  Actor actor;
  TransactionFn function;
  Clock::time_point deadline;
  CommitFn done;
};

/// One transaction while its batch runs. Runs again from nothing each time.
class Member final : public Transaction {
 public:
  explicit Member(Submission submission) : submission_(std::move(submission)) {}

  std::int64_t exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) override;
  void record(Change change) override;
  const Actor& actor() const override { return submission_.actor; }
  void after_commit(std::function<void()> work) override { hooks_.push_back(std::move(work)); }

  /// Throws TryAgain when that is what the function met, whatever it made of it.
  void run(Session& session, Clock::duration budget);
  /// What it is answered with unless the batch is run again.
  void settle(std::int32_t status, std::string why);
  /// Calls the hooks if it was committed, then `done`.
  void answer();

  bool failed() const { return status_ != ATRIUM_OK; }
  bool changed() const { return changed_; }
  bool expired(Clock::time_point now) const { return submission_.deadline < now; }
  /// Not to be run again: it broke the transaction of all.
  bool excluded = false;
  std::vector<Change>& changes() { return changes_; }

 private:
  Submission submission_;
  Session* session_ = nullptr;
  Clock::time_point must_end_;
  std::int32_t status_ = ATRIUM_OK;
  std::string why_;
  bool changed_ = false;
  std::exception_ptr try_again_;  ///< kept apart, because the function may swallow it
  std::vector<Change> changes_;
  std::vector<std::function<void()>> hooks_;
};
using Members = std::vector<std::unique_ptr<Member>>;

/// The commit was sent and no answer came.
class OutcomeUnknown : public SqlError {
 public:
  OutcomeUnknown()
      : SqlError(ATRIUM_E_UNAVAILABLE,
                 "the connection was lost during the commit: the outcome is unknown, look before trying again") {}
};

class Batch {
 public:
  struct Counts {
    std::uint64_t commits = 0, writes = 0, rollbacks = 0;
  };

  /// `limit`: what one member's function may take.
  Batch(Session& session, Journal& journal, std::span<const std::unique_ptr<Member>> members, Clock::duration limit)
      : session_(session), journal_(journal), members_(members), limit_(limit) {}

  /// Runs the members and commits. Throws TryAgain (nothing was committed, all of it may be run again), OutcomeUnknown,
  /// or SqlError when the commit itself was refused. Events that were committed are returned.
  std::vector<EventPtr> run();
  const Counts& counts() const { return counts_; }

 private:
  enum class Guard : std::uint8_t { none, savepoints };
  /// False: run again with savepoints, because one member's changes must be undone.
  bool run_members(Guard guard);
  bool undo(Member& member, Guard guard);
  std::vector<EventPtr> commit();
  std::vector<EventPtr> journalled(std::span<const Journal::Entry> entries);

  Session& session_;
  Journal& journal_;
  std::span<const std::unique_ptr<Member>> members_;
  Clock::duration limit_;
  Counts counts_;
};

}  // namespace kernel::storage
