#pragma once
// Named counters, gauges and histograms, made on first use and bounded in number.
#include "observability/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <variant>
#include <vector>

namespace kernel::observability {

/// Upper bounds in seconds, the last bucket (+Inf) apart.
constexpr std::array bucket_bounds{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1., 2.5, 5., 10., 30., 60., 300.};

class SeriesStore {
 public:
  static constexpr std::size_t max_names = 2000, max_label_sets = 1000;
  enum class Dropped : std::uint8_t { invalid, type, label_sets, names };

  void add(const std::string& name, const Labels& labels, double delta, const std::string& help);
  void set(const std::string& name, const Labels& labels, double value, const std::string& help);
  void observe(const std::string& name, const Labels& labels, double seconds, const std::string& help);
  std::vector<prometheus::MetricFamily> gather() const;

 private:
  template <typename Metric>
  struct Family {
    Family(const std::string& name, const std::string& help) : family(name, help, {}) {}
    prometheus::Family<Metric> family;
    std::map<Labels, Metric*> known;  // so that a known series costs neither an allocation nor an exclusive lock
  };
  using AnyFamily = std::variant<Family<prometheus::Counter>, Family<prometheus::Gauge>, Family<prometheus::Histogram>>;

  template <typename Metric, typename Use>
  void with(const std::string& name, const Labels& labels, const std::string& help, const Use& use);
  template <typename Metric>
  Metric* known(const std::string& name, const Labels& labels) const;
  template <typename Metric>
  Metric* make(const std::string& name, const Labels& labels, const std::string& help);
  void drop(Dropped reason) { dropped_[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed); }

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<AnyFamily>> families_;
  std::mutex reading_;
  std::array<std::atomic<std::uint64_t>, 4> dropped_{};
};

}  // namespace kernel::observability
