#include "http/websocket_handshake.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace kernel::http {
namespace {

bool equals_no_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 0x20) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

bool has_token(const RequestHead& head, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : head.headers) {
    if (key != name) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      auto part = rest.substr(0, comma);
      while (!part.empty() && (part.front() == ' ' || part.front() == '\t')) part.remove_prefix(1);
      while (!part.empty() && (part.back() == ' ' || part.back() == '\t')) part.remove_suffix(1);
      if (equals_no_case(part, token)) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

/// Sixteen bytes in base64: 22 characters and "==".
bool valid_key(std::string_view key) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") &&
         key.substr(0, 22).find_first_not_of(alphabet) == std::string_view::npos;
}

}  // namespace

bool is_websocket_handshake(const RequestHead& head) {
  return head.method == Method::get && !head.has_body && head.headers.find("sec-websocket-key") &&
         has_token(head, "upgrade", "websocket") && has_token(head, "connection", "upgrade") &&
         head.headers.get("sec-websocket-version") == "13" && valid_key(head.headers.get("sec-websocket-key"));
}

Fault handshake_fault(const RequestHead& head) {
  if (!has_token(head, "upgrade", "websocket")) return {426, "This path speaks WebSocket only."};
  if (head.headers.get("sec-websocket-version") != "13") return {426, "WebSocket version 13 is required."};
  return {400, "The WebSocket handshake is malformed."};
}

std::string websocket_accept(std::string_view key) {
  const auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  std::array<unsigned char, 32> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), digest.size());
  return {encoded.begin(), encoded.begin() + length};
}

}  // namespace kernel::http
