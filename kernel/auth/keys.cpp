#include "auth/keys.hpp"

#include "auth/encoding.hpp"
#include "auth/private_file.hpp"

namespace kernel::auth {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::string_view current_jwt = "jwt", previous_jwt = "jwt-previous";

std::filesystem::path file_of(const std::filesystem::path& directory, std::string_view name) {
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
  const auto file = file_of(directory, name);
  if (!std::filesystem::exists(std::filesystem::symlink_status(file)))
    create_private_file(file, random_bytes(key_bytes));
  return read_key(file);
}

}  // namespace

SigningKey::SigningKey(std::string secret_bytes) : secret(std::move(secret_bytes)) {
  id = base64url(sha256("kid:" + secret)).substr(0, 16);
}

Keys Keys::open(const std::filesystem::path& data_directory) {
  const auto directory = data_directory / "keys";
  make_private_directory(directory);
  Keys keys;
  keys.jwt.emplace_back(open_key(directory, current_jwt));
  if (const auto previous = file_of(directory, previous_jwt); std::filesystem::exists(previous))
    keys.jwt.emplace_back(read_key(previous));
  keys.vault = open_key(directory, "vault");
  keys.presign = open_key(directory, "presign");
  keys.audit = open_key(directory, "audit");
  keys.idempotency = open_key(directory, "idempotency");
  return keys;
}

void rotate_jwt_key(const std::filesystem::path& data_directory) {
  const auto directory = data_directory / "keys";
  const auto current = file_of(directory, current_jwt);
  read_key(current);
  // If the process ends between the two steps, the next start makes the new key and still knows the old one.
  std::filesystem::rename(current, file_of(directory, previous_jwt));
  open_key(directory, current_jwt);
}

}  // namespace kernel::auth
