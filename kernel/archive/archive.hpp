#pragma once
// A compressed tar file, on the disk or in memory, written and read from front to back. Only archive.cpp includes
// libarchive.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kernel::archive {

/// Names the file and says what is wrong with it.
class ArchiveError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Fills the buffer; 0 at the end.
using ReadSome = std::function<std::size_t(std::span<char> buffer)>;

/// All of it throws ArchiveError.
class Writer {
 public:
  /// .tar.zst or .tar.gz. Mode 0600; beside `file` until finish(), so that nothing half stands under its name. The
  /// file must not exist.
  explicit Writer(std::filesystem::path file);
  /// .tar.zst appended to `memory`, which outlives this; the same files give the same bytes.
  explicit Writer(std::string& memory);
  ~Writer();
  Writer(const Writer&) = delete;

  void add(const std::string& name, std::string_view content);
  void add(const std::string& name, std::uint64_t size, const ReadSome& read);
  /// Whole, and on the disk, when it returns.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Reader {
 public:
  explicit Reader(std::filesystem::path file);
  /// `memory` outlives this; `name` stands for it in errors.
  Reader(std::string_view memory, std::string name);
  ~Reader();
  Reader(const Reader&) = delete;

  /// The name of the next file, relative and without `..`; none at the end. Folders are passed over; anything that is
  /// neither a file nor a folder, or wants to be elsewhere, is refused.
  std::optional<std::string> next();
  /// Of the file that next() named.
  std::size_t read(std::span<char> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kernel::archive
