#pragma once
// multipart/form-data (RFC 7578) as it arrives: a part's bytes are handed on as they come, nothing is kept but its
// head.
#include <atrium/http.hpp>

#include <algorithm>
#include <functional>
#include <map>

namespace atrium {

/// A part's head. The names are as the client wrote them: a filename is for people, never a path.
struct MultipartPart {
  std::string name;
  std::optional<std::string> filename;
  std::string type;  ///< the part's Content-Type; empty when it has none
};

struct MultipartLimits {
  std::size_t parts = 32;
  std::size_t head_bytes = 8192;      ///< of one part
  std::size_t outside_bytes = 65536;  ///< before the first part and after the last
};

/// What a part's owner wants to know, in order: begin, data any number of times, end. Each may throw: that ends the
/// request.
struct MultipartEvents {
  std::function<void(const MultipartPart&)> begin{};
  std::function<void(std::string_view)> data{};
  std::function<void()> end{};
};

namespace detail {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}
inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A header's value with parameters: form-data; name="file"; filename="a.txt". nullopt when it is not well formed.
struct ParameterList {
  std::string_view value;
  std::map<std::string, std::string, std::less<>> parameters;

  static std::optional<ParameterList> read(std::string_view text) {
    ParameterList list;
    list.value = trimmed(text.substr(0, text.find(';')));
    text.remove_prefix(std::min(text.find(';'), text.size()));
    while (!text.empty()) {
      text = trimmed(text.substr(1));  // behind the semicolon
      if (text.empty()) break;
      const auto equals = text.find('=');
      if (equals == text.npos) return std::nullopt;
      std::string name(trimmed(text.substr(0, equals)));
      for (char& c : name) c = lower(c);
      text = trimmed(text.substr(equals + 1));
      auto content = text.starts_with('"') ? take_quoted(text) : take_token(text);
      text = trimmed(text);
      if (name.empty() || !content || (!text.empty() && text.front() != ';')) return std::nullopt;
      if (!list.parameters.emplace(std::move(name), std::move(*content)).second) return std::nullopt;
    }
    return list;
  }
  std::optional<std::string> find(std::string_view name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  static std::optional<std::string> take_token(std::string_view& text) {
    const auto end = std::min(text.find(';'), text.size());
    std::string out(trimmed(text.substr(0, end)));
    text.remove_prefix(end);
    return out;
  }
  // Only \" and \\ are escapes: some browsers put a path with plain backslashes there.
  static std::optional<std::string> take_quoted(std::string_view& text) {
    std::string out;
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (text[i] == '"') {
        text.remove_prefix(i + 1);
        return out;
      }
      if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
      out += text[i];
    }
    return std::nullopt;
  }
};

inline int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}
/// Decodes %XX where `wanted` says so of the byte.
template <class F>
std::string percent_decoded(std::string_view text, F&& wanted) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low >= 0 && wanted(static_cast<char>(high * 16 + low))) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace detail

/// A push parser: feed() takes the body in pieces of any size. Bodies that are none are answered with 400, requests of
/// another type with 415.
class MultipartParser {
 public:
  MultipartParser(std::string_view content_type, MultipartEvents events, MultipartLimits limits = {})
      : delimiter_("\r\n--" + boundary_of(content_type)), events_(std::move(events)), limits_(limits) {}

  void feed(std::string_view piece) {
    while (!piece.empty()) switch (state_) {
        case State::preamble:
        case State::data:
          take_data(piece);
          break;
        case State::delimiter:
          take_delimiter(piece);
          break;
        case State::head:
          take_head(piece);
          break;
        case State::epilogue:
          count_outside(piece.size());
          return;
      }
  }
  /// The body has ended; throws unless its last boundary was there.
  void finish() const {
    if (state_ != State::epilogue) throw bad_request("The multipart body ends before its closing boundary.");
  }

 private:
  enum class State : std::uint8_t { preamble, delimiter, head, data, epilogue };
  static constexpr std::size_t max_padding = 256;

