#include "packages/signing.hpp"

#include "auth/encoding.hpp"
#include "auth/private_file.hpp"

#include <sodium.h>

#include <algorithm>
#include <fstream>

namespace kernel::packages {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view secret_label = "atrium-secret-key ", public_label = "atrium-public-key ";
constexpr std::size_t longest_line = 200;

template <std::size_t Size>
std::string_view view(const std::array<unsigned char, Size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

/// The bytes behind the label, or nullopt.
template <std::size_t Size>
std::optional<std::array<unsigned char, Size>> parse(std::string_view line, std::string_view label) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  if (!line.starts_with(label)) return std::nullopt;
  auto decoded = auth::base64url_decoded(line.substr(label.size()));
  if (!decoded || decoded->size() != Size) return std::nullopt;
  std::array<unsigned char, Size> bytes;
  std::copy_n(bytes_of(*decoded), Size, bytes.begin());
  sodium_memzero(decoded->data(), decoded->size());
  return bytes;
}

void require_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be initialised");
}

}  // namespace

SecretKey SecretKey::make() {
  require_sodium();
  SecretKey key;
  PublicKey unused;
  crypto_sign_keypair(unused.data(), key.bytes_.data());
  return key;
}

SecretKey SecretKey::read(const fs::path& file) {
  require_sodium();
  std::string line;
  try {
    line = auth::read_private_file(file);
  } catch (const auth::PrivateFileError& error) {
    throw PackageError(error.what());
  }
  const auto bytes = parse<64>(line, secret_label);
  sodium_memzero(line.data(), line.size());
  if (!bytes) throw PackageError(file.string() + " holds no secret key; `atrium plugin keygen` makes one");
  SecretKey key;
  key.bytes_ = *bytes;
  return key;
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

void SecretKey::write(const fs::path& file) const {
  const fs::path beside = file.string() + ".pub";
  if (fs::exists(fs::symlink_status(beside)))
    throw PackageError(beside.string() + " is there already; choose another name");
  std::string line(secret_label);
  line.append(auth::base64url(view(bytes_))).append("\n");
  const bool made = auth::create_private_file(fs::absolute(file), line);
  sodium_memzero(line.data(), line.size());
  if (!made) throw PackageError(file.string() + " is there already; choose another name");
  std::ofstream out(beside);
  out << shown(public_key()) << '\n';
  if (!out.flush()) throw PackageError("cannot write " + beside.string());
}

PublicKey SecretKey::public_key() const {
  PublicKey key;
  crypto_sign_ed25519_sk_to_pk(key.data(), bytes_.data());
  return key;
}

Signature SecretKey::sign(std::string_view message) const {
  Signature signature;
  crypto_sign_detached(signature.data(), nullptr, bytes_of(message), message.size(), bytes_.data());
  return signature;
}

bool verify(std::string_view message, const Signature& signature, const PublicKey& key) {
  require_sodium();
  return crypto_sign_verify_detached(signature.data(), bytes_of(message), message.size(), key.data()) == 0;
}

std::string shown(const PublicKey& key) { return std::string(public_label) + auth::base64url(view(key)); }

std::string fingerprint(const PublicKey& key) { return auth::sha256_hex(view(key)).substr(0, 16); }

std::vector<PublicKey> read_public_keys(const std::vector<std::string>& keys_or_files) {
  std::vector<PublicKey> keys;
  for (const auto& entry : keys_or_files) {
    auto key = parse<32>(entry, public_label);
    if (!key) {
      std::string line;
      std::getline(std::ifstream(entry), line);
      key = parse<32>(std::string_view(line).substr(0, longest_line), public_label);
    }
    if (!key)
      throw PackageError(entry + " is neither a public key (\"" + std::string(public_label) +
                         "...\") nor a file that holds one");
    keys.push_back(*key);
  }
  return keys;
}

}  // namespace kernel::packages
