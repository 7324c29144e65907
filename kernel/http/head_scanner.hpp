#pragma once
// Finds the end of a request head as its bytes arrive, and refuses what no lenient parser may ever see.
#include <cstddef>
#include <string>
#include <string_view>

namespace kernel::http {

/// Why a request is refused: what Dispatcher::refusal() gets. status 0: no fault.
struct Fault {
  int status = 0;
  std::string detail;
  explicit operator bool() const { return status != 0; }
};

/// Looks at each byte once, however the head is cut into pieces.
class HeadScanner {
 public:
  explicit HeadScanner(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// `head` begins with the request line and only grows from call to call. Returns the length of the complete head, its
  /// empty line included, or 0 while more is needed or when `fault` is set.
  std::size_t scan(std::string_view head, Fault& fault);
  void reset() { line_start_ = scanned_ = 0; }

 private:
  bool check_line(std::string_view line, Fault& fault) const;

  std::size_t max_bytes_;
  std::size_t line_start_ = 0;
  std::size_t scanned_ = 0;
};

}  // namespace kernel::http
