#pragma once
// A compressed tar file, written and read from front to back. Only archive.cpp includes libarchive.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kernel::cli {

/// Fills the buffer; 0 at the end.
using ReadSome = std::function<std::size_t(std::span<char> buffer)>;

/// All of it throws Failure that names the file.
class ArchiveWriter {
 public:
  /// .tar.zst or .tar.gz. Mode 0600; beside `file` until finish(), so that nothing half stands under its name. The
  /// file must not exist.
  explicit ArchiveWriter(std::filesystem::path file);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;

  void add(const std::string& name, std::string_view content);
  void add(const std::string& name, std::uint64_t size, const ReadSome& read);
  /// On the disk when it returns.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ArchiveReader {
 public:
  explicit ArchiveReader(std::filesystem::path file);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;

  /// The name of the next file, relative and without `..`; none at the end. Folders are passed over; anything that is
  /// neither a file nor a folder, or wants to be elsewhere, is refused.
  std::optional<std::string> next();
  /// Of the file that next() named.
  std::size_t read(std::span<char> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kernel::cli
