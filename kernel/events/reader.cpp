#include "events/reader.hpp"

#include <array>
#include <charconv>
#include <memory>

namespace kernel::events {

namespace {

std::int64_t number(const std::optional<std::string_view>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::string text(const std::optional<std::string_view>& column) { return std::string(column.value_or("")); }

}  // namespace

std::vector<EventPtr> Reader::after(std::int64_t sequence, std::size_t limit) {
  std::vector<EventPtr> events;
  const std::array<storage::Value, 2> parameters{sequence, static_cast<std::int64_t>(limit)};
  database_.read("kernel",
                 "SELECT sequence, time_us, topic, resource_id, owner, data, actor FROM events WHERE sequence > ? "
                 "ORDER BY sequence LIMIT ?",
                 parameters, [&](storage::Row row) {
                   auto event = std::make_shared<Event>();
                   event->sequence = number(row[0]);
                   event->time_us = number(row[1]);
                   event->topic = text(row[2]);
                   event->resource_id = text(row[3]);
                   event->owner = text(row[4]);
                   event->data = text(row[5]);
                   event->actor = text(row[6]);
                   events.push_back(std::move(event));
                   return true;
                 });
  return events;
}

std::optional<std::int64_t> Reader::lowest() {
  std::optional<std::int64_t> lowest;
  database_.read("kernel", "SELECT min(sequence) FROM events", {}, [&](storage::Row row) {
    if (row[0]) lowest = number(row[0]);
    return true;
  });
  return lowest;
}

std::int64_t Reader::highest() {
  std::int64_t highest = 0;
  database_.read("kernel", "SELECT event_sequence FROM log_head WHERE id = 1", {}, [&](storage::Row row) {
    highest = number(row[0]);
    return true;
  });
  return highest;
}

}  // namespace kernel::events
