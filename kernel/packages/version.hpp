#pragma once
#include <string_view>

namespace kernel::packages {

/// Below, at or above 0 as `a` is older than, the same as or newer than `b`: MAJOR.MINOR.PATCH by number; a pre-release
/// is older than its release, and two of them are compared as Semantic Versioning 2.0 says.
int compare_versions(std::string_view a, std::string_view b);

}  // namespace kernel::packages
