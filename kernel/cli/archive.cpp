#include "cli/archive.hpp"

#include "cli/failure.hpp"

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

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 256 * 1024;

struct Free {
  void operator()(archive* handle) const { archive_free(handle); }
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

bool stays_inside(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos) return false;
  for (const auto& part : fs::path(name)) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

}  // namespace

struct ArchiveWriter::State {
  fs::path file, part;
  std::unique_ptr<archive, Free> handle{archive_write_new()};
  int descriptor = -1;

  [[noreturn]] void fail(const std::string& why) const { throw Failure("cannot write " + file.string() + ": " + why); }
  void check(int code) const {
    if (code != ARCHIVE_OK) fail(archive_error_string(handle.get()));
  }
};

ArchiveWriter::ArchiveWriter(fs::path file) : state_(std::make_unique<State>()) {
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

ArchiveWriter::~ArchiveWriter() {
  if (!state_) return;
  state_->handle.reset();
  if (state_->descriptor >= 0) {
    close(state_->descriptor);
    unlink(state_->part.c_str());
  }
}

void ArchiveWriter::add(const std::string& name, std::string_view content) {
  add(name, content.size(), [&content](std::span<char> buffer) {
    const auto count = std::min(buffer.size(), content.size());
    std::copy_n(content.begin(), count, buffer.begin());
    content.remove_prefix(count);
    return count;
  });
}

void ArchiveWriter::add(const std::string& name, std::uint64_t size, const ReadSome& read) {
  const std::unique_ptr<archive_entry, Free> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_mtime(entry.get(), std::time(nullptr), 0);
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

void ArchiveWriter::finish() {
  auto& state = *state_;
  state.check(archive_write_close(state.handle.get()));
  if (fsync(state.descriptor) != 0 || rename(state.part.c_str(), state.file.c_str()) != 0)
    state.fail(std::strerror(errno));
  close(std::exchange(state.descriptor, -1));
}

struct ArchiveReader::State {
  fs::path file;
  std::unique_ptr<archive, Free> handle{archive_read_new()};

  [[noreturn]] void fail(const std::string& why) const { throw Failure("cannot read " + file.string() + ": " + why); }
  void check(int code) const {
    if (code != ARCHIVE_OK) fail(archive_error_string(handle.get()));
  }
};

ArchiveReader::ArchiveReader(fs::path file) : state_(std::make_unique<State>()) {
  auto& state = *state_;
  state.file = std::move(file);
  auto* handle = state.handle.get();
  state.check(archive_read_support_filter_zstd(handle));
  state.check(archive_read_support_filter_gzip(handle));
  state.check(archive_read_support_format_tar(handle));
  state.check(archive_read_open_filename(handle, state.file.c_str(), piece_bytes));
}

ArchiveReader::~ArchiveReader() = default;

std::optional<std::string> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  for (;;) {
    const int code = archive_read_next_header(state_->handle.get(), &entry);
    if (code == ARCHIVE_EOF) return std::nullopt;
    state_->check(code);
    if (archive_entry_filetype(entry) != AE_IFDIR) break;
  }
  const char* name = archive_entry_pathname(entry);
  const bool plain = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
  if (!plain || !name || !stays_inside(name)) state_->fail("it holds something that no backup of Atrium holds");
  return name;
}

std::size_t ArchiveReader::read(std::span<char> buffer) {
  const auto got = archive_read_data(state_->handle.get(), buffer.data(), buffer.size());
  if (got < 0) state_->fail(archive_error_string(state_->handle.get()));
  return static_cast<std::size_t>(got);
}

}  // namespace kernel::cli
