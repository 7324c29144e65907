#include "auth/key_file.hpp"

#include "auth/encoding.hpp"
#include "auth/private_file.hpp"

namespace kernel::auth {

std::filesystem::path key_file(const std::filesystem::path& directory, std::string_view name) {
  return directory / (std::string(name) + ".key");
}

std::string read_key(const std::filesystem::path& file) {
  std::string key = read_private_file(file);
  if (key.size() != key_bytes)
    throw PrivateFileError(file.string() + ": a key has 32 bytes, this file has " + std::to_string(key.size()) +
                           "; restore it from a backup (a new key would make what the old one protects unreadable)");
  return key;
}

std::string open_key(const std::filesystem::path& directory, std::string_view name) {
  const auto file = key_file(directory, name);
  if (!std::filesystem::exists(std::filesystem::symlink_status(file)))
    create_private_file(file, random_bytes(key_bytes));
  return read_key(file);
}

}  // namespace kernel::auth
