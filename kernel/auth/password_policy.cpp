#include "auth/password_policy.hpp"

#include "auth/common_passwords.hpp"

#include <algorithm>
#include <array>

namespace kernel::auth {
namespace {

constexpr std::string_view program = "atrium";

using Number = settings::NumberMember<PasswordPolicy>;
constexpr std::array numbers{
    Number{"min_length", &PasswordPolicy::min_length, 8, 64, "characters", "The least a new password has"},
    Number{"max_length", &PasswordPolicy::max_length, 64, PasswordPolicy::longest, "characters",
           "The most it may have"},
    Number{"history", &PasswordPolicy::history, 0, 12, "passwords",
           "Former passwords of an account that it may not have again"},
};

using Flag = settings::FlagMember<PasswordPolicy>;
constexpr std::array flags{
    Flag{"require_uppercase", &PasswordPolicy::require_uppercase, "A new password needs a letter A to Z"},
    Flag{"require_lowercase", &PasswordPolicy::require_lowercase, "A new password needs a letter a to z"},
    Flag{"require_digit", &PasswordPolicy::require_digit, "A new password needs a digit"},
    Flag{"require_symbol", &PasswordPolicy::require_symbol, "A new password needs something but letters and digits"},
    Flag{"forbid_common", &PasswordPolicy::forbid_common,
         "Refuse passwords that are guessed first: common ones, runs, repetitions, the account's own address"},
};

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_symbol(char c) { return !is_upper(c) && !is_lower(c) && !is_digit(c); }

}  // namespace

std::vector<settings::Definition> PasswordPolicy::definitions() {
  return settings::definitions_of(category, numbers, flags);
}

PasswordPolicy PasswordPolicy::read(const settings::Registry& registry) {
  PasswordPolicy read;
  settings::read_members(read, registry, category, numbers, flags);
  return read;
}

std::optional<std::string> PasswordPolicy::fault_of(std::string_view password, std::string_view email) const {
  if (password.find('\0') != password.npos) return "must not contain U+0000";
  const auto characters = std::count_if(password.begin(), password.end(), [](char c) { return (c & 0xc0) != 0x80; });
  std::string faults;
  const auto add = [&](const std::string& what) { faults += (faults.empty() ? "" : "; ") + what; };
  if (characters < min_length)
    add("must have at least " + std::to_string(min_length) + " characters; a few words in a row are easy to remember");
  if (characters > max_length || password.size() > static_cast<std::size_t>(max_length) * 4)
    add("must have at most " + std::to_string(max_length) + " characters");
  const auto needs = [&](bool wanted, bool (*is)(char), const char* what) {
    if (wanted && std::none_of(password.begin(), password.end(), is)) add(std::string("needs ") + what);
  };
  needs(require_uppercase, is_upper, "an upper-case letter");
  needs(require_lowercase, is_lower, "a lower-case letter");
  needs(require_digit, is_digit, "a digit");
  needs(require_symbol, is_symbol, "a sign such as - or a space");
  if (forbid_common && faults.empty()) {
    if (is_common_password(password) || is_made_of(password, program))
      add("is among the passwords that are guessed first");
    if (is_made_of(password, email) || is_made_of(password, email.substr(0, email.find('@'))))
      add("must not be the account's own address");
  }
  if (faults.empty()) return std::nullopt;
  return faults;
}

}  // namespace kernel::auth
