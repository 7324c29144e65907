#pragma once
// Counters, gauges and histograms of the kernel and its plugins, as Prometheus reads them.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace kernel::observability {

using Labels = std::map<std::string, std::string>;

/// Any thread. A name's type is that of its first use. What cannot be kept is dropped and counted by reason in
/// atrium_metrics_dropped_total: a malformed name or label, another type, more than 1000 label sets of a name, more
/// than 2000 names. Nothing here throws or waits for I/O.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  /// A counter. "_total" is appended to the name where it lacks it.
  void add(const std::string& name, const Labels& labels, double delta, const std::string& help = {});
  /// A gauge; or, where the name ends in "_total", the reading of a counter that is kept elsewhere and only grows.
  void set(const std::string& name, const Labels& labels, double value, const std::string& help = {});
  /// A histogram with buckets from 1 ms to 5 minutes.
  void observe(const std::string& name, const Labels& labels, double seconds, const std::string& help = {});
  /// Called at each scrape, one scrape at a time, to set() readings of the moment; must not call text().
  void collect(std::function<void(Metrics&)> fill);
  /// The exposition format 0.0.4: content type "text/plain; version=0.0.4".
  std::string text();
  /// A request's duration: lock-free on the hot path. pattern: the route's, never the path.
  void request(std::string_view method, std::string_view pattern, int status, double seconds);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kernel::observability
