#include "config/data_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>

namespace kernel::config {

DataDirectory::DataDirectory(const std::filesystem::path& path) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path, error);
  if (error) {
    throw std::runtime_error("cannot make the data directory " + path.string() + ": " + error.message() +
                             "; choose another by --data");
  }
  if (made) chmod(path.c_str(), 0700);
  const auto file = path / "lock";
  lock_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) {
    throw std::runtime_error("cannot write into the data directory " + path.string() + ": " + std::strerror(errno) +
                             "; make this user its owner, or choose another by --data");
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const auto length = pread(lock_, holder, sizeof holder - 1, 0);
    close(lock_);
    const auto who = length > 0 ? " (process " + std::string(holder) + ")" : std::string();
    throw std::runtime_error("another kernel" + who + " uses the data directory " + path.string() +
                             "; stop it, or choose another by --data");
  }
  const auto self = std::to_string(getpid());
  if (ftruncate(lock_, 0) != 0 || pwrite(lock_, self.data(), self.size(), 0) < 0) {
    close(lock_);
    throw std::runtime_error("cannot write into " + file.string() + "; is the disk full?");
  }
}

DataDirectory::~DataDirectory() { close(lock_); }

}  // namespace kernel::config
