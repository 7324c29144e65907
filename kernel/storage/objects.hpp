#pragma once
// Bytes that are too large for a row. The bytes come first and the row that names them after: what a crash leaves
// behind is an object without a row, which a sweep removes, never a row without its object.
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kernel::storage {

struct StoredObject {
  std::uint64_t size = 0;
  std::string sha256;  ///< in hex
};

/// One object while it arrives. Destroyed before finish(), nothing of it remains. One thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  virtual void append(std::string_view data) = 0;
  /// Once; when it returns the object survives a power failure and can be read.
  virtual StoredObject finish() = 0;
};

/// A range of one object, read piece by piece; stays readable when the object is removed. One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  /// Fills the buffer as far as it goes; 0 at the end of the range.
  virtual std::size_t read(std::span<char> buffer) = 0;
  virtual std::uint64_t object_size() const = 0;
};

/// All of it from any thread; all of it may wait for the disk. Failures are SqlError's codes: ATRIUM_E_NOT_FOUND,
/// _CONFLICT (the id is taken), _INVALID (an id of other than 1 to 128 of a-z A-Z 0-9 _ -), _UNAVAILABLE.
class Objects {
 public:
  /// "file:DIRECTORY"; makes the directory.
  static std::unique_ptr<Objects> open(const std::string& url);
  virtual ~Objects() = default;

  virtual std::unique_ptr<ObjectWriter> put(std::string_view id) = 0;
  /// From `offset`, at most `length` bytes; an offset past the end is ATRIUM_E_INVALID.
  virtual std::unique_ptr<ObjectReader> get(std::string_view id, std::uint64_t offset = 0,
                                            std::uint64_t length = UINT64_MAX) = 0;
  /// False when there was none.
  virtual bool remove(std::string_view id) = 0;
  /// Every object in no order, for the sweep: leave the young ones alone, their row may be on its way.
  virtual void list(
      const std::function<bool(const std::string& id, std::uint64_t size, std::chrono::seconds age)>& object) = 0;
};

}  // namespace kernel::storage
