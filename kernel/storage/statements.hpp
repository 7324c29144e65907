#pragma once
// The kernel's own SQL in short: parameters by value, rows by description, problems out of transactions.
#include "storage/database.hpp"

#include <atrium/members.hpp>

#include <array>
#include <exception>
#include <optional>
#include <utility>

namespace kernel::storage {

inline constexpr std::string_view sql_owner = "kernel";

template <class... Ts>
std::int64_t exec(Transaction& transaction, std::string_view sql, const Ts&... parameters) {
  const std::array<Value, sizeof...(Ts)> values{Value(parameters)...};
  return transaction.exec(sql_owner, sql, values);
}
template <class... Ts>
void query(Transaction& transaction, std::string_view sql, const RowFn& row, const Ts&... parameters) {
  const std::array<Value, sizeof...(Ts)> values{Value(parameters)...};
  transaction.exec(sql_owner, sql, values, row);
}
template <class... Ts>
void query(Database& database, std::string_view sql, const RowFn& row, const Ts&... parameters) {
  const std::array<Value, sizeof...(Ts)> values{Value(parameters)...};
  database.read(sql_owner, sql, values, row);
}

inline std::string text_at(Row row, std::size_t column) { return std::string(row[column].value_or("")); }
inline std::int64_t integer_at(Row row, std::size_t column) {
  std::int64_t value = 0;
  if (row[column]) atrium::Codec<std::int64_t>::load(*row[column], value);
  return value;
}
inline bool truth_at(Row row, std::size_t column) {
  bool value = false;
  if (row[column]) atrium::Codec<bool>::load(*row[column], value);
  return value;
}

/// A row that selected atrium::columns<T>().
template <atrium::Described T>
T load(Row row) {
  T value{};
  std::size_t column = 0;
  atrium::for_each_member<T>([&](const auto& member) {
    if (!member.is_stored) return;
    using Field = typename std::remove_cvref_t<decltype(member)>::Value;
    if (const auto& text = row[column++]) atrium::Codec<Field>::load(*text, value.*member.field);
  });
  return value;
}
/// The first row of a query for atrium::columns<T>(), from a Database or inside a Transaction.
template <atrium::Described T, class Source, class... Ts>
std::optional<T> find_one(Source& source, std::string_view sql, const Ts&... parameters) {
  std::optional<T> found;
  query(
      source, sql,
      [&](Row row) {
        found = load<T>(row);
        return false;
      },
      parameters...);
  return found;
}

/// Runs `function(Transaction&)` in one transaction and waits for the commit. A Problem that it throws rolls back and
/// is thrown here. It may run again, so it does nothing but SQL, record() and after_commit().
template <class F>
auto in_transaction(Database& database, Actor actor, F function) {
  using Result = std::invoke_result_t<F&, Transaction&>;
  std::exception_ptr problem;
  std::conditional_t<std::is_void_v<Result>, bool, std::optional<Result>> result{};
  const auto run = [&](Transaction& transaction) -> std::int32_t {
    problem = nullptr;
    try {
      if constexpr (std::is_void_v<Result>) {
        function(transaction);
      } else {
        result = function(transaction);
      }
      return ATRIUM_OK;
    } catch (const atrium::Problem& thrown) {
      problem = std::current_exception();
      return atrium::code_for(thrown.status);
    }
  };
  std::int32_t status = ATRIUM_OK;
  try {
    status = database.transact(std::move(actor), run);
  } catch (const SqlError& error) {
    if (problem) std::rethrow_exception(problem);
    throw atrium::problem_for(error.code(), error.code() == ATRIUM_E_INTERNAL ? "" : error.what());
  }
  if (problem) std::rethrow_exception(problem);
  if (status != ATRIUM_OK) throw atrium::problem_for(status, "The change was not made.");
  if constexpr (!std::is_void_v<Result>) return std::move(*result);
}

}  // namespace kernel::storage
