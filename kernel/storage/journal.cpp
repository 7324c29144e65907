#include "storage/journal.hpp"

#include "storage/audit.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

namespace kernel::storage {
namespace {

/// Inserts rows many at a time, with a handful of statements whatever their number, so that each is prepared once.
class MultiRowInsert {
 public:
  MultiRowInsert(std::string head, std::size_t columns) : head_(std::move(head)), columns_(columns) {}

  void run(Session& session, std::span<const Value> values) const {
    static constexpr std::array<std::size_t, 4> sizes = {128, 32, 8, 1};
    std::size_t at = 0;
    for (const auto rows : sizes) {
      if (values.size() - at < rows * columns_) continue;
      const auto sql = statement(rows);
      for (; values.size() - at >= rows * columns_; at += rows * columns_)
        session.exec("kernel", sql, values.subspan(at, rows * columns_), {});
    }
  }

 private:
  std::string statement(std::size_t rows) const {
    std::string row = "(";
    for (std::size_t i = 0; i < columns_; ++i) row += i == 0 ? "?" : ",?";
    row += ')';
    std::string sql = head_ + row;
    for (std::size_t i = 1; i < rows; ++i) sql += ',' + row;
    return sql;
  }

  std::string head_;
  std::size_t columns_;
};

std::int64_t now_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t number(const std::optional<std::string_view>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

Journal::Journal(Dialect dialect, std::string audit_key, const std::filesystem::path& audit_head)
    : dialect_(dialect), key_(std::move(audit_key)) {
  if (audit_head.empty()) return;
  noted_.emplace(audit_head);
  last_ = noted_->read();
}

Journal::Head Journal::lock_head(Session& session) const {
  Head head;
  bool found = false, whole = false;
  const auto* sql =
      dialect_ == Dialect::postgresql
          ? "SELECT event_sequence, audit_sequence, audit_mac, (SELECT mac FROM audit WHERE sequence = ?) FROM log_head "
            "WHERE id = 1 FOR UPDATE"
          : "SELECT event_sequence, audit_sequence, audit_mac, (SELECT mac FROM audit WHERE sequence = ?) FROM log_head "
            "WHERE id = 1";
  const Value values[] = {last_.sequence};
  session.exec("kernel", sql, values, [&](Row row) {
    head = {number(row[0]), number(row[1]), std::string(row[2].value_or(""))};
    whole = head.audit_sequence >= last_.sequence && row[3].value_or("") == last_.code;
    return found = true;
  });
  if (!found)
    throw SqlError(ATRIUM_E_INTERNAL, "the table log_head has lost its row: restore the database from a backup");
  if (!whole) throw audit_cut_off(last_.sequence);
  return head;
}

std::vector<EventPtr> Journal::append(Session& session, std::span<const Entry> entries) {
  static const MultiRowInsert audit_insert(
      "INSERT INTO audit (sequence, time_us, actor_kind, actor_id, action, resource, resource_id, address, request_id, "
      "outcome, mac)"
      " VALUES ",
      11);
  static const MultiRowInsert event_insert(
      "INSERT INTO events (sequence, time_us, topic, resource_id, owner, data, actor) VALUES ", 7);
  coming_ = {};
  if (entries.empty()) return {};

  auto head = lock_head(session);
  const auto time = now_us();
  std::vector<std::string> codes;
  codes.reserve(entries.size());
  std::vector<Value> audit_values, event_values;
  audit_values.reserve(entries.size() * 11);
  event_values.reserve(entries.size() * 7);
  for (const auto& [actor, change] : entries) {
    const AuditRow row{
        ++head.audit_sequence, time,           actor->kind,      actor->id, change->action, change->resource,
        change->resource_id,   actor->address, actor->request_id, change->outcome};
    codes.push_back(audit_code(key_, codes.empty() ? head.audit_code : codes.back(), row));
    audit_values.insert(audit_values.end(),
                        {row.sequence, row.time_us, row.actor_kind, row.actor_id, row.action, row.resource,
                         row.resource_id, row.address, row.request_id, row.outcome, std::string_view(codes.back())});
  }
  head.audit_code = codes.back();
  audit_insert.run(session, audit_values);

  std::vector<EventPtr> events;
  for (const auto& [actor, change] : entries) {
    if (change->topic.empty()) continue;
    auto event = std::make_shared<Event>(Event{++head.event_sequence, time, std::move(change->topic),
                                               std::move(change->resource_id), std::move(change->owner),
                                               std::move(change->data), actor->kind + ':' + actor->id});
    event_values.insert(event_values.end(), {event->sequence, event->time_us, std::string_view(event->topic),
                                             std::string_view(event->resource_id), std::string_view(event->owner),
                                             std::string_view(event->data), std::string_view(event->actor)});
    events.push_back(std::move(event));
  }
  if (!events.empty()) event_insert.run(session, event_values);

  const Value values[] = {head.event_sequence, head.audit_sequence, std::string_view(head.audit_code)};
  session.exec("kernel", "UPDATE log_head SET event_sequence = ?, audit_sequence = ?, audit_mac = ? WHERE id = 1",
               values, {});
  coming_ = {head.audit_sequence, std::move(head.audit_code)};
  return events;
}

void Journal::committed() {
  if (coming_.sequence == 0) return;
  last_ = std::move(coming_);
  if (noted_) noted_->advance(last_);
}

}  // namespace kernel::storage
