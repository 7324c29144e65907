#include "auth/sealed_box.hpp"

#include <sodium.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace kernel::auth {

namespace {

constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr int base64 = sodium_base64_VARIANT_ORIGINAL;

unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string to_base64(const std::string& raw) {
  std::string text(sodium_base64_ENCODED_LEN(raw.size(), base64), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes(std::string_view(raw)), raw.size(), base64);
  text.pop_back();  // the NUL
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string raw(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(bytes(raw), raw.size(), text.data(), text.size(), nullptr, &size, nullptr, base64) != 0)
    return std::nullopt;
  raw.resize(size);
  return raw;
}

}  // namespace

SealedBox::SealedBox(std::string key) : key_(std::move(key)) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot be used on this machine");
  if (key_.size() != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    throw std::invalid_argument("the key of a sealed box must have 32 bytes");
}

SealedBox::~SealedBox() { sodium_memzero(key_.data(), key_.size()); }

std::string SealedBox::seal(std::string_view plain, std::string_view bound_to) const {
  std::string raw(nonce_size + plain.size() + tag_size, '\0');
  randombytes_buf(raw.data(), nonce_size);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(raw) + nonce_size, nullptr, bytes(plain), plain.size(),
                                             bytes(bound_to), bound_to.size(), nullptr, bytes(raw),
                                             bytes(std::string_view(key_)));
  return to_base64(raw);
}

std::optional<std::string> SealedBox::open(std::string_view sealed, std::string_view bound_to) const {
  const auto raw = from_base64(sealed);
  if (!raw || raw->size() < nonce_size + tag_size) return std::nullopt;
  std::string plain(raw->size() - nonce_size - tag_size, '\0');
  const auto* start = bytes(std::string_view(*raw));
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(plain), nullptr, nullptr, start + nonce_size,
                                                 raw->size() - nonce_size, bytes(bound_to), bound_to.size(), start,
                                                 bytes(std::string_view(key_))) != 0)
    return std::nullopt;
  return plain;
}

std::string SealedBox::fingerprint(std::initializer_list<std::string_view> parts) const {
  crypto_generichash_state state;
  crypto_generichash_init(&state, bytes(std::string_view(key_)), key_.size(), 32);
  for (const auto part : parts) {
    const std::uint64_t size = part.size();
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size), sizeof size);
    crypto_generichash_update(&state, bytes(part), part.size());
  }
  std::array<unsigned char, 32> digest{};
  crypto_generichash_final(&state, digest.data(), digest.size());
  std::string hex(65, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
  hex.pop_back();  // the NUL
  return hex;
}

}  // namespace kernel::auth
