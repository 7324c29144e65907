#pragma once
// Files that only their owner may read: the kernel's keys and the setup token.
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kernel::auth {

/// Names the file, what is wrong with it and the cure.
class PrivateFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The content of a regular file (at most 4096 bytes) that group and others cannot touch; else PrivateFileError.
std::string read_private_file(const std::filesystem::path& file);
/// Puts the whole content there with mode 0600, durably, or nothing. False: the file is there already, untouched.
bool create_private_file(const std::filesystem::path& file, std::string_view content);
/// What was renamed or removed in it survives a power failure.
void sync_directory(const std::filesystem::path& directory);
/// The directory with mode 0700, made where it is missing.
void make_private_directory(const std::filesystem::path& directory);

}  // namespace kernel::auth
