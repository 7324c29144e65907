#include "storage/batch.hpp"

#include "observability/log.hpp"

#include <algorithm>

namespace kernel::storage {
namespace {

constexpr std::size_t max_changes = 10'000;  ///< of one transaction

void guarded(const char* what, const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    observability::log(observability::Level::error, "storage", std::string(what) + " threw: " + error.what());
  }
}

}  // namespace

std::int64_t Member::exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) {
  if (failed()) throw SqlError(status_, "this transaction has failed already: " + why_);
  try {
    if (Clock::now() > must_end_) throw SqlError(ATRIUM_E_TIMEOUT, "the transaction's function ran longer than it may");
    const auto outcome = session_->exec(owner, sql, parameters, row);
    changed_ = changed_ || outcome.changed;
    return outcome.affected;
  } catch (const TryAgain& error) {
    try_again_ = std::current_exception();
    settle(error.code(), error.what());
    throw;
  } catch (const SqlError& error) {
    settle(error.code(), error.what());
    throw;
  }
}

void Member::record(Change change) {
  for (const auto* text : {&change.action, &change.resource, &change.resource_id, &change.topic, &change.data,
                           &change.owner, &change.outcome})
    check_text(*text);
  if (changes_.size() >= max_changes)
    throw SqlError(ATRIUM_E_INVALID,
                   "one transaction may record " + std::to_string(max_changes) + " changes: split it");
  changes_.push_back(std::move(change));
}

void Member::run(Session& session, Clock::duration budget) {
  session_ = &session;
  must_end_ = Clock::now() + budget;
  status_ = ATRIUM_OK;
  why_.clear();
  changed_ = false;
  try_again_ = nullptr;
  changes_.clear();
  hooks_.clear();
  session.limit(must_end_);
  try {
    const auto returned = submission_.function(*this);
    // A statement that failed ends the transaction even if the function takes no notice, on every dialect alike.
    if (returned != ATRIUM_OK) settle(returned, {});
  } catch (const SqlError& error) {
    settle(error.code(), error.what());
  } catch (const std::exception& error) {
    settle(ATRIUM_E_INTERNAL, error.what());
  }
  session.limit(Clock::time_point::max());
  if (try_again_) std::rethrow_exception(try_again_);
}

void Member::settle(std::int32_t status, std::string why) {
  status_ = status;
  why_ = std::move(why);
}

void Member::answer() {
  if (!failed())
    for (auto& hook : hooks_) guarded("a hook after a commit", hook);
  guarded("a commit's receiver", [&] { submission_.done(status_, why_); });
}

std::vector<EventPtr> Batch::run() {
  const bool done = run_members(Guard::none);
  // Each further round excludes one member, so that this ends.
  while (!done && !run_members(Guard::savepoints)) {
  }
  return commit();
}

bool Batch::run_members(Guard guard) {
  session_.begin();
  for (const auto& member : members_) {
    if (member->excluded) continue;
    if (guard == Guard::savepoints) session_.command("SAVEPOINT member");
    member->run(session_, limit_);
    if (!member->failed()) {
      if (guard == Guard::savepoints) session_.command("RELEASE SAVEPOINT member");
    } else if (!undo(*member, guard)) {
      return false;
    }
  }
  return true;
}

bool Batch::undo(Member& member, Guard guard) {
  ++counts_.rollbacks;
  const auto state = session_.state();
  if (guard == Guard::savepoints && state != Session::State::none) {
    session_.command("ROLLBACK TO SAVEPOINT member");
    session_.command("RELEASE SAVEPOINT member");
    return true;
  }
  if (state == Session::State::active && !member.changed()) return true;
  session_.rollback();
  if (guard == Guard::savepoints || members_.size() == 1) member.excluded = true;
  return false;
}

/// A conflict in here is nobody's who asked for the change.
std::vector<EventPtr> Batch::journalled(std::span<const Journal::Entry> entries) {
  try {
    return journal_.append(session_, entries);
  } catch (const SqlError& fault) {
    if (fault.code() != ATRIUM_E_CONFLICT) throw;
    throw SqlError(ATRIUM_E_INTERNAL, std::string("the audit log cannot be written: ") + fault.what());
  }
}

std::vector<EventPtr> Batch::commit() {
  std::vector<Journal::Entry> entries;
  std::uint64_t writes = 0;
  for (const auto& member : members_) {
    if (member->excluded || member->failed()) continue;
    ++writes;
    for (auto& change : member->changes()) entries.push_back({&member->actor(), &change});
  }
  if (writes == 0) {
    session_.rollback();
    return {};
  }
  auto events = journalled(entries);
  try {
    session_.commit();
  } catch (const TryAgain& error) {
    if (error.cause() == TryAgain::Cause::connection_lost) throw OutcomeUnknown();
    throw;
  }
  guarded("noting the audit log's head", [&] { journal_.committed(); });
  ++counts_.commits;
  counts_.writes += writes;
  return events;
}

}  // namespace kernel::storage
