#pragma once
// RFC 9110: which bytes of a file a download asks for, and whether it needs any.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace files {

/// "Tue, 24 Nov 2026 17:00:00 GMT"
std::string http_date(std::int64_t seconds);
/// Of that form only, in seconds since 1970.
std::optional<std::int64_t> parse_http_date(std::string_view text);

struct Representation {
  std::string etag;  ///< strong, with its quotes
  std::int64_t modified = 0, size = 0;
};

/// The headers that matter, as sent.
struct Conditions {
  std::optional<std::string_view> if_match{}, if_unmodified_since{}, if_none_match{}, if_modified_since{}, if_range{},
      range{};
};

struct Selection {
  int status = 200;  ///< 200 the whole, 206 a part, 304 what the client has, 412 and 416 not this one
  std::int64_t offset = 0, length = 0;
};

/// Several ranges at once are answered with the whole, as the RFC allows; so is a unit or a syntax that is not known.
Selection select(const Representation& file, const Conditions& asked);

}  // namespace files
