// atrium.metrics: what a plugin counts, under its own prefix.
#include "observability/metrics.hpp"

#include "abi/host_state.hpp"
#include "abi/metric_names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <mutex>

namespace kernel::abi {
namespace {

bool valid_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), allowed);
}

using Apply = void (observability::Metrics::*)(const std::string&, const observability::Labels&, double,
                                               const std::string&);

template <Apply apply>
void change(const atrium_host* handle, atrium_str name, atrium_str labels, double value) {
  guard(nullptr, [&] {
    HostState& host = HostState::of(handle);
    std::string refused;
    const auto entry = host.metric_names->find(view(name), view(labels), &refused);
    if (!refused.empty()) observability::log(observability::Level::warning, host.owner, refused);
    if (entry) (host.parts.metrics.*apply)(entry->name, entry->labels, value, {});
    return ATRIUM_OK;
  });
}

}  // namespace

MetricNames::MetricNames(const std::string& owner) : prefix_("atrium_" + owner + "_") {
  std::replace(prefix_.begin(), prefix_.end(), '-', '_');
}

std::shared_ptr<const MetricNames::Entry> MetricNames::find(std::string_view name, std::string_view labels_json,
                                                            std::string* refused) {
  std::string key;
  key.reserve(name.size() + 1 + labels_json.size());
  key.append(name).append(1, '\n').append(labels_json);
  const std::lock_guard lock(mutex_);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  if (known_.size() >= max_names * max_label_sets) return nullptr;
  auto entry = parse(name, labels_json, refused);
  if (entry) known_.emplace(std::move(key), entry);
  return entry;
}

std::shared_ptr<const MetricNames::Entry> MetricNames::parse(std::string_view name, std::string_view labels_json,
                                                             std::string* refused) {
  const std::string quoted = "metric \"" + std::string(name.substr(0, 100)) + "\": ";
  if (!valid_name(name)) {
    *refused = quoted + "a name has lower-case letters, digits and _";
    return nullptr;
  }
  auto entry = std::make_shared<Entry>();
  entry->name = prefix_ + std::string(name);
  if (!labels_json.empty()) {
    const auto labels = nlohmann::json::parse(labels_json, nullptr, false);
    const auto is_text = [](const auto& label) { return label.is_string(); };
    if (!labels.is_object() || !std::all_of(labels.begin(), labels.end(), is_text)) {
      *refused = quoted + "labels must be a JSON object of strings";
      return nullptr;
    }
    for (const auto& [label, value] : labels.items()) entry->labels.emplace(label, value.template get<std::string>());
  }
  if (!sets_.contains(entry->name) && sets_.size() >= max_names) {
    *refused = quoted + "this plugin already has " + std::to_string(max_names) + " metrics";
    return nullptr;
  }
  std::size_t& sets = sets_[entry->name];
  if (sets > max_label_sets) return nullptr;  // said before
  if (++sets > max_label_sets) {
    *refused = quoted + "more than " + std::to_string(max_label_sets) + " label sets; further ones are not counted";
    return nullptr;
  }
  return entry;
}

const atrium_metrics metrics_table = {
    sizeof(atrium_metrics),
    0,
    change<&observability::Metrics::add>,
    change<&observability::Metrics::set>,
    change<&observability::Metrics::observe>,
};

}  // namespace kernel::abi
