#pragma once
// Which tables an owner may touch, and the check of a statement against it.
#include "storage/database.hpp"

#include <map>
#include <set>
#include <shared_mutex>

namespace kernel::storage {

class Grants {
 public:
  /// Adds to what the owner has.
  void add(const TableGrant& grant);
  /// "kernel" may touch everything. A full-text table brings its shadow tables along.
  bool allowed(std::string_view owner, std::string_view table) const;
  /// Throws ATRIUM_E_DENIED, naming both.
  [[noreturn]] static void deny(std::string_view owner, std::string_view table);

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> tables_;
};

inline bool is_kernel(std::string_view owner) { return owner == "kernel"; }

/// Throws ATRIUM_E_DENIED unless the owner's statement is one that queries or changes rows; transactions, settings and
/// the schema are the kernel's. `migrating` also lets it define tables.
void check_statement_kind(std::string_view owner, std::string_view sql, bool migrating);
/// Throws ATRIUM_E_DENIED where the statement names a table that the owner was not granted. For PostgreSQL, which has
/// no hook for it: reads the tables from the text.
void check_tables(const Grants& grants, std::string_view owner, std::string_view sql);

}  // namespace kernel::storage
