#pragma once
// Which commands an allow-list lets through, and how bytes become text. No I/O.
#include <string>
#include <string_view>
#include <vector>

namespace ssh {

/// Equal to the pattern, byte by byte; each * of the pattern stands for one or more of A-Z a-z 0-9 _ @ % + = : , . -
/// and neither begins an argument with '-' nor puts '..' there. So no pattern lets a shell's metacharacter through that
/// the admin did not write, nor another argument, option or folder.
bool matches(std::string_view pattern, std::string_view command);
bool is_allowed(const std::vector<std::string>& patterns, std::string_view command);

std::string base64(std::string_view bytes);
bool is_utf8(std::string_view text);
/// Without the beginning of a character that was cut at the end.
std::string_view whole_characters(std::string_view text);

/// "SHA256:..." as OpenSSH writes it, of the 32 bytes of a hash.
std::string fingerprint_of(std::string_view sha256);

/// What a private key says of itself without being opened.
struct KeyFacts {
  std::string type;  ///< "ssh-ed25519", "ssh-rsa", ...; empty where it cannot be seen
  bool encrypted = false;
  std::string fault;  ///< what is wrong with it, and what to do
};
KeyFacts key_facts(std::string_view text);

}  // namespace ssh
