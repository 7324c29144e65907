#include "auth/keys.hpp"

#include "auth/encoding.hpp"
#include "auth/key_file.hpp"
#include "auth/private_file.hpp"

namespace kernel::auth {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view current_jwt = "jwt", previous_jwt = "jwt-previous", next_jwt = "jwt-next";

/// Where a rotation took the current key away, the next one takes its place. Any number of processes may do this at
/// once: a link never replaces a file.
void promote_next(const fs::path& current, const fs::path& next) {
  std::error_code ignored;
  if (!fs::exists(current)) fs::create_hard_link(next, current, ignored);
  if (fs::equivalent(current, next, ignored)) fs::remove(next, ignored);
}

fs::path keys_in(const fs::path& data_directory) { return data_directory / "keys"; }

}  // namespace

SigningKey::SigningKey(std::string secret_bytes) : secret(std::move(secret_bytes)) {
  id = base64url(sha256("kid:" + secret)).substr(0, 16);
}

Keys Keys::open(const std::filesystem::path& data_directory) {
  Keys keys;
  keys.jwt = open_jwt_keys(data_directory);
  const auto directory = keys_in(data_directory);
  keys.presign = open_key(directory, "presign");
  keys.audit = open_key(directory, "audit");
  keys.idempotency = open_key(directory, "idempotency");
  keys.settings = open_key(directory, "settings");
  keys.mfa = open_key(directory, "mfa");
  return keys;
}

KeyRing open_jwt_keys(const fs::path& data_directory) {
  const auto directory = keys_in(data_directory);
  make_private_directory(directory);
  promote_next(key_file(directory, current_jwt), key_file(directory, next_jwt));
  KeyRing ring;
  ring.emplace_back(open_key(directory, current_jwt));
  ring.emplace_back(open_key(directory, next_jwt));
  if (const auto previous = key_file(directory, previous_jwt); fs::exists(previous))
    ring.emplace_back(read_key(previous));
  return ring;
}

KeyRing rotate_jwt_keys(const fs::path& data_directory) {
  open_jwt_keys(data_directory);
  const auto directory = keys_in(data_directory);
  fs::rename(key_file(directory, current_jwt), key_file(directory, previous_jwt));
  return open_jwt_keys(data_directory);
}

}  // namespace kernel::auth
