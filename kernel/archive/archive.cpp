#include "archive/archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

namespace kernel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256 * 1024;

struct Free {
  void operator()(::archive* handle) const { archive_free(handle); }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

la_ssize_t append(::archive*, void* memory, const void* bytes, std::size_t count) {
  static_cast<std::string*>(memory)->append(static_cast<const char*>(bytes), count);
  return static_cast<la_ssize_t>(count);
}

bool stays_inside(std::string_view name) {
  if (name.find('\0') != name.npos) return false;
  for (;;) {
    const auto slash = name.find('/');
    const auto part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == name.npos) return true;
    name.remove_prefix(slash + 1);
  }
}

}  // namespace

struct Writer::State {
  fs::path file, part;
  std::unique_ptr<::archive, Free> handle{archive_write_new()};
  int descriptor = -1;
  std::time_t modified = std::time(nullptr);

  [[noreturn]] void fail(const std::string& why) const {
    throw ArchiveError("cannot write " + file.string() + ": " + why);
  }
  void check(int code) const {
    if (code != ARCHIVE_OK) fail(archive_error_string(handle.get()));
  }
};

Writer::Writer(fs::path file) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.file = std::move(file);
  state.part = state.file.string() + ".part";
  const auto name = state.file.filename().string();
  const bool zstd = name.ends_with(".tar.zst");
  if (!zstd && !name.ends_with(".tar.gz")) state.fail("its name must end in .tar.zst or .tar.gz");
  if (fs::exists(fs::symlink_status(state.file))) state.fail("there is one of this name already; choose another");
  state.descriptor = open(state.part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (state.descriptor < 0) state.fail(std::strerror(errno));
  auto* handle = state.handle.get();
  state.check(zstd ? archive_write_add_filter_zstd(handle) : archive_write_add_filter_gzip(handle));
  state.check(archive_write_set_format_pax_restricted(handle));
  state.check(archive_write_open_fd(handle, state.descriptor));
}

Writer::Writer(std::string& memory) : state_(std::make_unique<State>()) {
  state_->file = "an archive in memory";
  state_->modified = 0;
  auto* handle = state_->handle.get();
  state_->check(archive_write_add_filter_zstd(handle));
  state_->check(archive_write_set_format_pax_restricted(handle));
  state_->check(archive_write_set_bytes_in_last_block(handle, 1));  // else it is filled up with zeros
  state_->check(archive_write_open(handle, &memory, nullptr, append, nullptr));
}

Writer::~Writer() {
  if (!state_) return;
  state_->handle.reset();
  if (state_->descriptor >= 0) {
    close(state_->descriptor);
    unlink(state_->part.c_str());
  }
}

void Writer::add(const std::string& name, std::string_view content) {
  add(name, content.size(), [&content](std::span<char> buffer) {
    const auto count = std::min(buffer.size(), content.size());
    std::copy_n(content.begin(), count, buffer.begin());
    content.remove_prefix(count);
    return count;
  });
}

void Writer::add(const std::string& name, std::uint64_t size, const ReadSome& read) {
  const std::unique_ptr<archive_entry, Free> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_mtime(entry.get(), state_->modified, 0);
  state_->check(archive_write_header(state_->handle.get(), entry.get()));
  std::vector<char> piece(piece_bytes);
  std::uint64_t written = 0;
  while (const auto got = read(piece)) {
    written += got;
    if (written > size) break;
    if (archive_write_data(state_->handle.get(), piece.data(), got) < 0)
      state_->fail(archive_error_string(state_->handle.get()));
  }
  if (written != size) state_->fail(name + " changed while it was read; try again");
}

void Writer::finish() {
  auto& state = *state_;
  state.check(archive_write_close(state.handle.get()));
  if (state.descriptor < 0) return;
  if (fsync(state.descriptor) != 0 || rename(state.part.c_str(), state.file.c_str()) != 0)
    state.fail(std::strerror(errno));
  close(std::exchange(state.descriptor, -1));
}

struct Reader::State {
  fs::path file;
  std::unique_ptr<::archive, Free> handle{archive_read_new()};

  [[noreturn]] void fail(const std::string& why) const {
    throw ArchiveError("cannot read " + file.string() + ": " + why);
  }
  void check(int code) const {
    if (code != ARCHIVE_OK) fail(archive_error_string(handle.get()));
  }
  void expect_tar() const {
    check(archive_read_support_filter_zstd(handle.get()));
    check(archive_read_support_filter_gzip(handle.get()));
    check(archive_read_support_format_tar(handle.get()));
  }
};

Reader::Reader(fs::path file) : state_(std::make_unique<State>()) {
  state_->file = std::move(file);
  state_->expect_tar();
  state_->check(archive_read_open_filename(state_->handle.get(), state_->file.c_str(), piece_bytes));
}

Reader::Reader(std::string_view memory, std::string name) : state_(std::make_unique<State>()) {
  state_->file = std::move(name);
  state_->expect_tar();
  state_->check(archive_read_open_memory(state_->handle.get(), memory.data(), memory.size()));
}

Reader::~Reader() = default;

std::optional<std::string> Reader::next() {
  archive_entry* entry = nullptr;
  for (;;) {
    const int code = archive_read_next_header(state_->handle.get(), &entry);
    if (code == ARCHIVE_EOF) return std::nullopt;
    state_->check(code);
    if (archive_entry_filetype(entry) != AE_IFDIR) break;
  }
  const char* name = archive_entry_pathname(entry);
  const bool plain = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
  if (!plain || !name || !stays_inside(name))
    state_->fail("it holds something that is neither a file nor a folder, or wants to be elsewhere");
  return name;
}

std::size_t Reader::read(std::span<char> buffer) {
  const auto got = archive_read_data(state_->handle.get(), buffer.data(), buffer.size());
  if (got < 0) state_->fail(archive_error_string(state_->handle.get()));
  return static_cast<std::size_t>(got);
}

}  // namespace kernel::archive
