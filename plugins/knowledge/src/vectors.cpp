#include "vectors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <numeric>
#include <unordered_set>

namespace knowledge {
namespace {

/// In eight lanes, which the compiler turns into vector instructions without reordering anything by itself.
float dot(const float* a, const float* b, std::size_t n) {
  float lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  for (; i < n; ++i) lanes[0] += a[i] * b[i];
  return std::accumulate(std::begin(lanes), std::end(lanes), 0.0F);
}

}  // namespace

Vector unit_vector(const std::vector<double>& values) {
  const double length = std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
  Vector vector(values.size(), 0);
  if (length > 0 && std::isfinite(length))
    std::transform(values.begin(), values.end(), vector.begin(),
                   [length](double value) { return static_cast<float>(value / length); });
  return vector;
}

std::string vector_text(const Vector& vector) {
  std::string text;
  std::uint32_t bits = 0;
  int held = 0;
  const auto take = [&](std::uint32_t byte) {
    bits = bits << 8 | byte;
    for (held += 8; held >= 6; held -= 6) text += static_cast<char>('0' + (bits >> (held - 6) & 63));
  };
  for (const float value : vector)
    for (int shift = 24; shift >= 0; shift -= 8) take(std::bit_cast<std::uint32_t>(value) >> shift & 255);
  if (held > 0) text += static_cast<char>('0' + (bits << (6 - held) & 63));
  return text;
}

Vector vector_from(std::string_view text) {
  Vector vector;
  std::uint64_t bits = 0;
  int held = 0;
  for (const char c : text) {
    bits = bits << 6 | static_cast<std::uint64_t>((c - '0') & 63);
    if ((held += 6) < 32) continue;
    held -= 32;
    vector.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits >> held)));
  }
  return vector;
}

float similarity(const Vector& a, const Vector& b) { return dot(a.data(), b.data(), a.size()); }

std::vector<Near> best_of(std::vector<Near> all, std::size_t most) {
  std::unordered_set<std::int64_t> seen;
  // An entry may have several passages among the nearest: sorts a growing part until it has given enough entries.
  const auto closer = [](const Near& a, const Near& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity
                                        : std::pair(b.number, a.position) < std::pair(a.number, b.position);
  };
  std::vector<Near> found;
  for (std::size_t sorted = 0, part = std::min(all.size(), most * 4); found.size() < most && sorted < all.size();
       part = std::min(all.size(), part * 4)) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(sorted);
    std::partial_sort(begin, all.begin() + static_cast<std::ptrdiff_t>(part), all.end(), closer);
    for (; sorted < part && found.size() < most; ++sorted)
      if (seen.insert(all[sorted].number).second) found.push_back(all[sorted]);
    if (sorted == all.size()) break;
  }
  return found;
}

void Vectors::reset(std::string model) {
  const std::unique_lock lock(mutex_);
  model_ = std::move(model);
  dimensions_ = 0;
  keys_.clear();
  values_.clear();
}

bool Vectors::add(std::int64_t number, std::int64_t position, const Vector& vector) {
  const std::unique_lock lock(mutex_);
  if (keys_.empty()) dimensions_ = vector.size();
  const auto bytes = (keys_.size() + 1) * (dimensions_ * sizeof(float) + sizeof(Key));
  if (bytes > most_bytes_) return false;
  if (vector.empty() || vector.size() != dimensions_) return true;
  keys_.push_back({number, position});
  values_.insert(values_.end(), vector.begin(), vector.end());
  return true;
}

bool Vectors::forget(const std::vector<std::int64_t>& numbers) {
  const std::unique_lock lock(mutex_);
  const auto step = static_cast<std::ptrdiff_t>(dimensions_);
  const auto before = keys_.size();
  for (std::size_t i = keys_.size(); i-- > 0;) {
    if (std::find(numbers.begin(), numbers.end(), keys_[i].number) == numbers.end()) continue;
    std::copy(values_.end() - step, values_.end(), values_.begin() + static_cast<std::ptrdiff_t>(i) * step);
    values_.resize(values_.size() - dimensions_);
    keys_[i] = keys_.back();
    keys_.pop_back();
  }
  return keys_.size() < before;
}

std::vector<Near> Vectors::nearest(const Vector& to, std::size_t most, const std::vector<std::int64_t>* among) const {
  const std::shared_lock lock(mutex_);
  if (to.size() != dimensions_) return {};
  std::vector<Near> all;
  all.reserve(keys_.size());
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    const auto [number, position] = keys_[i];
    if (among && !std::binary_search(among->begin(), among->end(), number)) continue;
    all.push_back({number, position, dot(to.data(), values_.data() + i * dimensions_, dimensions_)});
  }
  return best_of(std::move(all), most);
}

std::size_t Vectors::size() const {
  const std::shared_lock lock(mutex_);
  return keys_.size();
}
std::string Vectors::model() const {
  const std::shared_lock lock(mutex_);
  return model_;
}

}  // namespace knowledge
