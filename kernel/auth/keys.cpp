#include "auth/keys.hpp"

#include "auth/encoding.hpp"
#include "auth/key_file.hpp"
#include "auth/private_file.hpp"

namespace kernel::auth {
namespace {

constexpr std::string_view current_jwt = "jwt", previous_jwt = "jwt-previous";

}  // namespace

SigningKey::SigningKey(std::string secret_bytes) : secret(std::move(secret_bytes)) {
  id = base64url(sha256("kid:" + secret)).substr(0, 16);
}

Keys Keys::open(const std::filesystem::path& data_directory) {
  const auto directory = data_directory / "keys";
  make_private_directory(directory);
  Keys keys;
  keys.jwt.emplace_back(open_key(directory, current_jwt));
  if (const auto previous = key_file(directory, previous_jwt); std::filesystem::exists(previous))
    keys.jwt.emplace_back(read_key(previous));
  keys.presign = open_key(directory, "presign");
  keys.audit = open_key(directory, "audit");
  keys.idempotency = open_key(directory, "idempotency");
  keys.settings = open_key(directory, "settings");
  keys.mfa = open_key(directory, "mfa");
  return keys;
}

void rotate_jwt_key(const std::filesystem::path& data_directory) {
  const auto directory = data_directory / "keys";
  const auto current = key_file(directory, current_jwt);
  read_key(current);
  // If the process ends between the two steps, the next start makes the new key and still knows the old one.
  std::filesystem::rename(current, key_file(directory, previous_jwt));
  open_key(directory, current_jwt);
}

}  // namespace kernel::auth
