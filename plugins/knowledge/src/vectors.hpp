#pragma once
// Passages as points of a space, and the nearest of them: every one is looked at, so the answer is exact.
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace knowledge {

/// Of length 1, so that the product of two is the cosine of their angle.
using Vector = std::vector<float>;
Vector unit_vector(const std::vector<double>& values);
/// As text for a column: digits of base 64, four for three bytes.
std::string vector_text(const Vector& vector);
Vector vector_from(std::string_view text);

struct Near {
  std::int64_t number = 0, position = 0;  ///< entry and passage
  float similarity = 0;
};
/// The cosine of the angle between two of one length.
float similarity(const Vector& a, const Vector& b);
/// The best passage of each of the nearest entries, best first.
std::vector<Near> best_of(std::vector<Near> all, std::size_t most);

/// The vectors of one model, in memory.
class Vectors {
 public:
  explicit Vectors(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// Starts again for another model. The first vector decides how many dimensions there are.
  void reset(std::string model);
  /// False: there is no room. One of another number of dimensions cannot be compared and is passed over.
  bool add(std::int64_t number, std::int64_t position, const Vector& vector);
  /// Entries that are no more. True: there is more room now.
  bool forget(const std::vector<std::int64_t>& numbers);
  /// As best_of(). among: only these entries, in order of number; null: all.
  std::vector<Near> nearest(const Vector& to, std::size_t most, const std::vector<std::int64_t>* among) const;
  std::size_t size() const;
  std::string model() const;

 private:
  struct Key {
    std::int64_t number, position;
  };
  const std::size_t most_bytes_;
  mutable std::shared_mutex mutex_;
  std::string model_;
  std::size_t dimensions_ = 0;
  std::vector<Key> keys_;
  std::vector<float> values_;
};

}  // namespace knowledge
