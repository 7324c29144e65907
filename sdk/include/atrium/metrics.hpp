#pragma once
// What a plugin counts and measures, for /metrics. Names come out as atrium_<plugin>_<name>. [any]
#include <atrium/host.hpp>

namespace atrium {

/// labels: an object of strings; at most 1000 different ones of a name.
class Metrics {
 public:
  explicit Metrics(const Host& host) : host_(&host) {}

  /// A counter: "sent_total".
  void add(std::string_view name, const Json& labels = Json::object(), double delta = 1) const {
    put(host_->metrics().add, name, labels, delta);
  }
  /// A gauge: how it is now.
  void set(std::string_view name, double value, const Json& labels = Json::object()) const {
    put(host_->metrics().set, name, labels, value);
  }
  /// A histogram of durations: "request_seconds".
  void observe(std::string_view name, std::chrono::duration<double> time, const Json& labels = Json::object()) const {
    put(host_->metrics().observe, name, labels, time.count());
  }

 private:
  template <class F>
  void put(F write, std::string_view name, const Json& labels, double value) const {
    const std::string text = labels.empty() ? std::string() : dump(labels);
    write(host_->raw(), view(name), view(text), value);
  }
  const Host* host_;
};

}  // namespace atrium
