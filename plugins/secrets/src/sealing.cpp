#include "sealing.hpp"

#include <stdexcept>

namespace secrets {
namespace {

constexpr std::size_t nonce_bytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
                      tag_bytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(DataKey::size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::string to_base64(std::string_view bytes, int variant) {
  std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes_of(bytes), bytes.size(), variant);
  text.pop_back();
  return text;
}

std::optional<std::string> from_base64(std::string_view text, int variant) {
  std::string bytes(text.size(), '\0');
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(bytes_of(bytes), bytes.size(), text.data(), text.size(), nullptr, &length, &end, variant) !=
          0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(length);
  return bytes;
}

}  // namespace

void start_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start: there is no source of random bytes");
}

Confidential random_text() {
  const Confidential bytes(random_bytes(32));
  return Confidential(to_base64(bytes.reveal(), sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

DataKey DataKey::make() { return DataKey(Confidential(random_bytes(size))); }

std::optional<DataKey> DataKey::take(std::string&& bytes) {
  Confidential key(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  if (key.reveal().size() != size) return std::nullopt;
  return DataKey(std::move(key));
}

std::string DataKey::seal(const Confidential& value, std::string_view place) const {
  const auto& plain = value.reveal();
  std::string sealed = random_bytes(nonce_bytes);
  sealed.resize(nonce_bytes + plain.size() + tag_bytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes_of(sealed) + nonce_bytes, nullptr, bytes_of(plain), plain.size(),
                                             bytes_of(place), place.size(), nullptr, bytes_of(sealed),
                                             bytes_of(bytes()));
  return to_base64(sealed, sodium_base64_VARIANT_ORIGINAL);
}

std::optional<Confidential> DataKey::open(std::string_view sealed, std::string_view place) const {
  const auto packed = from_base64(sealed, sodium_base64_VARIANT_ORIGINAL);
  if (!packed || packed->size() <= nonce_bytes + tag_bytes) return std::nullopt;
  std::string plain(packed->size() - nonce_bytes - tag_bytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes_of(plain), nullptr, nullptr, bytes_of(*packed) + nonce_bytes,
                                                 packed->size() - nonce_bytes, bytes_of(place), place.size(),
                                                 bytes_of(*packed), bytes_of(bytes())) != 0)
    return std::nullopt;
  return Confidential(std::move(plain));
}

}  // namespace secrets
