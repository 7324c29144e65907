#pragma once
// Text as the words that are looked for: cut, folded and stemmed here, so that every database sees the same terms.
#include <cstdint>
#include <string>
#include <string_view>

struct sb_stemmer;

namespace knowledge {

/// Goes through a text word by word. A word is a run of letters and digits; a character of a script that writes no
/// spaces (Han, kana) is a word by itself. `while (words.next()) use(words.term());`
class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}
  Words(const Words&) = delete;
  ~Words();

  /// Begins with another text, and keeps what was costly to make.
  void restart(std::string_view text);
  /// Goes to the next word; false at the end. Bytes that are not UTF-8 separate words.
  bool next();
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }
  /// The first letter of the term, which stemming keeps; 0 where only term() tells.
  char first_letter() const;
  /// Whether term() is empty; mostly told without stemming.
  bool is_too_common();
  /// The word without case, accents and English endings, at most longest_term bytes. Empty: too common to be looked
  /// for. Valid until the next call.
  std::string_view term();

  static constexpr std::size_t longest_term = 64;

 private:
  std::int32_t read(std::size_t at, std::size_t& size) const;
  void fold_ascii();
  void fold_unicode();
  void stem();

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0, end_ = 0;
  bool ascii_ = true;
  std::string term_;
  sb_stemmer* stemmer_ = nullptr;
};

}  // namespace knowledge
