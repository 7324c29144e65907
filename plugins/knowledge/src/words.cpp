#include "words.hpp"

#include <libstemmer.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace knowledge {
namespace {

// The words that Lucene's English analyser leaves out, in alphabetical order.
constexpr std::array<std::string_view, 33> too_common = {
    "a",     "an",   "and",   "are",   "as",   "at",   "be",  "but", "by",  "for",  "if",
    "in",    "into", "is",    "it",    "no",   "not",  "of",  "on",  "or",  "such", "that",
    "their", "then", "there", "these", "they", "this", "the", "to",  "was", "will", "with"};

constexpr bool is_ascii_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
enum class Byte : std::uint8_t { word, gap, other };
constexpr auto kinds = [] {
  std::array<Byte, 256> kinds{};
  for (std::size_t i = 0; i < kinds.size(); ++i)
    kinds[i] = i >= 0x80 ? Byte::other : is_ascii_word(static_cast<char>(i)) ? Byte::word : Byte::gap;
  return kinds;
}();
/// The first place from `at` on where no byte of this kind is: most of a text is passed over here.
std::size_t skip(std::string_view text, std::size_t at, Byte kind) {
  while (at < text.size() && kinds[static_cast<unsigned char>(text[at])] == kind) ++at;
  return at;
}
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_word(std::int32_t c) {
  if (c < 0x80) return c > 0 && is_ascii_word(static_cast<char>(c));
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;  // letters, marks and numbers
}
/// Written without spaces between words.
bool stands_alone(std::int32_t c) {
  return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}
bool is_apostrophe(std::int32_t c) { return c == '\'' || c == 0x2019; }

}  // namespace

Words::~Words() {
  if (stemmer_) sb_stemmer_delete(stemmer_);
}

void Words::restart(std::string_view text) {
  text_ = text;
  at_ = begin_ = end_ = 0;
}

/// The character at a place, or -1 where there is none; size: of its bytes.
std::int32_t Words::read(std::size_t at, std::size_t& size) const {
  size = 1;
  if (at >= text_.size()) return -1;
  const auto byte = static_cast<unsigned char>(text_[at]);
  if (byte < 0x80) return byte;
  utf8proc_int32_t c = -1;
  const auto left = static_cast<utf8proc_ssize_t>(text_.size() - at);
  const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text_.data()) + at, left, &c);
  if (n > 0) size = static_cast<std::size_t>(n);
  return c;
}

bool Words::next() {
  std::size_t size = 0;
  std::int32_t c = -1;
  for (;; at_ += size) {
    at_ = skip(text_, at_, Byte::gap);
    if (at_ >= text_.size()) return false;
    c = read(at_, size);
    if (is_word(c)) break;
  }
  begin_ = at_;
  ascii_ = true;
  const bool alone = stands_alone(c);
  for (;;) {
    ascii_ = ascii_ && c < 0x80;
    at_ += size;
    if (!alone) at_ = skip(text_, at_, Byte::word);
    end_ = at_;
    if (alone) break;
    c = read(at_, size);
    if (is_apostrophe(c)) {  // inside a word it is passed over: don't, l'eau
      std::size_t after_size = 0;
      const auto after = read(at_ + size, after_size);
      if (!is_word(after) || stands_alone(after)) break;
      ascii_ = ascii_ && size == 1;
      at_ += size;
      c = after;
      size = after_size;
    }
    if (!is_word(c) || stands_alone(c)) break;
  }
  return true;
}

char Words::first_letter() const { return ascii_ ? lower(text_[begin_]) : '\0'; }

bool Words::is_too_common() {
  constexpr std::size_t longest = 2 * 5 - 1;  // five letters with apostrophes between them
  if (!ascii_) return term().empty();
  if (end_ - begin_ > longest) return false;
  fold_ascii();
  return std::find(too_common.begin(), too_common.end(), term_) != too_common.end();
}

std::string_view Words::term() {
  if (ascii_)
    fold_ascii();
  else
    fold_unicode();
  if (std::find(too_common.begin(), too_common.end(), term_) != too_common.end()) return {};
  if (std::all_of(term_.begin(), term_.end(), [](char c) { return c >= 'a' && c <= 'z'; })) stem();
  if (term_.size() > longest_term) {
    std::size_t cut = longest_term;
    while (cut > 0 && (static_cast<unsigned char>(term_[cut]) & 0xc0) == 0x80) --cut;
    term_.resize(cut);
  }
  return term_;
}

void Words::fold_ascii() {
  term_.clear();
  for (std::size_t i = begin_; i < end_; ++i)
    if (text_[i] != '\'') term_ += lower(text_[i]);
}

void Words::fold_unicode() {
  term_.clear();
  constexpr auto how = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                                      UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_STRIPMARK);
  utf8proc_uint8_t* folded = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text_.data()) + begin_,
                                 static_cast<utf8proc_ssize_t>(end_ - begin_), &folded, how);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(folded, &std::free);
  if (size < 0) return;
  for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
    const auto c = static_cast<char>(folded[i]);
    const bool curly =
        folded[i] == 0xe2 && i + 2 < static_cast<std::size_t>(size) && folded[i + 1] == 0x80 && folded[i + 2] == 0x99;
    if (curly)
      i += 2;
    else if (folded[i] > ' ' && c != '\'')
      term_ += c;
  }
}

void Words::stem() {
  if (!stemmer_) stemmer_ = sb_stemmer_new("english", "UTF_8");
  if (!stemmer_) return;  // only without memory
  const auto* stemmed = sb_stemmer_stem(stemmer_, reinterpret_cast<const sb_symbol*>(term_.data()),
                                        static_cast<int>(std::min<std::size_t>(term_.size(), 1024)));
  if (stemmed)
    term_.assign(reinterpret_cast<const char*>(stemmed), static_cast<std::size_t>(sb_stemmer_length(stemmer_)));
}

}  // namespace knowledge
