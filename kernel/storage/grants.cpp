#include "storage/grants.hpp"

#include "storage/sql_text.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <vector>

namespace kernel::storage {
namespace {

constexpr std::array<std::string_view, 5> full_text_shadows = {"_data", "_idx", "_content", "_docsize", "_config"};

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

void Grants::add(const TableGrant& grant) {
  std::unique_lock lock(mutex_);
  auto& tables = tables_[grant.owner];
  for (const auto& table : grant.tables) tables.insert(lowered(table));
}

bool Grants::allowed(std::string_view owner, std::string_view table) const {
  if (is_kernel(owner)) return true;
  std::shared_lock lock(mutex_);
  const auto found = tables_.find(owner);
  if (found == tables_.end()) return false;
  const auto name = lowered(table);
  if (found->second.contains(name)) return true;
  return std::any_of(full_text_shadows.begin(), full_text_shadows.end(), [&](std::string_view suffix) {
    return name.ends_with(suffix) &&
           found->second.contains(std::string_view(name).substr(0, name.size() - suffix.size()));
  });
}

void Grants::deny(std::string_view owner, std::string_view table) {
  throw SqlError(ATRIUM_E_DENIED, "'" + std::string(owner) + "' may not touch table '" + std::string(table) +
                                      "': list it under \"tables\" if it is its own");
}

void check_statement_kind(std::string_view owner, std::string_view sql, bool migrating) {
  static constexpr std::array<std::string_view, 6> rows = {"select", "insert", "update", "delete", "with", "values"};
  static constexpr std::array<std::string_view, 4> schema = {"create", "alter", "drop", "comment"};
  if (is_kernel(owner)) return;
  const auto word = first_word(sql);
  if (one_of(word, rows) || (migrating && one_of(word, schema))) return;
  throw SqlError(ATRIUM_E_DENIED, "'" + std::string(owner) + "' may not run " +
                                      (word.empty() ? "an empty statement" : word) +
                                      (migrating ? "" : "; tables are defined in migrations"));
}

namespace {

/// Follows one statement and reports every table named in it. What stands in front of a name decides: FROM, JOIN, INTO,
/// UPDATE, TABLE, REFERENCES, and ON where an index or trigger is made.
class TableFinder {
 public:
  TableFinder(const Grants& grants, std::string_view owner, std::string_view sql)
      : grants_(grants), owner_(owner), scanner_(sql) {
    scopes_.emplace_back();
  }

  void run() {
    token_ = scanner_.next();
    defines_ = is_word(token_, "create") || is_word(token_, "drop");
    while (token_.kind != TokenKind::end) {
      next_ = scanner_.next();
      step();
      before_previous_ = previous_;
      previous_ = token_;
      token_ = next_;
    }
  }

 private:
  struct Scope {
    bool expects_table = false;  ///< the next name is a table
    bool in_from = false;        ///< a comma brings another table
    bool plain_from = false;     ///< inside extract(... FROM ...) and the like
    std::string defines;         ///< the name WITH gives to this subquery
    std::vector<std::string> subqueries;
  };

  void step() {
    const bool name = token_.kind == TokenKind::word || token_.kind == TokenKind::quoted_name;
    if (token_.text == "(") return open();
    if (token_.text == ")") return close();
    if (token_.text == ",") {
      scopes_.back().expects_table = scopes_.back().in_from;
    } else if (name && token_.kind == TokenKind::word && keyword()) {
      return;
    } else if (name) {
      identifier();
    } else if (token_.text != ".") {
      scopes_.back().expects_table = false;
    }
  }

