#include "auth/private_file.hpp"

#include "auth/encoding.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace kernel::auth {
namespace {

constexpr std::size_t max_bytes = 4096;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what, int error) {
  throw PrivateFileError(file.string() + ": " + what + ": " + std::generic_category().message(error));
}

void write_all(const Descriptor& fd, std::string_view content, const std::filesystem::path& file) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file, "cannot be written", errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) fail(file, "cannot be written to disk", errno);
}

std::string read_all(const Descriptor& fd, const std::filesystem::path& file) {
  std::string content;
  std::array<char, 512> piece;
  for (;;) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(file, "cannot be read", errno);
    if (got == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(got));
    if (content.size() > max_bytes) throw PrivateFileError(file.string() + ": larger than any file of its kind");
  }
}

}  // namespace

void sync_directory(const std::filesystem::path& directory) {
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) fail(directory, "cannot be written to disk", errno);
}

std::string read_private_file(const std::filesystem::path& file) {
  Descriptor fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) fail(file, "cannot be opened", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) fail(file, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) throw PrivateFileError(file.string() + ": is not a regular file");
  if ((status.st_mode & 077) != 0)
    throw PrivateFileError(file.string() + ": other users of this machine can reach this secret; run: chmod 600 " +
                           file.string());
  return read_all(fd, file);
}

bool create_private_file(const std::filesystem::path& file, std::string_view content) {
  // link() puts the finished file in its place in one step, and never over one that another process made meanwhile.
  const std::filesystem::path unfinished = file.string() + ".new-" + sha256_hex(random_bytes(16)).substr(0, 16);
  {
    Descriptor fd(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) fail(unfinished, "cannot be created", errno);
    write_all(fd, content, unfinished);
  }
  const bool created = ::link(unfinished.c_str(), file.c_str()) == 0;
  const int error = errno;
  ::unlink(unfinished.c_str());
  if (!created && error != EEXIST) fail(file, "cannot be created", error);
  sync_directory(file.parent_path());
  return created;
}

void make_private_directory(const std::filesystem::path& directory) {
  std::error_code failure;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), failure);
  if (failure) fail(directory.parent_path(), "cannot be created", failure.value());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail(directory, "cannot be created", errno);
}

}  // namespace kernel::auth
