#include "observability/metrics.hpp"

#include "observability/log.hpp"
#include "observability/process.hpp"
#include "observability/request_times.hpp"
#include "observability/series.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace kernel::observability {

class Metrics::Impl {
 public:
  void fill(Metrics& metrics) {
    for (const auto& collector : collectors) {
      try {
        collector(metrics);
      } catch (const std::exception& fault) {
        log(Level::error, "metrics", std::string("a reading failed: ") + fault.what());
      }
    }
  }

  SeriesStore series;
  RequestTimes requests;
  std::mutex collecting;
  std::vector<std::function<void(Metrics&)>> collectors;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}

Metrics::~Metrics() = default;

void Metrics::add(const std::string& name, const Labels& labels, double delta, const std::string& help) {
  impl_->series.add(name, labels, delta, help);
}

void Metrics::set(const std::string& name, const Labels& labels, double value, const std::string& help) {
  impl_->series.set(name, labels, value, help);
}

void Metrics::observe(const std::string& name, const Labels& labels, double seconds, const std::string& help) {
  impl_->series.observe(name, labels, seconds, help);
}

void Metrics::collect(std::function<void(Metrics&)> fill) {
  std::lock_guard lock(impl_->collecting);
  impl_->collectors.push_back(std::move(fill));
}

std::string Metrics::text() {
  {
    std::lock_guard lock(impl_->collecting);
    impl_->fill(*this);
  }
  auto families = impl_->series.gather();
  auto process = process_metrics();
  std::move(process.begin(), process.end(), std::back_inserter(families));
  families.push_back(impl_->requests.gather());
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return prometheus::TextSerializer().Serialize(families);
}

void Metrics::request(std::string_view method, std::string_view pattern, int status, double seconds) {
  impl_->requests.record(method, pattern, status, seconds);
}

}  // namespace kernel::observability