  bool keyword() {
    auto& scope = scopes_.back();
    const auto word = lowered(token_.text);
    static constexpr std::array<std::string_view, 8> fillers = {"only",    "if",        "not",          "exists",
                                                                "lateral", "recursive", "materialized", "concurrently"};
    static constexpr std::array<std::string_view, 14> ends = {"where",  "group",  "order",  "having",    "limit",
                                                              "offset", "union",  "except", "intersect", "returning",
                                                              "set",    "window", "select", "values"};
    if (word == "recursive") recursive_ = true;
    if (one_of(word, fillers)) return true;
    if (word == "as") {
      if (previous_.text != ")") pending_subquery_ = table_name(previous_, Dialect::postgresql);
      return true;
    }
    if (word == "with") with_ = true;
    if (word == "from") {
      if (!scope.plain_from && !is_word(previous_, "distinct")) scope.expects_table = scope.in_from = true;
      return true;
    }
    if (word == "join" || word == "into" || word == "table" || word == "references" ||
        (word == "using" && next_.text != "(" && !defines_) ||
        (word == "on" && defines_ && !is_word(next_, "delete") && !is_word(next_, "update"))) {
      scope.expects_table = true;
      return true;
    }
    if (word == "update") {
      scope.expects_table = !is_word(previous_, "for") && !is_word(previous_, "key") && !is_word(next_, "set") &&
                            !(defines_ && (is_word(previous_, "on") || is_word(previous_, "or")));
      return true;
    }
    if (!one_of(word, ends)) return false;
    scope.expects_table = scope.in_from = false;
    return true;
  }

  void identifier() {
    auto& scope = scopes_.back();
    if (next_.text == "(") check_function();
    if (next_.text == ".") return;  // a schema or an alias: what follows counts
    if (!scope.expects_table) return;
    scope.expects_table = false;
    const bool schema_given = previous_.text == ".";
    const bool is_call = next_.text == "(" && scope.in_from;
    const auto name = table_name(token_, Dialect::postgresql);
    if (schema_given && !is_word(before_previous_, "public"))
      Grants::deny(owner_, lowered(before_previous_.text) + "." + name);
    if (is_call || (!schema_given && is_subquery(name))) return;
    if (!grants_.allowed(owner_, name)) Grants::deny(owner_, name);
  }

  /// Functions that read tables, files or other databases by a name given as text.
  void check_function() {
    const auto name = table_name(token_, Dialect::postgresql);
    if (name.starts_with("pg_") || name.starts_with("lo_") || name.starts_with("dblink") || name == "set_config" ||
        name.find("_to_xml") != std::string::npos)
      throw SqlError(ATRIUM_E_DENIED, "'" + std::string(owner_) + "' may not call " + name + "()");
  }

  void open() {
    static constexpr std::array<std::string_view, 5> plain = {"extract", "substring", "trim", "overlay", "position"};
    Scope inner;
    inner.plain_from = one_of(lowered(previous_.text), plain);
    inner.expects_table =
        scopes_.back().expects_table && previous_.kind == TokenKind::word && is_word(previous_, "from");
    scopes_.back().expects_table = false;
    const bool subquery = is_word(next_, "select") || is_word(next_, "with") || is_word(next_, "values") ||
                          is_word(next_, "insert") || is_word(next_, "update") || is_word(next_, "delete");
    if (with_ && subquery && (is_word(previous_, "as") || is_word(previous_, "materialized"))) {
      inner.defines = pending_subquery_;
      if (recursive_) scopes_.back().subqueries.push_back(inner.defines);
    } else if (with_ && !subquery && (previous_.kind == TokenKind::word || previous_.kind == TokenKind::quoted_name)) {
      pending_columns_ = table_name(previous_, Dialect::postgresql);
    }
    scopes_.push_back(std::move(inner));
  }

  void close() {
    if (scopes_.size() == 1) return;
    auto defined = std::move(scopes_.back().defines);
    scopes_.pop_back();
    if (!defined.empty()) scopes_.back().subqueries.push_back(std::move(defined));
    if (is_word(next_, "as")) pending_subquery_ = pending_columns_;  // WITH name(columns) AS
  }

  bool is_subquery(const std::string& name) const {
    return std::any_of(scopes_.begin(), scopes_.end(), [&](const Scope& scope) {
      return std::find(scope.subqueries.begin(), scope.subqueries.end(), name) != scope.subqueries.end();
    });
  }

  const Grants& grants_;
  std::string_view owner_;
  SqlScanner scanner_;
  Token before_previous_, previous_, token_, next_;
  bool defines_ = false, with_ = false, recursive_ = false;
  std::string pending_subquery_, pending_columns_;
  std::vector<Scope> scopes_;
};

}  // namespace

void check_tables(const Grants& grants, std::string_view owner, std::string_view sql) {
  if (!is_kernel(owner)) TableFinder(grants, owner, sql).run();
}

}  // namespace kernel::storage
