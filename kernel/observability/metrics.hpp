#pragma once
// Counters, gauges and histograms of the kernel and its plugins, as Prometheus reads them.
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace kernel::observability {

using Labels = std::map<std::string, std::string>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  void add(const std::string& name, const Labels& labels, double delta, const std::string& help = {});
  void set(const std::string& name, const Labels& labels, double value, const std::string& help = {});
  void observe(const std::string& name, const Labels& labels, double seconds, const std::string& help = {});
  /// Read at each scrape.
  void collect(std::function<void(Metrics&)> fill);
  std::string text();
  /// A request's duration: lock-free on the hot path.
  void request(std::string_view method, std::string_view pattern, int status, double seconds);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::observability
