#pragma once
// Bytes that are too large for a row. The bytes come first and the row that names them after: what a crash leaves
// behind is an object without a row, which a sweep removes, never a row without its object.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kernel::egress {
class Client;
}

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

/// A range of one object, read piece by piece. When the object is removed meanwhile, a reader of a folder still gives
/// all of it; one of S3 gives what it holds (1 MiB) and then ATRIUM_E_NOT_FOUND. One thread at a time.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  /// Fills the buffer as far as it goes; 0 at the end of the range.
  virtual std::size_t read(std::span<char> buffer) = 0;
  virtual std::uint64_t object_size() const = 0;
};

/// What a store's own URL makes it answer with; empty: as the store likes.
struct AnswerHeaders {
  std::string content_type, content_disposition;
};

/// All of it from any thread; all but presign() may wait for the disk or another host. Failures are SqlError's codes:
/// ATRIUM_E_NOT_FOUND, _CONFLICT (the id is taken), _INVALID (an id of other than 1 to 128 of a-z A-Z 0-9 _ -),
/// _UNAVAILABLE.
class Objects {
 public:
  /// "file:DIRECTORY", which is made, or "s3+https://KEY:SECRET@HOST:PORT/BUCKET[/FOLDER]?region=R" (s3+http on a
  /// private network), reached through `egress`, which must live longer. Throws for a store that cannot be used as it
  /// is configured; one that is out of reach is said in the log, and may come back.
  static std::unique_ptr<Objects> open(const std::string& url, egress::Client& egress);
  /// Made when it is not there.
  static std::unique_ptr<Objects> open_folder(const std::filesystem::path& folder);
  virtual ~Objects() = default;

  /// Throws what is the matter with the store.
  virtual void check() = 0;
  virtual std::unique_ptr<ObjectWriter> put(std::string_view id) = 0;
  /// From `offset`, at most `length` bytes; an offset past the end is ATRIUM_E_INVALID.
  virtual std::unique_ptr<ObjectReader> get(std::string_view id, std::uint64_t offset = 0,
                                            std::uint64_t length = UINT64_MAX) = 0;
  /// False when there was none.
  virtual bool remove(std::string_view id) = 0;
  /// Every object in no order, for the sweep: leave the young ones alone, their row may be on its way.
  virtual void list(
      const std::function<bool(const std::string& id, std::uint64_t size, std::chrono::seconds age)>& object) = 0;
  /// A URL for a GET without credentials, valid for so long (1 second to 7 days). Nullopt: this store makes none.
  virtual std::optional<std::string> presign(std::string_view /*id*/, std::chrono::seconds /*valid*/,
                                             const AnswerHeaders& /*headers*/) {
    return std::nullopt;
  }

 protected:
  static void check_id(std::string_view id);
};

}  // namespace kernel::storage
