#include "storage/sql_text.hpp"

#include <algorithm>

namespace kernel::storage {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '$'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

void SqlScanner::skip_blanks() {
  while (at_ < sql_.size()) {
    if (is_space(sql_[at_])) {
      ++at_;
    } else if (sql_.substr(at_, 2) == "--") {
      at_ = std::min(sql_.find('\n', at_), sql_.size());
    } else if (sql_.substr(at_, 2) == "/*") {
      const auto end = sql_.find("*/", at_ + 2);
      at_ = end == std::string_view::npos ? sql_.size() : end + 2;
    } else {
      return;
    }
  }
}

std::size_t SqlScanner::quoted_end(char quote) const {
  for (auto i = at_ + 1; i < sql_.size(); ++i) {
    if (sql_[i] != quote) continue;
    if (i + 1 < sql_.size() && sql_[i + 1] == quote) {
      ++i;  // doubled: the quote itself
    } else {
      return i + 1;
    }
  }
  return sql_.size();
}

std::size_t SqlScanner::dollar_quoted_end() const {
  auto tag_end = at_ + 1;
  while (tag_end < sql_.size() && continues_name(sql_[tag_end]) && sql_[tag_end] != '$') ++tag_end;
  if (tag_end >= sql_.size() || sql_[tag_end] != '$' || is_digit(sql_[at_ + 1])) return at_ + 1;
  const auto tag = sql_.substr(at_, tag_end + 1 - at_);
  const auto end = sql_.find(tag, tag_end + 1);
  return end == std::string_view::npos ? sql_.size() : end + tag.size();
}

Token SqlScanner::next() {
  skip_blanks();
  if (at_ >= sql_.size()) return {TokenKind::end, {}, sql_.size()};
  const auto begin = at_;
  const char c = sql_[at_];
  auto kind = TokenKind::punctuation;
  auto end = at_ + 1;
  if (starts_name(c)) {
    kind = TokenKind::word;
    while (end < sql_.size() && continues_name(sql_[end])) ++end;
  } else if (c == '\'') {
    kind = TokenKind::literal;
    end = quoted_end(c);
  } else if (c == '"' || c == '`') {
    kind = TokenKind::quoted_name;
    end = quoted_end(c);
  } else if (c == '$') {
    end = dollar_quoted_end();
    if (end > at_ + 1) kind = TokenKind::literal;
  } else if (is_digit(c)) {
    kind = TokenKind::literal;
    while (end < sql_.size() && (continues_name(sql_[end]) || sql_[end] == '.')) ++end;
  } else if (c == '?') {
    kind = TokenKind::placeholder;
  }
  at_ = end;
  return {kind, sql_.substr(begin, end - begin), begin};
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::string table_name(const Token& token, Dialect dialect) {
  if (token.kind != TokenKind::quoted_name) return lowered(token.text);
  std::string name;
  const char quote = token.text.front();
  for (std::size_t i = 1; i + 1 < token.text.size(); ++i) {
    name += token.text[i];
    if (token.text[i] == quote) ++i;
  }
  return dialect == Dialect::sqlite ? lowered(name) : name;
}

bool is_word(const Token& token, std::string_view keyword) {
  return token.kind == TokenKind::word && token.text.size() == keyword.size() &&
         std::equal(keyword.begin(), keyword.end(), token.text.begin(), [](char k, char t) { return k == lower(t); });
}

std::string first_word(std::string_view sql) {
  const auto token = SqlScanner(sql).next();
  return token.kind == TokenKind::word ? lowered(token.text) : std::string(token.text);
}

std::string numbered_placeholders(std::string_view sql, const std::vector<int>& as_text) {
  SqlScanner scanner(sql);
  std::string result;
  result.reserve(sql.size() + 32);
  int number = 0;
  std::size_t previous_end = 0;
  for (auto token = scanner.next(); token.kind != TokenKind::end; token = scanner.next()) {
    if (token.offset != previous_end) result += ' ';
    if (token.kind == TokenKind::placeholder) {
      result += '$' + std::to_string(++number);
      if (std::find(as_text.begin(), as_text.end(), number) != as_text.end()) result += "::text";
    } else {
      result += token.text;
    }
    previous_end = token.offset + token.text.size();
  }
  return result;
}

std::vector<std::string> split_statements(std::string_view file) {
  std::vector<std::string> statements;
  SqlScanner scanner(file);
  std::size_t begin = 0;
  bool blank = true, creates = false, trigger = false;
  int words = 0, blocks = 0;  // BEGIN and CASE opened inside a trigger
  const auto finish = [&](std::size_t end) {
    if (!blank) statements.emplace_back(file.substr(begin, end - begin));
    blank = true;
    creates = trigger = false;
    words = blocks = 0;
  };
  for (auto token = scanner.next(); token.kind != TokenKind::end; token = scanner.next()) {
    if (token.text == ";" && blocks == 0) {
      finish(token.offset);
      continue;
    }
    if (blank) begin = token.offset;
    blank = false;
    if (token.kind != TokenKind::word) continue;
    if (++words == 1) creates = is_word(token, "create");
    if (creates && words <= 3 && is_word(token, "trigger")) trigger = true;  // CREATE [TEMP] TRIGGER
    if (trigger && (is_word(token, "begin") || (blocks > 0 && is_word(token, "case")))) ++blocks;
    if (trigger && blocks > 0 && is_word(token, "end")) --blocks;
  }
  finish(file.size());
  return statements;
}

}  // namespace kernel::storage
