// Objects as files: DIRECTORY/xx/ID, and DIRECTORY/incoming for what is still being written.
#include "storage/database.hpp"
#include "storage/digest.hpp"
#include "storage/file_descriptor.hpp"
#include "storage/objects.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>

namespace kernel::storage {
namespace {

namespace fs = std::filesystem;

constexpr auto abandoned_after = std::chrono::hours(24);  // an upload takes less

[[noreturn]] void fail(const std::string& what, int error = errno) {
  if (error == ENOENT) throw SqlError(ATRIUM_E_NOT_FOUND, what + ": there is no such object");
  const char* advice = error == ENOSPC || error == EDQUOT ? "; free some space" : "";
  throw SqlError(ATRIUM_E_UNAVAILABLE, what + ": " + std::strerror(error) + advice);
}

void sync_directory(const fs::path& directory) {
  const FileDescriptor handle(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || fsync(handle.get()) != 0) fail("cannot flush " + directory.string());
}

std::chrono::seconds age(const struct stat& info) { return std::chrono::seconds(std::time(nullptr) - info.st_mtime); }

class DiskWriter final : public ObjectWriter {
 public:
  DiskWriter(fs::path incoming, fs::path target)
      : incoming_(std::move(incoming)),
        target_(std::move(target)),
        file_(open(incoming_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    if (!file_) fail("cannot write " + incoming_.string());
  }
  ~DiskWriter() override { unlink(incoming_.c_str()); }

  void append(std::string_view data) override {
    sha256_.update(data);
    size_ += data.size();
    while (!data.empty()) {
      const auto written = write(file_.get(), data.data(), data.size());
      if (written >= 0) {
        data.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        fail("cannot write an object");
      }
    }
  }

  StoredObject finish() override {
    if (fsync(file_.get()) != 0) fail("cannot flush an object");
    const auto directory = target_.parent_path();
    if (mkdir(directory.c_str(), 0700) == 0) {
      sync_directory(directory.parent_path());
    } else if (errno != EEXIST) {
      fail("cannot make " + directory.string());
    }
    // link, not rename: it refuses an id that is taken, also when two finish at once.
    if (link(incoming_.c_str(), target_.c_str()) != 0) {
      if (errno == EEXIST)
        throw SqlError(ATRIUM_E_CONFLICT, "an object with the id " + target_.filename().string() + " exists");
      fail("cannot keep an object");
    }
    sync_directory(directory);
    return {size_, sha256_.hex()};
  }

 private:
  fs::path incoming_, target_;
  FileDescriptor file_;
  Sha256 sha256_;
  std::uint64_t size_ = 0;
};

class DiskReader final : public ObjectReader {
 public:
  DiskReader(FileDescriptor file, std::uint64_t size, std::uint64_t offset, std::uint64_t length)
      : file_(std::move(file)), size_(size), offset_(offset), end_(offset + std::min(length, size - offset)) {}

  std::size_t read(std::span<char> buffer) override {
    std::size_t filled = 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end_ - offset_));
    while (filled < wanted) {
      const auto got = pread(file_.get(), buffer.data() + filled, wanted - filled, static_cast<off_t>(offset_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("cannot read an object");
      if (got == 0) throw SqlError(ATRIUM_E_UNAVAILABLE, "an object is shorter than it was: the disk is damaged");
      filled += static_cast<std::size_t>(got);
      offset_ += static_cast<std::uint64_t>(got);
    }
    return filled;
  }
  std::uint64_t object_size() const override { return size_; }

 private:
  FileDescriptor file_;
  std::uint64_t size_, offset_, end_;
};

class DiskObjects final : public Objects {
 public:
  explicit DiskObjects(fs::path directory) : directory_(std::move(directory)), incoming_(directory_ / "incoming") {
    std::error_code error;
    fs::create_directories(incoming_, error);
    if (error) fail("cannot make " + incoming_.string(), error.value());
    fs::permissions(directory_, fs::perms::owner_all, error);
    remove_abandoned();
  }

  void check() override {
    if (access(incoming_.c_str(), W_OK | X_OK) != 0)
      throw SqlError(ATRIUM_E_UNAVAILABLE, "cannot write in " + incoming_.string() + ": " + std::strerror(errno));
  }

  std::unique_ptr<ObjectWriter> put(std::string_view id) override {
    check_id(id);
    static std::atomic<std::uint64_t> number = 0;
    const auto name = std::string(id) + '.' + std::to_string(getpid()) + '.' + std::to_string(++number);
    return std::make_unique<DiskWriter>(incoming_ / name, path_of(id));
  }

  std::unique_ptr<ObjectReader> get(std::string_view id, std::uint64_t offset, std::uint64_t length) override {
    check_id(id);
    FileDescriptor file(::open(path_of(id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0) fail("object " + std::string(id));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (offset > size)
      throw SqlError(ATRIUM_E_INVALID, "the range begins past the object's end at " + std::to_string(size));
    return std::make_unique<DiskReader>(std::move(file), size, offset, length);
  }

  bool remove(std::string_view id) override {
    check_id(id);
    if (unlink(path_of(id).c_str()) == 0) return true;
    if (errno != ENOENT) fail("cannot remove object " + std::string(id));
    return false;
  }

  void list(const std::function<bool(const std::string&, std::uint64_t, std::chrono::seconds)>& object) override {
    for (const auto& shard : fs::directory_iterator(directory_)) {
      if (!shard.is_directory() || shard.path() == incoming_) continue;
      for (const auto& file : fs::directory_iterator(shard.path())) {
        struct stat info {};
        if (stat(file.path().c_str(), &info) != 0) continue;  // removed meanwhile
        if (!object(file.path().filename().string(), static_cast<std::uint64_t>(info.st_size), age(info))) return;
      }
    }
  }

 private:
  /// Spread over 256 directories, by a hash because ids that begin with the time have common beginnings.
  fs::path path_of(std::string_view id) const {
    std::uint32_t hash = 2166136261U;  // FNV-1a: must stay as it is, the files are found by it
    for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    std::array<char, 3> shard;
    std::snprintf(shard.data(), shard.size(), "%02x", hash & 0xffU);
    return directory_ / shard.data() / id;
  }

  void remove_abandoned() const {
    for (const auto& file : fs::directory_iterator(incoming_)) {
      struct stat info {};
      if (stat(file.path().c_str(), &info) == 0 && age(info) > abandoned_after) unlink(file.path().c_str());
    }
  }

  fs::path directory_, incoming_;
};

}  // namespace

std::unique_ptr<Objects> Objects::open_folder(const std::filesystem::path& folder) {
  return std::make_unique<DiskObjects>(folder);
}

}  // namespace kernel::storage
