#include "routing/idempotency_store.hpp"

#include <atrium/types.hpp>

#include <array>
#include <charconv>
#include <memory>
#include <optional>

namespace kernel::routing {

namespace {

using storage::Transaction;
using storage::Value;
using Kind = ClaimOutcome::Kind;

constexpr std::chrono::milliseconds deadline{10'000};

struct Row {
  std::string fingerprint, state, node, request_id, answer, resource;
  std::int64_t audit_sequence = 0, created_at = 0;
};

std::int64_t number(const std::optional<std::string_view>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::optional<Row> find(Transaction& tx, const Claim& claim) {
  std::optional<Row> found;
  const std::array<Value, 2> key{claim.principal, claim.key};
  tx.exec("kernel",
          "SELECT fingerprint, state, node, request_id, answer, resource, audit_sequence, created_at FROM idempotency "
          "WHERE principal = ? AND key = ?",
          key, [&](storage::Row row) {
            const auto text = [&](std::size_t i) { return std::string(row[i].value_or("")); };
            found = Row{text(0), text(1), text(2), text(3), text(4), text(5), number(row[6]), number(row[7])};
            return true;
          });
  return found;
}

/// What the request changed, as "kind/id" of its first change; nullopt when it changed nothing.
std::optional<std::string> changed(Transaction& tx, const Claim& claim, const Row& row) {
  std::optional<std::string> resource;
  const std::array<Value, 4> values{row.audit_sequence, row.request_id, claim.actor.kind, claim.actor.id};
  tx.exec("kernel",
          "SELECT resource, resource_id FROM audit WHERE sequence > ? AND request_id = ? AND actor_kind = ? AND "
          "actor_id = ? ORDER BY sequence LIMIT 1",
          values, [&](storage::Row found) {
            resource = std::string(found[0].value_or("")) + '/' + std::string(found[1].value_or(""));
            return false;
          });
  return resource;
}

void mark_lost(Transaction& tx, const Claim& claim, const std::string& resource) {
  const std::array<Value, 3> values{resource, claim.principal, claim.key};
  tx.exec("kernel", "UPDATE idempotency SET state = 'lost', resource = ? WHERE principal = ? AND key = ?", values);
}

void remove(Transaction& tx, const Claim& claim) {
  const std::array<Value, 2> key{claim.principal, claim.key};
  tx.exec("kernel", "DELETE FROM idempotency WHERE principal = ? AND key = ?", key);
}

// False when another claim of the key came first.
bool insert(Transaction& tx, const Claim& claim, const std::string& node, std::int64_t now) {
  const std::array<Value, 6> values{claim.principal, claim.key, claim.fingerprint, node, claim.request_id, now};
  return tx.exec("kernel",
                 "INSERT INTO idempotency (principal, key, fingerprint, state, node, request_id, audit_sequence, "
                 "created_at) SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), 'running', CAST(? AS TEXT), "
                 "CAST(? AS TEXT), audit_sequence, CAST(? AS BIGINT) FROM log_head WHERE id = 1 ON CONFLICT DO NOTHING",
                 values) == 1;
}

ClaimOutcome decide(Transaction& tx, const Claim& claim, const std::string& node, bool single_process) {
  const auto now = atrium::Time::now().microseconds;
  if (insert(tx, claim, node, now)) return {.kind = Kind::run, .answer = {}, .resource = {}};
  const auto row = find(tx, claim);
  if (!row) return {.kind = Kind::busy, .answer = {}, .resource = {}};
  const std::chrono::microseconds age(now - row->created_at);
  if (age < IdempotencyStore::kept) {
    if (row->fingerprint != claim.fingerprint) return {.kind = Kind::mismatch, .answer = {}, .resource = {}};
    if (row->state == "answered") return {.kind = Kind::replay, .answer = row->answer, .resource = {}};
    if (row->state == "lost") return {.kind = Kind::lost, .answer = {}, .resource = row->resource};
    const bool may_live = row->node == node || !single_process;
    if (may_live && age < IdempotencyStore::patience) return {.kind = Kind::busy, .answer = {}, .resource = {}};
    if (const auto resource = changed(tx, claim, *row)) {
      mark_lost(tx, claim, *resource);
      return {.kind = Kind::lost, .answer = {}, .resource = *resource};
    }
  }
  remove(tx, claim);
  return {.kind = insert(tx, claim, node, now) ? Kind::run : Kind::busy, .answer = {}, .resource = {}};
}

bool ours(const std::optional<Row>& row, const Claim& claim, const std::string& node) {
  return row && row->state == "running" && row->node == node && row->request_id == claim.request_id;
}

}  // namespace

IdempotencyStore::IdempotencyStore(storage::Database& database)
    : database_(database), node_(atrium::Id::make().str()) {}

void IdempotencyStore::claim(Claim claim, std::function<void(ClaimOutcome)> done) {
  auto outcome = std::make_shared<ClaimOutcome>();
  auto actor = claim.actor;
  const bool single_process = database_.dialect() == storage::Dialect::sqlite;
  database_.submit(
      std::move(actor),
      [claim = std::move(claim), outcome, node = node_, single_process](Transaction& tx) {
        *outcome = decide(tx, claim, node, single_process);
        return ATRIUM_OK;
      },
      deadline,
      [outcome, done = std::move(done)](std::int32_t status, const std::string&) {
        if (status != ATRIUM_OK) *outcome = {};
        done(std::move(*outcome));
      });
}

void IdempotencyStore::answered(Claim claim, std::string answer, std::function<void()> done) {
  auto actor = claim.actor;
  database_.submit(
      std::move(actor),
      [claim = std::move(claim), answer = std::move(answer), node = node_](Transaction& tx) {
        const auto row = find(tx, claim);
        if (!ours(row, claim, node)) return ATRIUM_OK;
        if (answer.empty()) {
          mark_lost(tx, claim, changed(tx, claim, *row).value_or(""));
          return ATRIUM_OK;
        }
        const std::array<Value, 3> values{answer, claim.principal, claim.key};
        tx.exec("kernel", "UPDATE idempotency SET state = 'answered', answer = ? WHERE principal = ? AND key = ?",
                values);
        return ATRIUM_OK;
      },
      deadline, [done = std::move(done)](std::int32_t, const std::string&) { done(); });
}

void IdempotencyStore::failed(Claim claim, std::function<void()> done) {
  auto actor = claim.actor;
  database_.submit(
      std::move(actor),
      [claim = std::move(claim), node = node_](Transaction& tx) {
        const auto row = find(tx, claim);
        if (!ours(row, claim, node)) return ATRIUM_OK;
        if (const auto resource = changed(tx, claim, *row)) {
          mark_lost(tx, claim, *resource);
        } else {
          remove(tx, claim);
        }
        return ATRIUM_OK;
      },
      deadline, [done = std::move(done)](std::int32_t, const std::string&) { done(); });
}

bool IdempotencyStore::sweep(std::int64_t limit) {
  const auto oldest = atrium::Time::now().microseconds - std::chrono::microseconds(kept).count();
  std::int64_t removed = 0;
  database_.transact({.kind = "system", .id = "idempotency", .address = {}, .request_id = {}}, [&](Transaction& tx) {
    const std::array<Value, 2> values{oldest, limit};
    removed = tx.exec("kernel",
                      "DELETE FROM idempotency WHERE (principal, key) IN (SELECT principal, key FROM idempotency "
                      "WHERE created_at < ? ORDER BY created_at LIMIT ?)",
                      values);
    return ATRIUM_OK;
  });
  return removed == limit;
}

}  // namespace kernel::routing
