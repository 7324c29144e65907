#pragma once
#include <string_view>

namespace kernel::auth {

/// The 30,000 passwords that people choose most, in lower case and byte order, each followed by a line feed. Part of
/// the program file, so that processes share it and nothing is allocated. Made by common_passwords/generate.py.
extern const std::string_view common_password_list;

/// Whether a guesser tries this early: a listed password, also with digits and signs around it or repeated; one short
/// piece again and again; a run such as 0123456789. Case does not count. [any thread]
bool is_common_password(std::string_view password);

/// Whether it is the name, with digits and signs around it at most. Case does not count.
bool is_made_of(std::string_view password, std::string_view name);

}  // namespace kernel::auth