  static std::string boundary_of(std::string_view content_type) {
    const auto list = detail::ParameterList::read(content_type);
    const auto type = list ? list->value : detail::trimmed(content_type.substr(0, content_type.find(';')));
    if (!detail::same_word(type, "multipart/form-data"))
      throw Problem(415, "unsupported-media-type", "The body is of a kind that is not taken here",
                    "Send the body as multipart/form-data.");
    auto boundary = list ? list->find("boundary").value_or("") : std::string();
    const bool printable = std::all_of(boundary.begin(), boundary.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (boundary.empty() || boundary.size() > 70 || boundary.back() == ' ' || !printable)
      throw bad_request("Content-Type must name a boundary of 1 to 70 printable characters.");
    return boundary;
  }

  void count_outside(std::size_t bytes) {
    outside_ += bytes;
    if (outside_ > limits_.outside_bytes) throw bad_request("The multipart body has too many bytes outside its parts.");
  }
  void emit(std::string_view bytes) {
    if (bytes.empty()) return;
    if (state_ == State::preamble)
      count_outside(bytes.size());
    else if (events_.data)
      events_.data(bytes);
  }

  /// Hands on bytes until a delimiter. Of one that the piece's end cuts only the length so far is kept. The one CR in
  /// it is its first byte: a match that fails holds no other match's beginning.
  void take_data(std::string_view& piece) {
    if (matched_ > 0 && !go_on_matching(piece)) return;
    if (const auto found = piece.find(delimiter_); found != piece.npos) {
      emit(piece.substr(0, found));
      piece.remove_prefix(found + delimiter_.size());
      return begin_delimiter();
    }
    const auto cr = std::min(piece.rfind('\r'), piece.size());
    if (std::string_view(delimiter_).starts_with(piece.substr(cr))) matched_ = piece.size() - cr;
    emit(piece.substr(0, piece.size() - matched_));
    piece = {};
  }
  /// False: the piece is used up, or the delimiter is complete.
  bool go_on_matching(std::string_view& piece) {
    std::size_t used = 0;
    while (used < piece.size() && matched_ < delimiter_.size() && piece[used] == delimiter_[matched_])
      ++used, ++matched_;
    piece.remove_prefix(used);
    if (matched_ == delimiter_.size()) return begin_delimiter(), false;
    if (piece.empty()) return false;
    emit(std::string_view(delimiter_).substr(0, std::exchange(matched_, 0)));  // it was data after all
    return true;
  }

  void begin_delimiter() {
    if (state_ == State::data && events_.end) events_.end();
    state_ = State::delimiter;
    matched_ = 0;
    line_.clear();
  }
  /// Behind the boundary: "--" ends the body, the end of the line begins a part.
  void take_delimiter(std::string_view& piece) {
    line_ += piece.front();
    piece.remove_prefix(1);
    if (line_ == "--") {
      state_ = State::epilogue;
    } else if (line_.ends_with("\r\n") && detail::trimmed(line_) == "\r\n") {
      state_ = State::head;
      part_ = {};
      head_bytes_ = 0;
      line_.clear();
    } else if (const auto rest = detail::trimmed(line_);
               line_.size() > max_padding || (!rest.empty() && rest != "\r" && line_ != "-")) {
      throw bad_request("The multipart body has something else where a boundary's line should end.");
    }
  }

  void take_head(std::string_view& piece) {
    const auto end = piece.find('\n');
    const auto taken = piece.substr(0, end == piece.npos ? end : end + 1);
    piece.remove_prefix(taken.size());
    head_bytes_ += taken.size();
    if (head_bytes_ > limits_.head_bytes)
      throw bad_request("A part's head is larger than the " + std::to_string(limits_.head_bytes) + " bytes allowed.");
    line_ += taken;
    if (end == taken.npos) return;
    if (!line_.ends_with("\r\n")) throw bad_request("The lines of a part's head must end with CR LF.");
    line_.resize(line_.size() - 2);
    if (line_.empty()) return begin_part();
    read_field(line_);
    line_.clear();
  }
  void read_field(std::string_view line) {
    const auto colon = line.find(':');
    const bool control = std::any_of(line.begin(), line.end(), [](unsigned char c) { return c < ' ' && c != '\t'; });
    if (control || colon == line.npos || colon == 0 || line.front() == ' ' || line.front() == '\t')
      throw bad_request("A part's head has a line that is no header.");
    const auto name = line.substr(0, colon), value = detail::trimmed(line.substr(colon + 1));
    if (detail::same_word(name, "content-disposition")) return read_disposition(value);
    if (detail::same_word(name, "content-type")) part_.type = value;
    if (detail::same_word(name, "content-transfer-encoding") && !detail::same_word(value, "binary") &&
        !detail::same_word(value, "8bit") && !detail::same_word(value, "7bit"))
      throw bad_request("Send the bytes of a part as they are, without a Content-Transfer-Encoding.");
  }
  void read_disposition(std::string_view value) {
    const auto list = detail::ParameterList::read(value);
    const auto name = list ? list->find("name") : std::nullopt;
    if (!name || name->empty() || !part_.name.empty() || !detail::same_word(list->value, "form-data"))
      throw bad_request("A part needs one Content-Disposition: form-data; name=\"...\".");
    part_.name = unescaped(*name);
    if (const auto plain = list->find("filename")) part_.filename = unescaped(*plain);
    if (const auto extended = list->find("filename*")) {
      const auto mark = extended->find('\'');
      const auto second = mark == extended->npos ? mark : extended->find('\'', mark + 1);
      if (second == extended->npos || !detail::same_word(std::string_view(*extended).substr(0, mark), "utf-8"))
        throw bad_request("filename* must be written as UTF-8''NAME, percent-encoded.");
      part_.filename =
          detail::percent_decoded(std::string_view(*extended).substr(second + 1), [](char) { return true; });
    }
  }
  /// Browsers write a quote, CR and LF of a name as %22, %0D and %0A, and nothing else.
  static std::string unescaped(std::string_view name) {
    return detail::percent_decoded(name, [](char c) { return c == '"' || c == '\r' || c == '\n'; });
  }
  void begin_part() {
    if (part_.name.empty()) throw bad_request("A part needs one Content-Disposition: form-data; name=\"...\".");
    if (++parts_ > limits_.parts)
      throw bad_request("The multipart body has more than " + std::to_string(limits_.parts) + " parts.");
    state_ = State::data;
    if (events_.begin) events_.begin(part_);
  }

  const std::string delimiter_;
  const MultipartEvents events_;
  const MultipartLimits limits_;
  State state_ = State::preamble;
  std::size_t matched_ = 2;  // of delimiter_: the first one needs no line before it
  std::size_t head_bytes_ = 0, parts_ = 0, outside_ = 0;
  std::string line_;
  MultipartPart part_;
};

/// Reads a request's body to its end. The route says body_type "stream" and describes the form in `body`.
inline Async<void> read_multipart(const Request& request, MultipartEvents events, MultipartLimits limits = {}) {
  MultipartParser parser(request.header("content-type").value_or(""), std::move(events), limits);
  BodyReader body(request);
  for (;;) {
    const auto piece = co_await body.next();
    if (!piece) break;
    parser.feed(*piece);
  }
  parser.finish();
}

}  // namespace atrium
