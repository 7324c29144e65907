#pragma once
// Which rows of the audit log a request asks for.
#include <atrium/http.hpp>
#include <atrium/store.hpp>

#include <string>
#include <vector>

namespace kernel::audit {

/// For the declaration of a route that takes the filters.
atrium::Json filter_parameters();

class Filter {
 public:
  /// Throws 422 with every fault.
  explicit Filter(const atrium::Request& request);
  /// " WHERE ...", its parameters added.
  std::string where(atrium::Parameters& parameters) const;

 private:
  struct Condition {
    std::string sql;
    std::vector<std::string> texts;
    std::vector<std::int64_t> numbers;
  };
  std::vector<Condition> conditions_;
};

}  // namespace kernel::audit
