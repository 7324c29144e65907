#include "auth/vault_keys.hpp"

#include "auth/encoding.hpp"
#include "auth/key_file.hpp"
#include "auth/private_file.hpp"

#include <mutex>
#include <utility>

namespace kernel::auth {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view current_name = "vault", next_name = "vault-next", previous_name = "vault-previous";
/// Lengths stand in front, so that no two pairs look the same.
std::string binding(std::string_view owner, std::string_view context) {
  std::string text = std::to_string(owner.size()) + ':';
  return text.append(owner).append(context);
}

std::string given_key(std::string_view text, const char* name) {
  auto key = base64url_decoded(text);
  if (!key || key->size() != key_bytes)
    throw PrivateFileError(std::string(name) + " must be base64url of 32 bytes without padding (43 characters)");
  return std::move(*key);
}

}  // namespace

VaultKeys::Key::Key(const std::string& secret)
    : id(base64url(sha256("vault:" + secret)).substr(0, 16)), box(std::make_unique<const SealedBox>(secret)) {}

VaultKeys VaultKeys::in_files(const fs::path& data_directory) {
  VaultKeys keys;
  keys.directory_ = data_directory / "keys";
  make_private_directory(keys.directory_);
  const auto current = key_file(keys.directory_, current_name), next = key_file(keys.directory_, next_name);
  // A process that died while it wrote a key leaves an unfinished file, whose bytes may be a key that counts.
  for (const auto& entry : fs::directory_iterator(keys.directory_))
    if (entry.path().filename().string().starts_with(std::string(next_name) + ".key.new-")) fs::remove(entry.path());
  // A rotation that died: before its first step the new key was never used, after it the new key takes its place.
  if (fs::exists(next)) {
    if (fs::exists(current))
      fs::remove(next);
    else
      fs::rename(next, current);
  }
  keys.current_.emplace(open_key(keys.directory_, current_name));
  if (const auto previous = key_file(keys.directory_, previous_name); fs::exists(previous))
    keys.previous_.emplace(read_key(previous));
  return keys;
}

VaultKeys::VaultKeys(std::string_view current, std::string_view previous) {
  current_.emplace(given_key(current, "vault.key"));
  if (!previous.empty()) previous_.emplace(given_key(previous, "vault.previous_key"));
}

VaultKeys::VaultKeys(VaultKeys&& other) noexcept
    : directory_(std::move(other.directory_)),
      current_(std::move(other.current_)),
      previous_(std::move(other.previous_)) {}

std::string VaultKeys::wrap(std::string_view owner, std::string_view context, std::string_view plain) const {
  if (plain.empty() || plain.size() > max_plain)
    throw Fault(Fault::Kind::invalid, "a key to wrap has 1 to " + std::to_string(max_plain) + " bytes");
  const std::shared_lock lock(mutex_);
  return current_->id + '.' + current_->box->seal(plain, binding(owner, context));
}

std::string VaultKeys::unwrap(std::string_view owner, std::string_view context, std::string_view wrapped) const {
  const auto dot = wrapped.find('.');
  if (dot == wrapped.npos || dot == 0) throw Fault(Fault::Kind::denied, "this is not what wrap() made");
  const std::shared_lock lock(mutex_);
  auto plain = key_of(wrapped.substr(0, dot)).box->open(wrapped.substr(dot + 1), binding(owner, context));
  if (!plain) throw Fault(Fault::Kind::denied, "it was changed, or was wrapped for something else");
  return std::move(*plain);
}

std::string VaultKeys::current() const {
  const std::shared_lock lock(mutex_);
  return current_->id;
}

const VaultKeys::Key& VaultKeys::key_of(std::string_view id) const {
  if (current_->id == id) return *current_;
  if (previous_ && previous_->id == id) return *previous_;
  throw Fault(Fault::Kind::unknown_key,
              "the master key " + std::string(id) + " is not here: restore it from a backup of the keys");
}

void VaultKeys::rotate() {
  const std::unique_lock lock(mutex_);
  if (previous_) return;
  if (directory_.empty())
    throw Fault(
        Fault::Kind::invalid,
        "the master key comes from the configuration: put the present one into vault.previous_key and a new one "
        "into vault.key, start again, and rotate then");
  const auto current = key_file(directory_, current_name), next = key_file(directory_, next_name);
  const auto secret = random_bytes(key_bytes);
  fs::remove(next);
  create_private_file(next, secret);
  fs::rename(current, key_file(directory_, previous_name));
  fs::rename(next, current);
  sync_directory(directory_);
  previous_ = std::exchange(current_, Key(secret));
}

void VaultKeys::retire() {
  const std::unique_lock lock(mutex_);
  if (!previous_) return;
  if (!directory_.empty()) {
    fs::remove(key_file(directory_, previous_name));
    sync_directory(directory_);
  }
  previous_.reset();
}

}  // namespace kernel::auth
