#pragma once
// The object store of the fake host: in memory, with the kernel's promises.
#include "fake_http.hpp"

/// Behind an upload's handle.
struct atrium_upload {
  atrium::testing::FakeCore* core;
  std::string id, bytes;
};

namespace atrium::testing {

class FakeObjects {
 public:
  struct Object {
    std::string bytes;
    std::int64_t age_seconds = 0;
  };
  explicit FakeObjects(FakeCore& core) : core_(core) {}

  std::map<std::string, Object, std::less<>> stored;
  int uploads = 0;               ///< that neither finished nor were abandoned
  bool makes_urls = false;       ///< presign() answers one, as an S3 store does
  bool fails_to_finish = false;  ///< the disk is full

  static const atrium_objects table;

 private:
  static FakeObjects& of(const atrium_host* host) { return *FakeCore::of(host).objects; }
  static const Object* find(const atrium_host* host, atrium_str id, atrium_err* error) {
    const auto found = of(host).stored.find(text_of(id));
    if (found == of(host).stored.end()) return fail(error, ATRIUM_E_NOT_FOUND, "there is no such object"), nullptr;
    return &found->second;
  }
  /// As far as it goes; false: the offset is past the end.
  static bool cut(std::string& bytes, std::int64_t offset, std::int64_t length) {
    if (offset < 0 || static_cast<std::size_t>(offset) > bytes.size()) return false;
    bytes = bytes.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
    return true;
  }

  FakeCore& core_;
};

/// Stands for the digest: the same bytes give the same text, of the right form.
inline std::string fake_digest(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037U;
  for (const unsigned char c : bytes) hash = (hash ^ c) * 1099511628211U;
  char text[65];
  std::snprintf(text, sizeof text, "%064llx", static_cast<unsigned long long>(hash));
  return text;
}

inline const atrium_objects FakeObjects::table{
    sizeof(atrium_objects),
    0,
    [](const atrium_host* host, atrium_str id, atrium_upload** out, atrium_err* error) -> std::int32_t {
      if (text_of(id).empty() || text_of(id).size() > 100)
        return fail(error, ATRIUM_E_INVALID, "an id is 1 to 100 bytes");
      ++of(host).uploads;
      *out = new atrium_upload{&FakeCore::of(host), string_of(id), {}};
      return ATRIUM_OK;
    },
    [](atrium_upload* upload, atrium_str data, atrium_err*) -> std::int32_t {
      upload->bytes += text_of(data);
      return ATRIUM_OK;
    },
    [](atrium_upload* raw, void (*stored)(void*, std::int64_t, atrium_str), void* context,
       atrium_err* error) -> std::int32_t {
      const std::unique_ptr<atrium_upload> upload(raw);
      auto& objects = *upload->core->objects;
      --objects.uploads;
      if (objects.fails_to_finish) return fail(error, ATRIUM_E_UNAVAILABLE, "no space left on device");
      const auto size = static_cast<std::int64_t>(upload->bytes.size());
      const auto digest = fake_digest(upload->bytes);
      if (!objects.stored.try_emplace(upload->id, Object{std::move(upload->bytes), 0}).second)
        return fail(error, ATRIUM_E_CONFLICT, "an object with this id exists");
      stored(context, size, view(digest));
      return ATRIUM_OK;
    },
    [](atrium_upload* raw) {
      const std::unique_ptr<atrium_upload> upload(raw);
      --upload->core->objects->uploads;
    },
    [](const atrium_host* host, atrium_str id, std::int64_t offset, std::int64_t length,
       std::int32_t (*piece)(void*, atrium_str), void* context, atrium_err* error) -> std::int32_t {
      const auto* object = find(host, id, error);
      if (!object) return ATRIUM_E_NOT_FOUND;
      auto bytes = object->bytes;
      if (!cut(bytes, offset, length)) return fail(error, ATRIUM_E_INVALID, "the range begins past the end");
      for (std::size_t at = 0; at < bytes.size(); at += 64)
        if (piece(context, view(std::string_view(bytes).substr(at, 64))) != 0) break;
      return ATRIUM_OK;
    },
    [](atrium_request* request, std::int32_t status, atrium_str type, atrium_str id, std::int64_t offset,
       std::int64_t length, atrium_err* error) -> std::int32_t {
      const auto* object = find(request->core, id, error);
      if (!object) return ATRIUM_E_NOT_FOUND;
      auto bytes = object->bytes;
      if (!cut(bytes, offset, length)) return fail(error, ATRIUM_E_INVALID, "the range begins past the end");
      FakeHttp::answer(request, status, string_of(type), std::move(bytes));
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_str id, atrium_err* error) -> std::int32_t {
      if (of(host).stored.erase(string_of(id)) == 1) return ATRIUM_OK;
      return fail(error, ATRIUM_E_NOT_FOUND, "there is no such object");
    },
    [](const atrium_host* host, std::int32_t (*row)(void*, atrium_str, std::int64_t, std::int64_t), void* context,
       atrium_err*) -> std::int32_t {
      for (const auto& [id, object] : std::map(of(host).stored.begin(), of(host).stored.end()))
        if (row(context, view(id), static_cast<std::int64_t>(object.bytes.size()), object.age_seconds) != 0) break;
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_str id, std::int64_t seconds, atrium_str, void (*url)(void*, atrium_str),
       void* context, atrium_err* error) -> std::int32_t {
      if (!of(host).makes_urls) return fail(error, ATRIUM_E_NOT_FOUND, "this store makes no URLs; use sign_path()");
      const auto made = "https://store.test/" + string_of(id) + "?valid=" + std::to_string(seconds);
      url(context, view(made));
      return ATRIUM_OK;
    }};

}  // namespace atrium::testing
