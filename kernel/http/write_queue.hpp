#pragma once
// Bytes on their way to one socket: a few owned strings and shared frames, handed to the kernel many at a time.
#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::http {

class WriteQueue {
 public:
  /// The string to append small writes to; call appended() afterwards with the number of bytes added.
  std::string& tail();
  void appended(std::size_t bytes) { size_ += bytes; }
  void append(std::string_view bytes);
  /// Takes a large string without copying it; a small one is copied behind the others.
  void push(std::string&& bytes);
  void push(std::shared_ptr<const std::string> shared);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Points up to `most` vectors at what is next to go; returns how many.
  int gather(iovec* vectors, int most) const;
  void consume(std::size_t bytes);
  /// Forgets what has not begun to go. Strings that hold any of the next `keep` bytes, or of which a part has gone,
  /// stay.
  void drop_unbegun(std::size_t keep);

 private:
  struct Piece {
    std::string own;
    std::shared_ptr<const std::string> shared;
    const std::string& text() const { return shared ? *shared : own; }
  };
  void reset();

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;   // index of the first piece not wholly sent
  std::size_t offset_ = 0;  // bytes of it already sent
  std::size_t size_ = 0;
};

}  // namespace kernel::http
