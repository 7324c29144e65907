#include "observability/request_times.hpp"

#include "observability/series.hpp"

#include <algorithm>

namespace kernel::observability {
namespace {

constexpr std::size_t shard_count = 4;

/// Each thread counts in its own shard as far as they go, so that cores do not fight for a cache line.
std::size_t my_shard() {
  static std::atomic<std::size_t> next = 0;
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed) % shard_count;
  return mine;
}

std::size_t hash_of(std::string_view method, std::string_view pattern, unsigned status_class) {
  const std::hash<std::string_view> hash;
  return hash(pattern) * 31 + hash(method) * 7 + status_class;
}

struct alignas(64) Shard {
  std::array<std::atomic<std::uint64_t>, bucket_bounds.size() + 1> buckets{};
  std::atomic<std::uint64_t> nanoseconds = 0;
};

}  // namespace

struct RequestTimes::Cell {
  Cell(std::string_view method, std::string_view pattern, unsigned status_class)
      : method(method), pattern(pattern), status_class(status_class) {}

  bool is(std::string_view other_method, std::string_view other_pattern, unsigned other_class) const {
    return status_class == other_class && pattern == other_pattern && method == other_method;
  }

  void record(double seconds) {
    const auto bucket = std::lower_bound(bucket_bounds.begin(), bucket_bounds.end(), seconds) - bucket_bounds.begin();
    auto& shard = shards[my_shard()];
    shard.buckets[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    shard.nanoseconds.fetch_add(static_cast<std::uint64_t>(seconds * 1e9), std::memory_order_relaxed);
  }

  prometheus::ClientMetric gather() const {
    prometheus::ClientMetric metric;
    metric.label = {{"method", method}, {"route", pattern}, {"status", std::to_string(status_class) + "xx"}};
    std::uint64_t count = 0, nanoseconds = 0;
    for (std::size_t i = 0; i <= bucket_bounds.size(); ++i) {
      for (const auto& shard : shards) count += shard.buckets[i].load(std::memory_order_relaxed);
      const double bound = i < bucket_bounds.size() ? bucket_bounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({count, bound});
    }
    for (const auto& shard : shards) nanoseconds += shard.nanoseconds.load(std::memory_order_relaxed);
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
    return metric;
  }

  const std::string method, pattern;
  const unsigned status_class;
  std::array<Shard, shard_count> shards;
};

RequestTimes::RequestTimes() : others_(std::make_unique<Cell>("other", "other", 0)) {}

RequestTimes::~RequestTimes() = default;

void RequestTimes::record(std::string_view method, std::string_view pattern, int status, double seconds) {
  const unsigned status_class = status >= 100 && status < 600 ? static_cast<unsigned>(status) / 100 : 0;
  cell_of(method, pattern, status_class).record(std::clamp(seconds, 0.0, 1e6));
}

RequestTimes::Cell* RequestTimes::find(std::size_t hash, std::string_view method, std::string_view pattern,
                                       unsigned status_class) const {
  for (std::size_t at = hash % slots;; at = (at + 1) % slots) {
    auto* const cell = table_[at].load(std::memory_order_acquire);
    if (!cell || cell->is(method, pattern, status_class)) return cell;
  }
}

RequestTimes::Cell& RequestTimes::cell_of(std::string_view method, std::string_view pattern, unsigned status_class) {
  const auto hash = hash_of(method, pattern, status_class);
  if (auto* const cell = find(hash, method, pattern, status_class)) return *cell;
  std::lock_guard lock(adding_);
  if (auto* const cell = find(hash, method, pattern, status_class)) return *cell;
  if (cells_.size() >= max_cells) return *others_;
  auto& cell = *cells_.emplace_back(std::make_unique<Cell>(method, pattern, status_class));
  std::size_t at = hash % slots;
  while (table_[at].load(std::memory_order_relaxed)) at = (at + 1) % slots;
  table_[at].store(&cell, std::memory_order_release);
  return cell;
}

prometheus::MetricFamily RequestTimes::gather() const {
  prometheus::MetricFamily family{"atrium_http_request_duration_seconds",
                                  "Time from a request's head to its reply.",
                                  prometheus::MetricType::Histogram,
                                  {}};
  for (const auto& slot : table_) {
    if (const auto* const cell = slot.load(std::memory_order_acquire)) family.metric.push_back(cell->gather());
  }
  if (auto others = others_->gather(); others.histogram.sample_count > 0) family.metric.push_back(std::move(others));
  return family;
}

}  // namespace kernel::observability
