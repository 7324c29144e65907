#pragma once
// Bytes that are too large for a row. Ids are 1 to 100 of a-z A-Z 0-9 _ -, each plugin's its own. Everything but
// respond() and presign() may wait for a disk or another host: on pool threads only, and in no transaction.
#include <atrium/http.hpp>

#include <chrono>
#include <limits>

namespace atrium {

struct StoredObject {
  std::int64_t bytes = 0;
  std::string sha256;  ///< in hex
};

/// An object on its way in. Destroyed before finish(), nothing of it remains. One thread at a time.
class Upload {
 public:
  Upload(const Host& host, std::string_view id) : host_(&host) {
    Failure failure;
    failure.check(host.objects().put(host.raw(), view(id), &raw_, failure));
  }
  Upload(Upload&& other) noexcept : host_(other.host_), raw_(std::exchange(other.raw_, nullptr)) {}
  Upload& operator=(Upload&&) = delete;
  ~Upload() {
    if (raw_) host_->objects().abandon(raw_);
  }

  void append(std::string_view data) {
    Failure failure;
    failure.check(host_->objects().append(raw_, view(data), failure));
  }
  /// When it returns the object survives a power failure and can be read.
  StoredObject finish() {
    StoredObject stored;
    Failure failure;
    const auto status = host_->objects().finish(
        std::exchange(raw_, nullptr),
        [](void* out, std::int64_t bytes, atrium_str sha256) {
          *static_cast<StoredObject*>(out) = {bytes, std::string(text_of(sha256))};
        },
        &stored, failure);
    failure.check(status);
    return stored;
  }

 private:
  const Host* host_;
  atrium_upload* raw_ = nullptr;
};

class Objects {
 public:
  static constexpr std::int64_t to_the_end = std::numeric_limits<std::int64_t>::max();

  Objects() = default;
  explicit Objects(const Host& host) : host_(&host) {}

  Upload put(std::string_view id) const { return {*host_, id}; }

  /// Piece by piece; false from `piece` stops. 404 when there is no such object.
  void read(std::string_view id, const std::function<bool(std::string_view)>& piece, std::int64_t offset = 0,
            std::int64_t length = to_the_end) const {
    struct Sink {
      const std::function<bool(std::string_view)>& piece;
      std::exception_ptr failure{};
    } sink{piece};
    Failure failure;
    const auto status = host_->objects().read(
        host_->raw(), view(id), offset, length,
        [](void* self, atrium_str data) -> std::int32_t {
          auto* sink = static_cast<Sink*>(self);
          try {
            return sink->piece(text_of(data)) ? 0 : 1;
          } catch (...) {
            sink->failure = std::current_exception();
            return 1;
          }
        },
        &sink, failure);
    if (sink.failure) std::rethrow_exception(sink.failure);
    failure.check(status);
  }

  /// Answers with these bytes, sent by the kernel as the client takes them. The reply's body is not used.
  void respond(Request request, const Reply& reply, std::string_view id, std::int64_t offset = 0,
               std::int64_t length = to_the_end) const {
    for (const auto& [name, value] : reply.headers) host_->http().set_header(request.raw(), view(name), view(value));
    Failure failure;
    const auto status =
        host_->objects().respond(request.raw(), reply.status, view(reply.type), view(id), offset, length, failure);
    if (status < 0) return request.fail(problem_for(status, failure.raw.message));
    request.release();
  }

  /// False when there was none.
  bool remove(std::string_view id) const {
    Failure failure;
    const auto status = host_->objects().remove(host_->raw(), view(id), failure);
    if (status == ATRIUM_E_NOT_FOUND) return false;
    failure.check(status);
    return true;
  }

  struct Entry {
    std::string_view id;
    std::int64_t bytes;
    std::chrono::seconds age;
  };
  /// Every object of this plugin, in no order; false from `take` stops.
  void list(const std::function<bool(const Entry&)>& take) const {
    Failure failure;
    const auto row = [](void* self, atrium_str id, std::int64_t bytes, std::int64_t age) -> std::int32_t {
      const auto& take = *static_cast<const std::function<bool(const Entry&)>*>(self);
      return take({text_of(id), bytes, std::chrono::seconds(age)}) ? 0 : 1;
    };
    failure.check(
        host_->objects().list(host_->raw(), row, const_cast<void*>(static_cast<const void*>(&take)), failure));
  }

  /// A URL of the store's own that works without credentials for so long; nullopt where the store makes none.
  std::optional<std::string> presign(std::string_view id, std::chrono::seconds valid, const Json& headers) const {
    std::string url;
    Failure failure;
    const std::string text = dump(headers);
    const auto status = host_->objects().presign(
        host_->raw(), view(id), valid.count(), view(text),
        [](void* out, atrium_str made) { *static_cast<std::string*>(out) = text_of(made); }, &url, failure);
    if (status == ATRIUM_E_NOT_FOUND) return std::nullopt;
    failure.check(status);
    return url;
  }

 private:
  const Host* host_ = nullptr;
};

}  // namespace atrium
