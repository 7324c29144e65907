#pragma once
// One key in a file of its own: 32 random bytes, mode 0600.
#include <filesystem>
#include <string>
#include <string_view>

namespace kernel::auth {

inline constexpr std::size_t key_bytes = 32;

/// DIRECTORY/NAME.key
std::filesystem::path key_file(const std::filesystem::path& directory, std::string_view name);
/// Throws PrivateFileError where it is absent, damaged, or can be reached by others.
std::string read_key(const std::filesystem::path& file);
/// Makes it where it is missing. Two that do so at once read the same one.
std::string open_key(const std::filesystem::path& directory, std::string_view name);

}  // namespace kernel::auth
