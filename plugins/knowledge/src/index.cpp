#include "index.hpp"

#include "passages.hpp"

#include <map>

namespace knowledge {
namespace {

constexpr std::int64_t most_taken_in = 500, most_thrown_out = 50;  // in one transaction
constexpr std::size_t rows_at_once = 64;

using Place = std::pair<std::string, std::int64_t>;  // term, block

void delete_numbers(atrium::Transaction& tx, std::string_view table, const std::vector<std::int64_t>& numbers) {
  atrium::Parameters parameters;
  std::string sql = "DELETE FROM ";
  sql.append(table).append(" WHERE number IN (").append(placeholders(parameters, numbers)).append(")");
  tx.run(sql, parameters, {});
}

/// Appends to what is there already.
void append(atrium::Transaction& tx, const std::map<Place, std::string>& postings) {
  auto at = postings.begin();
  while (at != postings.end()) {
    atrium::Parameters parameters;
    std::string sql = "INSERT INTO knowledge_postings (term, block, data) VALUES ";
    for (std::size_t i = 0; i < rows_at_once && at != postings.end(); ++i, ++at) {
      sql += i ? ", (?, ?, ?)" : "(?, ?, ?)";
      parameters.text(at->first.first);
      parameters.integer(at->first.second);
      parameters.text(at->second);
    }
    sql += " ON CONFLICT (term, block) DO UPDATE SET data = knowledge_postings.data || excluded.data";
    tx.run(sql, parameters, {});
  }
}

}  // namespace

Terms Filter::terms() const {
  Terms terms;
  if (category) terms.push_back(category_term(*category));
  if (tag) terms.push_back(tag_term(*tag));
  return terms;
}

void Index::add(atrium::Transaction& tx, Entry& entry) const {
  const auto forward = forward_of(entry.title, entry.content, entry.category, entry.tags);
  entry.number = add_pending(tx, forward);
  const auto passages = passages_of(entry.content);
  for (std::size_t i = 0; i < passages.size();) {
    atrium::Parameters parameters;
    std::string sql = "INSERT INTO knowledge_passages (number, position, begins, ends, model, sequence) VALUES ";
    for (std::size_t row = 0; row < rows_at_once && i < passages.size(); ++row, ++i) {
      sql += row ? ", (?, ?, ?, ?, '', 0)" : "(?, ?, ?, ?, '', 0)";
      parameters.integer(entry.number);
      parameters.integer(static_cast<std::int64_t>(i));
      parameters.integer(static_cast<std::int64_t>(passages[i].begins));
      parameters.integer(static_cast<std::int64_t>(passages[i].ends));
    }
    tx.run(sql, parameters, {});
  }
}

/// Under a number that was never given before: PostgreSQL's sequence makes nobody wait, SQLite has one writer anyway.
std::int64_t Index::add_pending(atrium::Transaction& tx, const Forward& forward) const {
  if (!store_->is_postgresql()) tx.exec("UPDATE knowledge_index SET numbers = numbers + 1");
  return tx
      .value<std::int64_t>(
          store_->is_postgresql()
              ? "INSERT INTO knowledge_pending (number, length, terms) VALUES (nextval('knowledge_numbers'), ?, ?) "
                "RETURNING number"
              : "INSERT INTO knowledge_pending (number, length, terms) VALUES "
                "((SELECT numbers FROM knowledge_index), ?, ?) RETURNING number",
          forward.length, forward.terms)
      .value();
}

void Index::remove(atrium::Transaction& tx, const Entry& entry) const {
  tx.exec("DELETE FROM knowledge_passages WHERE number = ?", entry.number);
  if (tx.exec("DELETE FROM knowledge_pending WHERE number = ?", entry.number) > 0) return;
  const auto forward = forward_of(entry.title, entry.content, entry.category, entry.tags);
  tx.exec("INSERT INTO knowledge_removed (number, length, terms) VALUES (?, ?, ?)", entry.number, forward.length,
          forward.terms);
}

std::vector<Match> Index::find(const Query& query, const Filter& filter, bool every) const {
  Ranking ranking(query, filter.terms(), every);
  const auto& terms = ranking.terms();
  if (query.wanted.empty() && filter.terms().empty()) return {};  // nothing to look for
  atrium::Parameters parameters;
  const auto marks = placeholders(terms.size(), [&](std::size_t i) { parameters.text(terms[i]); });
  store_->run("SELECT 0, term, block, 0, data FROM knowledge_postings WHERE term IN (" + marks +
                  ") UNION ALL SELECT 1, '', number, length, terms FROM knowledge_pending"
                  " UNION ALL SELECT 2, '', number, length, '' FROM knowledge_removed"
                  " UNION ALL SELECT 3, '', entries, words, '' FROM knowledge_index"
                  " UNION ALL SELECT 4, '', pairs_from, 0, '' FROM knowledge_index",
              parameters, [&](const atrium::Row& row) {
                switch (row.integer(0)) {
                  case 0:
                    return ranking.add_postings(row.text(1), row.integer(2), row.text(4));
                  case 1:
                    return ranking.add_pending(row.integer(2), row.integer(3), row.text(4));
                  case 2:
                    return ranking.add_removed(row.integer(2), row.integer(3));
                  case 3:
                    return ranking.add_totals(row.integer(2), row.integer(3));
                  default:
                    return ranking.set_pairs_from(row.integer(2));
                }
              });
  return ranking.matches();
}

bool Index::merge() const {
  const auto waits = store_->value<bool>(
      "SELECT EXISTS (SELECT 1 FROM knowledge_pending) OR EXISTS (SELECT 1 FROM knowledge_removed)");
  if (!waits.value_or(false)) return false;
  return store_->transaction({}, [this](atrium::Transaction& tx) {
    lock(tx);
    const auto taken = take_in(tx), thrown = throw_out(tx);
    return taken + thrown > 0;
  });
}

std::int64_t Index::waiting() const {
  return store_
      ->value<std::int64_t>(
          "SELECT (SELECT count(*) FROM knowledge_pending) + (SELECT count(*) FROM knowledge_removed)")
      .value_or(0);
}

/// Of two nodes the second waits here.
void Index::lock(atrium::Transaction& tx) const { tx.exec("UPDATE knowledge_index SET entries = entries"); }

/// Rows of what waits to be merged: their numbers, the words in them, and each of their terms.
template <class F>
Index::Taken Index::read_waiting(atrium::Transaction& tx, std::string sql, std::int64_t most, F take_term) const {
  Taken taken;
  tx.query(
      sql.append(" ORDER BY number LIMIT ?").append(for_update()),
      [&](const atrium::Row& row) {
        const auto number = row.integer(0);
        taken.numbers.push_back(number);
        taken.words += row.integer(1);
        for_each_term(row.text(2),
                      [&](std::string_view term, std::string_view code) { take_term(number, term, code); });
      },
      most);
  return taken;
}

std::int64_t Index::take_in(atrium::Transaction& tx) const {
  std::map<Place, std::string> postings;
  const auto [numbers, words] =
      read_waiting(tx, "SELECT number, length, terms FROM knowledge_pending", most_taken_in,
                   [&](std::int64_t number, std::string_view term, std::string_view code) {
                     postings[{std::string(term), number / block_size}] += posting(number, code);
                   });
  if (numbers.empty()) return 0;
  append(tx, postings);
  delete_numbers(tx, "knowledge_pending", numbers);
  const auto count = static_cast<std::int64_t>(numbers.size());
  tx.exec("UPDATE knowledge_index SET entries = entries + ?, words = words + ?", count, words);
  return count;
}

std::int64_t Index::throw_out(atrium::Transaction& tx) const {
  std::map<Place, std::vector<std::int64_t>> places;
  const auto [numbers, words] =
      read_waiting(tx, "SELECT number, length, terms FROM knowledge_removed", most_thrown_out,
                   [&](std::int64_t number, std::string_view term, std::string_view) {
                     places[{std::string(term), number / block_size}].push_back(number % block_size);
                   });
  if (numbers.empty()) return 0;
  for (const auto& [place, gone] : places) {
    const auto& [term, block] = place;
    const auto data =
        tx.value<std::string>("SELECT data FROM knowledge_postings WHERE term = ? AND block = ?", term, block);
    if (!data) continue;
    if (const auto kept = without(*data, gone); !kept.empty())
      tx.exec("UPDATE knowledge_postings SET data = ? WHERE term = ? AND block = ?", kept, term, block);
    else
      tx.exec("DELETE FROM knowledge_postings WHERE term = ? AND block = ?", term, block);
  }
  delete_numbers(tx, "knowledge_removed", numbers);
  const auto count = static_cast<std::int64_t>(numbers.size());
  tx.exec("UPDATE knowledge_index SET entries = entries - ?, words = words - ?", count, words);
  return count;
}

}  // namespace knowledge
