// The routes in effect: an immutable trie of path segments, replaced whole.
#include "routing/path.hpp"
#include "routing/route.hpp"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace kernel::routing {

namespace {

using RoutePtr = std::shared_ptr<const Route>;
using http::Method;

constexpr std::size_t methods = static_cast<std::size_t>(Method::other) + 1;

struct Leaf {
  std::array<RoutePtr, methods> by_method;
  std::string allow, allow_at_root;
  bool empty() const { return allow.empty(); }
};

struct Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  Leaf leaf;
};

struct Snapshot {
  Node root;
  std::vector<RoutePtr> all;
};

std::vector<std::string_view> pattern_segments(std::string_view pattern) {
  std::vector<std::string_view> segments;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto end = pattern.find('/');
    if (const auto segment = pattern.substr(0, end); !segment.empty()) segments.push_back(segment);
    if (end == std::string_view::npos) break;
    pattern.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

void insert(Node& root, const RoutePtr& route) {
  Node* node = &root;
  for (const auto segment : pattern_segments(route->pattern)) {
    auto& child = is_parameter(segment) ? node->parameter : node->literals[std::string(segment)];
    if (!child) child = std::make_unique<Node>();
    node = child.get();
  }
  auto& slot = node->leaf.by_method[static_cast<std::size_t>(route->method)];
  if (slot)
    throw std::invalid_argument(std::string(http::to_string(route->method)) + " " + route->pattern + " of " +
                                route->owner + " is taken by " + slot->pattern + " of " + slot->owner);
  slot = route;
}

std::string allowed(const Leaf& leaf, bool at_root) {
  std::string allow;
  const auto add = [&](std::string_view name) { allow.append(allow.empty() ? "" : ", ").append(name); };
  for (std::size_t i = 0; i < methods; ++i) {
    const auto& route = leaf.by_method[i];
    if (!route || (at_root && !route->at_root)) continue;
    add(http::to_string(route->method));
    if (route->method == Method::get) add("HEAD");
  }
  if (!allow.empty()) add("OPTIONS");
  return allow;
}

void finish(Node& node) {
  node.leaf.allow = allowed(node.leaf, false);
  node.leaf.allow_at_root = allowed(node.leaf, true);
  for (auto& [name, child] : node.literals) finish(*child);
  if (node.parameter) finish(*node.parameter);
}

// Visits each node at most once, so a path costs no more than the declared patterns do.
const Leaf* walk(const Node& node, const Segments& segments, std::size_t at, bool at_root) {
  if (at == segments.size()) {
    return (at_root ? node.leaf.allow_at_root : node.leaf.allow).empty() ? nullptr : &node.leaf;
  }
  if (const auto literal = node.literals.find(segments[at]); literal != node.literals.end())
    if (const auto* leaf = walk(*literal->second, segments, at + 1, at_root)) return leaf;
  return node.parameter ? walk(*node.parameter, segments, at + 1, at_root) : nullptr;
}

Table::Match match_below(const Node& root, Method method, const Segments& segments, std::size_t base, bool at_root) {
  Table::Match match;
  const auto* leaf = walk(root, segments, base, at_root);
  if (!leaf) return match;
  match.allow = at_root ? leaf->allow_at_root : leaf->allow;
  if (method == Method::head) method = Method::get;
  const auto& route = leaf->by_method[static_cast<std::size_t>(method)];
  if (!route || (at_root && !route->at_root)) return match;
  match.route = route;
  std::size_t at = base;
  for (const auto segment : pattern_segments(route->pattern)) {
    if (is_parameter(segment)) match.path.emplace_back(segment.substr(1, segment.size() - 2), segments[at]);
    ++at;
  }
  return match;
}

}  // namespace

// Each reading thread has a slot of its own (as long as there are no more threads than slots), so that a look-up
// contends neither for a lock nor for a reference count; the writer goes through all of them.
class Table::Impl {
 public:
  Impl() { publish(std::make_shared<const Snapshot>()); }

  template <typename Read>
  auto read(Read&& use) const {
    thread_local const std::size_t mine = next_slot_.fetch_add(1, std::memory_order_relaxed) % slots_.size();
    auto& slot = slots_[mine];
    const std::scoped_lock lock(slot.mutex);
    return use(*slot.snapshot);
  }

  void replace(const std::string& owner, std::vector<Route> routes) {
    const std::scoped_lock lock(writer_);
    auto next = std::make_shared<Snapshot>();
    for (const auto& route : slots_[0].snapshot->all)
      if (route->owner != owner) next->all.push_back(route);
    for (auto& route : routes) next->all.push_back(std::make_shared<const Route>(std::move(route)));
    for (const auto& route : next->all) insert(next->root, route);
    finish(next->root);
    publish(std::move(next));
  }

 private:
  struct alignas(64) Slot {
    std::mutex mutex;
    std::shared_ptr<const Snapshot> snapshot;
  };

  void publish(std::shared_ptr<const Snapshot> next) {
    for (auto& slot : slots_) {
      auto old = next;
      const std::scoped_lock lock(slot.mutex);
      slot.snapshot.swap(old);
    }
  }

  static inline std::atomic<std::size_t> next_slot_{0};
  mutable std::array<Slot, 32> slots_;
  std::mutex writer_;
};

Table::Table() : impl_(std::make_unique<Impl>()) {}
Table::~Table() = default;

void Table::replace(const std::string& owner, std::vector<Route> routes) { impl_->replace(owner, std::move(routes)); }

Table::Match Table::find(http::Method method, std::string_view path) const {
  const auto segments = Segments::split(path);
  if (!segments) return {};
  const bool below_base = segments->size() >= 2 && (*segments)[0] == "api" && (*segments)[1] == "v1";
  return impl_->read([&](const Snapshot& snapshot) {
    return match_below(snapshot.root, method, *segments, below_base ? 2 : 0, !below_base);
  });
}

std::vector<std::shared_ptr<const Route>> Table::all() const {
  return impl_->read([](const Snapshot& snapshot) { return snapshot.all; });
}

}  // namespace kernel::routing
