#include "audit/audit_routes.hpp"

#include "abi/on_pool.hpp"
#include "audit/csv.hpp"
#include "audit/entry.hpp"

#include <charconv>

namespace kernel::audit {
namespace {

constexpr std::int64_t rows_of_a_piece = 1000;

std::int64_t sequence_of(std::string_view cursor) {
  std::int64_t sequence = 0;
  const auto values = atrium::detail::decode_cursor(cursor, 1);
  const auto text = values ? values->front() : std::string();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (error != std::errc() || end != text.data() + text.size())
    throw atrium::invalid("?cursor", "is not a cursor of this list");
  return sequence;
}

bool wants_csv(const atrium::Request& request) {
  const auto format = request.query("format").value_or("ndjson");
  if (format != "csv" && format != "ndjson") throw atrium::invalid("?format", "must be csv or ndjson");
  return format == "csv";
}

}  // namespace

void AuditRoutes::start() {
  auto listing = filter_parameters();
  for (auto& parameter : atrium::Page::parameters()) listing.push_back(parameter);
  get("/admin/audit",
      {.summary = "What was done or tried, by whom and from where, newest first",
       .description = "`atrium audit verify` tells whether the log is what was written.",
       .access = {"admin"},
       .query = std::move(listing),
       .answer = atrium::Page::schema(atrium::schema<Entry>()),
       .tag = "Admin"},
      [this](atrium::Request& request) { return list(request); });

  auto exporting = filter_parameters();
  exporting.push_back(
      atrium::query_parameter("format", "A JSON object or a CSV record in each line",
                              {{"type", "string"}, {"enum", {"ndjson", "csv"}}, {"default", "ndjson"}}));
  get("/admin/audit/export",
      {.summary = "The audit log as a file, oldest first",
       .description = "Everything up to the moment of the request, streamed.",
       .access = {"admin"},
       .query = std::move(exporting),
       .tag = "Admin"},
      [this](atrium::Request request) { spawn(send_all(std::move(request))); });
}

atrium::Reply AuditRoutes::list(const atrium::Request& request) const {
  const Filter filter(request);
  auto page = atrium::Page::of(request);
  atrium::Parameters parameters;
  std::string where = filter.where(parameters);
  store().run("SELECT count(*) FROM audit" + where, parameters,
              [&](const atrium::Row& row) { page.total = row.integer(0); });
  if (const auto cursor = request.query("cursor")) {
    where += " AND sequence < ?";
    parameters.integer(sequence_of(*cursor));
  }
  parameters.integer(page.limit + 1);
  parameters.integer(page.offset);
  std::string last;
  bool more = false;
  store().run("SELECT " + std::string(columns) + " FROM audit" + where + " ORDER BY sequence DESC LIMIT ? OFFSET ?",
              parameters, [&](const atrium::Row& row) {
                if (page.count == page.limit) return void(more = true);
                page.add(row.as<Entry>());
                last = row.text(0);
              });
  if (more) page.next_cursor = atrium::detail::encode_cursor({last});
  return page.reply(request);
}

std::int64_t AuditRoutes::read(const Filter& filter, std::int64_t after, std::int64_t last, std::int64_t limit,
                               const TakeEntry& take) const {
  atrium::Parameters parameters;
  const auto where = filter.where(parameters) + " AND sequence > ? AND sequence <= ?";
  for (const auto number : {after, last, limit}) parameters.integer(number);
  std::int64_t reached = 0;
  store().run("SELECT " + std::string(columns) + " FROM audit" + where + " ORDER BY sequence LIMIT ?", parameters,
              [&](const atrium::Row& row) {
                const auto entry = row.as<Entry>();
                reached = entry.sequence;
                take(entry);
              });
  return reached;
}

atrium::Async<void> AuditRoutes::send_all(atrium::Request request) {
  std::optional<atrium::StreamReply> stream;
  try {
    const Filter filter(request);
    const bool csv = wants_csv(request);
    const auto last = store().value<std::int64_t>("SELECT audit_sequence FROM log_head WHERE id = 1").value_or(0);
    std::string piece = csv ? csv_header() : "";
    const auto take = [&](const Entry& entry) {
      if (csv) return csv_line(piece, entry);
      atrium::write_json(piece, entry);
      piece += '\n';
    };
    std::int64_t after = read(filter, 0, last, rows_of_a_piece, take);
    const std::string disposition = std::string("attachment; filename=\"audit.") + (csv ? "csv" : "ndjson") + '"';
    host().http().set_header(request.raw(), atrium::view("content-disposition"), atrium::view(disposition));
    stream.emplace(std::move(request), 200, csv ? "text/csv; charset=utf-8" : "application/x-ndjson");
    for (bool going = true; going;) {
      auto sending = stream->send(piece);
      if (!co_await sending || after == 0) co_return;
      auto hop = abi::OnPool{host()};
      co_await hop;
      piece.clear();
      after = read(filter, after, last, rows_of_a_piece, take);
      going = after != 0;
    }
  } catch (...) {
    if (!request.raw()) throw;  // the stream is broken off
    request.fail_current();
  }
}

}  // namespace kernel::audit
