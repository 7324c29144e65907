#pragma once
// SQL as text: enough of a scanner to find placeholders, statements and table names without being fooled by quotes.
#include "storage/database.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kernel::storage {

enum class TokenKind : std::uint8_t { word, quoted_name, literal, placeholder, punctuation, end };

/// A piece of SQL; spaces and comments never become one.
struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;   ///< as written, quotes included
  std::size_t offset = 0;  ///< of its first byte
};

class SqlScanner {
 public:
  explicit SqlScanner(std::string_view sql) : sql_(sql) {}
  Token next();

 private:
  void skip_blanks();
  std::size_t quoted_end(char quote) const;
  std::size_t dollar_quoted_end() const;

  std::string_view sql_;
  std::size_t at_ = 0;
};

/// ASCII only: SQL's keywords and the names this program uses.
std::string lowered(std::string_view text);
/// A name as the database compares it: unquoted ones in lower case, quoted ones without their quotes.
std::string table_name(const Token& token, Dialect dialect);
/// Is the token this keyword (given in lower case)?
bool is_word(const Token& token, std::string_view keyword);

/// The statement's first word in lower case; empty for blank SQL.
std::string first_word(std::string_view sql);
/// `?` becomes `$1`, `$2`, ... outside of quotes and comments; comments are left out. `as_text` lists the numbers of
/// parameters that get an explicit cast because their place does not tell their type.
std::string numbered_placeholders(std::string_view sql, const std::vector<int>& as_text = {});
/// A file's statements, without the semicolons. Knows quotes, comments, dollar quotes and BEGIN ... END of triggers.
std::vector<std::string> split_statements(std::string_view file);

}  // namespace kernel::storage
