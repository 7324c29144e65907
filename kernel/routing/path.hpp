#pragma once
// A request's path and query, taken apart and percent-decoded.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::routing {

/// The decoded segments of a path; views into the path given and into `decoded`.
class Segments {
 public:
  static constexpr std::size_t max = 32;

  /// Nullopt: a path that no route can have: too deep, an empty segment, a dot segment, bad percent-encoding, an
  /// encoded slash, a control character, or invalid UTF-8. One trailing slash is dropped. `path` must outlive it.
  static std::optional<Segments> split(std::string_view path);

  std::size_t size() const { return count_; }
  std::string_view operator[](std::size_t i) const { return views_[i]; }

  Segments(Segments&&) = default;
  Segments(const Segments&) = delete;

 private:
  Segments() = default;
  bool add(std::string_view raw);

  std::array<std::string_view, max> views_;
  std::size_t count_ = 0;
  std::vector<std::unique_ptr<std::string>> decoded_;  // only of segments that were encoded; the views stay valid
};

using Pairs = std::vector<std::pair<std::string, std::string>>;
/// The parameters in order, decoded ('+' is a space). Nullopt: bad encoding, NUL, invalid UTF-8, or more than 200.
std::optional<Pairs> parse_query(std::string_view query);

/// Nullopt: a '%' that two hexadecimal digits do not follow.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
bool valid_utf8(std::string_view text);

}  // namespace kernel::routing
