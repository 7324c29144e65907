#pragma once
// What bytes are, by their own look, and whether that fits what the client said of them.
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace files {

struct Kind {
  std::string type = "application/octet-stream";  ///< which also stands for bytes that nobody knows
  bool is_text = false;
  bool is_empty = false;
};

/// libmagic's handle is for one thread at a time; its database is loaded once.
class Sniffer {
 public:
  static constexpr std::size_t enough = 65536;  ///< the signature that lies deepest, a CD's, is at 32 KiB

  Sniffer();
  ~Sniffer();
  Sniffer(const Sniffer&) = delete;
  /// head: a file's first bytes, `enough` of them or all there are.
  Kind sniff(std::string_view head) const;

 private:
  struct Magic;
  std::unique_ptr<Magic> magic_;
  mutable std::mutex mutex_;
};

/// Whether bytes of this kind may go by the type that the client claims. No claim, and application/octet-stream, fit
/// everything. A claim is refused where the bytes speak against it: they are something else that is known, or they lack
/// the signature that every file of the claimed type has. Text is text, whatever its language; an archive may claim to
/// be a document that is kept in one; sound and moving pictures share containers, as fonts do.
bool fits(std::string_view claim, const Kind& found);

}  // namespace files
