#include "rules.hpp"

#include "connection.hpp"

#include <algorithm>
#include <optional>

namespace ssh {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view fingerprint_prefix = "SHA256:";
constexpr std::size_t fingerprint_digits = 43;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

constexpr std::size_t most_for_a_star = 128, most_with_stars = 4'000;

/// How many characters from `at` may stand for a *, at most.
std::size_t harmless_length(std::string_view command, std::size_t at) {
  constexpr std::string_view marks = "_@%+=:,.-";
  if (at < command.size() && command[at] == '-' && (at == 0 || command[at - 1] == ' ')) return 0;
  std::size_t length = 0;
  for (; length < most_for_a_star && at + length < command.size(); ++length) {
    const char c = command[at + length];
    const char before = at + length == 0 ? ' ' : command[at + length - 1];
    if (!is_alphanumeric(c) && marks.find(c) == marks.npos) break;
    if (c == '.' && before == '.') break;
  }
  return length;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '=') continue;
    const auto digit = alphabet.find(c);
    if (digit == alphabet.npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) out += static_cast<char>(bits >> (held -= 8) & 0xff);
  }
  return out;
}

/// The strings of SSH's encoding: four bytes of length, then the bytes.
std::optional<std::string_view> take_string(std::string_view& from) {
  if (from.size() < 4) return std::nullopt;
  std::size_t length = 0;
  for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(from[static_cast<std::size_t>(i)]);
  from.remove_prefix(4);
  if (from.size() < length) return std::nullopt;
  const auto taken = from.substr(0, length);
  from.remove_prefix(length);
  return taken;
}

std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == text.npos) return {};
  const auto to = text.find(end, from + begin.size());
  return to == text.npos ? std::string_view{} : text.substr(from + begin.size(), to - from - begin.size());
}

KeyFacts openssh_facts(std::string_view body) {
  constexpr std::string_view magic("openssh-key-v1\0", 15);
  const auto decoded = decode_base64(body);
  KeyFacts facts;
  facts.fault = "The secret's private key is damaged: it must hold the file that ssh-keygen wrote, whole.";
  if (!decoded || !decoded->starts_with(magic)) return facts;
  std::string_view rest = std::string_view(*decoded).substr(magic.size());
  const auto cipher = take_string(rest), derivation = take_string(rest), options = take_string(rest);
  if (!cipher || !derivation || !options || rest.size() < 4) return facts;
  rest.remove_prefix(4);  // how many keys: always one
  auto open = take_string(rest);
  const auto type = open ? take_string(*open) : std::nullopt;
  if (!type) return facts;
  return {.type = std::string(*type), .encrypted = *cipher != "none", .fault = {}};
}

}  // namespace

bool is_hostname(const std::string& text) {
  return !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}
bool is_username(const std::string& text) { return std::none_of(text.begin(), text.end(), is_control); }
bool is_fingerprint(const std::string& text) {
  if (!text.starts_with(fingerprint_prefix)) return false;
  const auto digits = std::string_view(text).substr(fingerprint_prefix.size());
  return digits.size() == fingerprint_digits && digits.find_first_not_of(alphabet) == digits.npos;
}

bool matches(std::string_view pattern, std::string_view command) {
  auto star = pattern.find('*');
  if (star == pattern.npos) return pattern == command;
  if (command.size() > most_with_stars || !command.starts_with(pattern.substr(0, star))) return false;
  std::vector<bool> reached(command.size() + 1);  // where the part of the pattern so far may end
  reached[star] = true;
  while (star != pattern.npos) {
    const auto rest = pattern.substr(star + 1);
    const auto literal = rest.substr(0, rest.find('*'));
    std::vector<bool> next(command.size() + 1);
    for (std::size_t at = 0; at < command.size(); ++at) {
      if (!reached[at]) continue;
      const auto most = harmless_length(command, at);
      for (std::size_t length = 1; length <= most; ++length) {
        const auto end = at + length;
        const bool climbs = command[end - 1] == '.' && literal.starts_with('.');
        if (!climbs && command.substr(end).starts_with(literal)) next[end + literal.size()] = true;
      }
    }
    reached = std::move(next);
    star = literal.size() == rest.size() ? pattern.npos : star + 1 + literal.size();
  }
  return reached[command.size()];
}
bool is_allowed(const std::vector<std::string>& patterns, std::string_view command) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return matches(pattern, command); });
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto there = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) bits = bits << 8 | (j < there ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += j <= there ? alphabet[bits >> (18 - 6 * j) & 0x3f] : '=';
  }
  return out;
}

namespace {
/// How long the character at the front is; 0: it is none.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const auto first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0, surrogate = first == 0xed && second > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90, too_high = first == 0xf4 && second > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}
}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}
std::string_view whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto c = static_cast<unsigned char>(text[text.size() - back]);
    if ((c & 0xc0U) == 0x80U) continue;
    const std::size_t needed = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    return needed > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

std::string fingerprint_of(std::string_view sha256) {
  std::string text = base64(sha256);
  text.erase(text.find_last_not_of('=') + 1);
  return std::string(fingerprint_prefix) + text;
}

KeyFacts key_facts(std::string_view text) {
  if (const auto body = between(text, "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----");
      !body.empty())
    return openssh_facts(body);
  const bool encrypted =
      text.find("ENCRYPTED") != text.npos;  // both "Proc-Type: 4,ENCRYPTED" and "BEGIN ENCRYPTED PRIVATE KEY"
  if (text.find("-----BEGIN RSA PRIVATE KEY-----") != text.npos) return {"ssh-rsa", encrypted, {}};
  if (text.find("-----BEGIN EC PRIVATE KEY-----") != text.npos) return {"ecdsa-sha2", encrypted, {}};
  if (text.find("PRIVATE KEY-----") != text.npos) return {{}, encrypted, {}};
  if (text.starts_with("PuTTY-User-Key-File"))
    return {{}, false, "The secret holds a key in PuTTY's format; convert it: puttygen KEY.ppk -O private-openssh-new"};
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-"))
    return {{}, false, "The secret holds a public key; it must hold the private one, the file without .pub."};
  return {{}, false, "The secret holds no private key; it must hold the file that ssh-keygen wrote, whole."};
}

}  // namespace ssh
