#pragma once
// Durations of requests by method, route and status class, without a lock or an allocation for a known combination.
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace kernel::observability {

class RequestTimes {
 public:
  RequestTimes();
  ~RequestTimes();
  void record(std::string_view method, std::string_view pattern, int status, double seconds);
  prometheus::MetricFamily gather() const;

 private:
  struct Cell;
  static constexpr std::size_t slots = 8192, max_cells = 4000;  // at most half full, so probing stays short

  Cell& cell_of(std::string_view method, std::string_view pattern, unsigned status_class);
  Cell* find(std::size_t hash, std::string_view method, std::string_view pattern, unsigned status_class) const;

  std::array<std::atomic<Cell*>, slots> table_{};  // a slot is written once and never cleared
  std::mutex adding_;
  std::vector<std::unique_ptr<Cell>> cells_;
  std::unique_ptr<Cell> others_;
};

}  // namespace kernel::observability
