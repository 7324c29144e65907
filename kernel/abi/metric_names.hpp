#pragma once
#include "observability/metrics.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace kernel::abi {

/// Names and label sets of one plugin, parsed once, and bounded: what a plugin counts must not fill the memory.
class MetricNames {
 public:
  static constexpr std::size_t max_names = 500, max_label_sets = 1000;

  explicit MetricNames(const std::string& owner);
  struct Entry {
    std::string name;
    observability::Labels labels;
  };
  /// Null: malformed, or beyond a bound. `refused` is told why, once for each reason and name.
  std::shared_ptr<const Entry> find(std::string_view name, std::string_view labels_json, std::string* refused);

 private:
  std::shared_ptr<const Entry> parse(std::string_view name, std::string_view labels_json, std::string* refused);

  std::string prefix_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Entry>> known_;  ///< by name and labels as given
  std::unordered_map<std::string, std::size_t> sets_;                    ///< label sets of each name
};

}  // namespace kernel::abi
