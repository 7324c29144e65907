#include "observability/series.hpp"

#include "observability/printable.hpp"

#include <prometheus/check_names.h>

#include <algorithm>
#include <cmath>

namespace kernel::observability {
namespace {

constexpr std::size_t max_text = 500;
constexpr std::string_view total = "_total";

bool valid_label_name(const std::string& name) {
  return name != "le" && name != "quantile" && prometheus::CheckLabelName(name);
}

bool valid(const std::string& name, const Labels& labels) {
  return name.size() <= max_text && prometheus::CheckMetricName(name) &&
         std::all_of(labels.begin(), labels.end(), [](const auto& label) { return valid_label_name(label.first); });
}

/// The serialiser writes help as it is, where a backslash would begin an escape.
std::string help_text(const std::string& help) {
  auto text = printable(help.empty() ? "No description." : help, max_text);
  std::replace(text.begin(), text.end(), '\\', '/');
  return text;
}

Labels printable_values(Labels labels) {
  for (auto& [name, value] : labels) value = printable(value, max_text);
  return labels;
}

template <typename Metric>
Metric& make_series(prometheus::Family<Metric>& family, const Labels& labels) {
  if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
    return family.Add(labels, prometheus::Histogram::BucketBoundaries(bucket_bounds.begin(), bucket_bounds.end()));
  } else {
    return family.Add(labels);
  }
}

prometheus::MetricFamily dropped_family(const std::array<std::atomic<std::uint64_t>, 4>& dropped) {
  constexpr std::array reasons{"invalid", "type", "label_sets", "names"};
  prometheus::MetricFamily family{
      "atrium_metrics_dropped_total", "Readings that were not kept, by reason.", prometheus::MetricType::Counter, {}};
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    auto& metric = family.metric.emplace_back();
    metric.label = {{"reason", reasons[i]}};
    metric.counter.value = static_cast<double>(dropped[i].load(std::memory_order_relaxed));
  }
  return family;
}

}  // namespace

template <typename Metric>
Metric* SeriesStore::known(const std::string& name, const Labels& labels) const {
  std::shared_lock lock(mutex_);
  const auto found = families_.find(name);
  if (found == families_.end()) return nullptr;
  const auto* const family = std::get_if<Family<Metric>>(found->second.get());
  if (!family) return nullptr;
  const auto series = family->known.find(labels);
  return series == family->known.end() ? nullptr : series->second;
}

template <typename Metric>
Metric* SeriesStore::make(const std::string& name, const Labels& labels, const std::string& help) {
  if (!valid(name, labels)) return drop(Dropped::invalid), nullptr;
  std::unique_lock lock(mutex_);
  auto found = families_.find(name);
  if (found == families_.end()) {
    if (families_.size() >= max_names) return drop(Dropped::names), nullptr;
    auto family = std::make_unique<AnyFamily>(std::in_place_type<Family<Metric>>, name, help_text(help));
    found = families_.emplace(name, std::move(family)).first;
  }
  auto* const family = std::get_if<Family<Metric>>(found->second.get());
  if (!family) return drop(Dropped::type), nullptr;
  if (const auto series = family->known.find(labels); series != family->known.end()) return series->second;
  if (family->known.size() >= max_label_sets) return drop(Dropped::label_sets), nullptr;
  return family->known[labels] = &make_series(family->family, labels);
}

template <typename Metric, typename Use>
void SeriesStore::with(const std::string& name, const Labels& labels, const std::string& help, const Use& use) {
  auto* metric = known<Metric>(name, labels);
  if (!metric) metric = make<Metric>(name, printable_values(labels), help);
  if (metric) use(*metric);
}

void SeriesStore::add(const std::string& name, const Labels& labels, double delta, const std::string& help) {
  if (name.empty() || !std::isfinite(delta) || delta < 0) return drop(Dropped::invalid);
  const auto increment = [delta](prometheus::Counter& counter) { counter.Increment(delta); };
  if (std::string_view(name).ends_with(total)) return with<prometheus::Counter>(name, labels, help, increment);
  with<prometheus::Counter>(name + std::string(total), labels, help, increment);
}

void SeriesStore::set(const std::string& name, const Labels& labels, double value, const std::string& help) {
  if (!std::string_view(name).ends_with(total)) {
    return with<prometheus::Gauge>(name, labels, help, [value](prometheus::Gauge& gauge) { gauge.Set(value); });
  }
  std::lock_guard reading(reading_);  // two readings at once would both add the difference
  with<prometheus::Counter>(name, labels, help, [value](prometheus::Counter& counter) {
    if (value > counter.Value()) counter.Increment(value - counter.Value());
  });
}

void SeriesStore::observe(const std::string& name, const Labels& labels, double seconds, const std::string& help) {
  if (!std::isfinite(seconds)) return drop(Dropped::invalid);
  with<prometheus::Histogram>(name, labels, help,
                              [seconds](prometheus::Histogram& histogram) { histogram.Observe(seconds); });
}

std::vector<prometheus::MetricFamily> SeriesStore::gather() const {
  std::vector<prometheus::MetricFamily> all{dropped_family(dropped_)};
  std::shared_lock lock(mutex_);
  for (const auto& [name, any] : families_) {
    auto collected = std::visit([](const auto& family) { return family.family.Collect(); }, *any);
    std::move(collected.begin(), collected.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace kernel::observability
