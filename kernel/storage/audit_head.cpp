#include "storage/audit_head.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <system_error>

namespace kernel::storage {
namespace {

constexpr std::size_t digits = 20, code_length = 64, record_bytes = digits + 1 + code_length + 1;
using Record = std::array<char, record_bytes + 1>;

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), "cannot use " + path.string());
}

/// Two processes of one installation may write at once.
class Locked {
 public:
  explicit Locked(int file) : file_(file) { flock(file_, LOCK_EX); }
  ~Locked() { flock(file_, LOCK_UN); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  int file_;
};

}  // namespace

AuditHead::AuditHead(const std::filesystem::path& file)
    : file_(open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)), path_(file) {
  if (!file_) fail(path_);
}

AuditHead::Point AuditHead::read() const {
  Record record{};
  if (pread(file_.get(), record.data(), record_bytes, 0) != static_cast<ssize_t>(record_bytes)) return {};
  Point point;
  const auto [end, error] = std::from_chars(record.data(), record.data() + digits, point.sequence);
  if (error != std::errc{} || end != record.data() + digits) return {};
  point.code.assign(record.data() + digits + 1, code_length);
  return point;
}

void AuditHead::advance(const Point& newest) {
  const Locked locked(file_.get());
  if (read().sequence >= newest.sequence) return;
  Record record{};
  std::snprintf(record.data(), record.size(), "%0*lld %s\n", static_cast<int>(digits),
                static_cast<long long>(newest.sequence), newest.code.c_str());
  if (pwrite(file_.get(), record.data(), record_bytes, 0) != static_cast<ssize_t>(record_bytes)) fail(path_);
}

}  // namespace kernel::storage
