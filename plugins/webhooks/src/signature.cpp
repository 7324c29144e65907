#include "signature.hpp"

#include <sodium.h>

#include <array>

namespace webhooks {
namespace {

constexpr std::string_view prefix = "whsec_";
constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
constexpr std::size_t least = 24, most = 64, made = 32;

std::string base64(const unsigned char* bytes, std::size_t size) {
  std::string out(sodium_base64_encoded_len(size, variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes, size, variant);
  out.pop_back();  // its NUL
  return out;
}

}  // namespace

std::string make_secret() {
  std::array<unsigned char, made> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  return std::string(prefix) + base64(bytes.data(), bytes.size());
}

std::optional<std::string> key_of(std::string_view secret) {
  if (!secret.starts_with(prefix)) return std::nullopt;
  secret.remove_prefix(prefix.size());
  std::string key(most + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(key.data()), key.size(), secret.data(), secret.size(), nullptr,
                        &size, &end, variant) != 0 ||
      end != secret.data() + secret.size() || size < least || size > most)
    return std::nullopt;
  key.resize(size);
  return key;
}

std::string sign(std::string_view key, std::string_view id, std::int64_t timestamp, std::string_view body) {
  const auto bytes = [](std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  std::string head(id);
  head.append(".").append(std::to_string(timestamp)).append(".");
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(head), head.size());
  crypto_auth_hmacsha256_update(&state, bytes(body), body.size());
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac;
  crypto_auth_hmacsha256_final(&state, mac.data());
  return "v1," + base64(mac.data(), mac.size());
}

}  // namespace webhooks
