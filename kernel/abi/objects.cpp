// atrium.objects: bytes that are too large for a row. A plugin's ids stand in a space of its own.
#include "storage/objects.hpp"

#include "abi/host_state.hpp"
#include "abi/object_pump.hpp"
#include "abi/request_pool.hpp"

#include <algorithm>
#include <atomic>

namespace kernel::abi {
namespace {

constexpr std::size_t longest_id = 100, piece_bytes = 256 * 1024;
constexpr int most_uploads = 256;  // a store may hold two parts of 8 MiB for each

/// Counts itself.
struct Upload {
  std::shared_ptr<HostState> host;
  std::unique_ptr<storage::ObjectWriter> writer;
  static inline std::atomic<int> open = 0;
  const int number = ++open;
  Upload() = default;
  Upload(const Upload&) = delete;
  ~Upload() { --open; }
};
using Uploads = Handles<atrium_upload, Upload>;

/// "PLUGIN_ID": a plugin's id has no underscore, so the first one ends it.
std::string object_id(const HostState& host, atrium_str id) {
  if (id.len == 0 || id.len > longest_id)
    throw std::invalid_argument("an object's id has 1 to " + std::to_string(longest_id) + " characters");
  return host.owner + '_' + std::string(view(id));
}

std::uint64_t offset_of(std::int64_t offset) {
  if (offset < 0) throw std::invalid_argument("offset must not be below 0");
  return static_cast<std::uint64_t>(offset);
}
std::uint64_t length_of(std::int64_t length) {
  if (length < 0) throw std::invalid_argument("length must not be below 0");
  return static_cast<std::uint64_t>(length);
}

std::int32_t put(const atrium_host* handle, atrium_str id, atrium_upload** out, atrium_err* error) {
  if (out != nullptr) *out = nullptr;
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (out == nullptr) return fail(error, ATRIUM_E_INVALID, "put() needs a place for the upload");
    const auto promise = Promise::make(host);
    if (!promise) return fail(error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
    auto upload = std::make_shared<Upload>();
    if (upload->number > most_uploads)
      return fail(error, ATRIUM_E_UNAVAILABLE, "too many uploads are under way; try again later");
    upload->writer = host.parts.objects.put(object_id(host, id));
    upload->host = host.shared_from_this();
    *out = Uploads::instance().put(std::move(upload));
    return ATRIUM_OK;
  });
}

std::int32_t append(atrium_upload* handle, atrium_str data, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    const auto upload = Uploads::instance().find(handle);
    if (!upload) return fail(error, ATRIUM_E_INVALID, "this upload is over");
    upload->writer->append(view(data));
    return ATRIUM_OK;
  });
}

std::int32_t finish(atrium_upload* handle, void (*stored)(void*, std::int64_t, atrium_str), void* context,
                    atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    const auto upload = Uploads::instance().take(handle);
    if (!upload) return fail(error, ATRIUM_E_INVALID, "this upload is over");
    const auto object = upload->writer->finish();
    if (stored != nullptr)
      notify_plugin(*upload->host, "a function for an object",
                    [&] { stored(context, static_cast<std::int64_t>(object.size), text(object.sha256)); });
    return ATRIUM_OK;
  });
}

void abandon(atrium_upload* handle) {
  guard(nullptr, [&] {
    Uploads::instance().take(handle);
    return ATRIUM_OK;
  });
}

std::int32_t read(const atrium_host* handle, atrium_str id, std::int64_t offset, std::int64_t length,
                  std::int32_t (*piece)(void*, atrium_str), void* context, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (piece == nullptr) return fail(error, ATRIUM_E_INVALID, "read() needs a function for the pieces");
    const auto reader = host.parts.objects.get(object_id(host, id), offset_of(offset), length_of(length));
    std::vector<char> buffer(piece_bytes);
    for (;;) {
      const auto bytes = reader->read(buffer);
      if (bytes == 0) return ATRIUM_OK;
      const auto go_on = call_plugin(host, "a function for a piece", [&] {
        return piece(context, text({buffer.data(), bytes}));
      });
      if (go_on != 0) return ATRIUM_OK;
    }
  });
}

std::int32_t respond(atrium_request* handle, std::int32_t status, atrium_str type, atrium_str id, std::int64_t offset,
                     std::int64_t length, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    const Request* held = RequestPool::instance().find(handle);
    if (held == nullptr || held->streaming || !valid_answer(status, type))
      return fail(error, ATRIUM_E_INVALID, "this request cannot be answered so");
    const auto host = held->host->shared_from_this();
    ObjectPump::Answer answer{.status = status,
                              .headers = held->headers,
                              .id = object_id(*host, id),
                              .offset = offset_of(offset),
                              .length = length_of(length)};
    if (type.len != 0) answer.headers.set("content-type", std::string(view(type)));
    const auto pump = std::make_shared<ObjectPump>(host->parts, held->exchange, std::move(answer));
    if (!host->parts.jobs.post([pump] { pump->start(); }))
      return fail(error, ATRIUM_E_UNAVAILABLE, "the pool's queue is full; try again later");
    consume(handle);
    return ATRIUM_OK;
  });
}

std::int32_t remove(const atrium_host* handle, atrium_str id, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (host.parts.objects.remove(object_id(host, id))) return ATRIUM_OK;
    return fail(error, ATRIUM_E_NOT_FOUND, "there is no such object");
  });
}

std::int32_t list(const atrium_host* handle, std::int32_t (*row)(void*, atrium_str, std::int64_t, std::int64_t),
                  void* context, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (row == nullptr) return fail(error, ATRIUM_E_INVALID, "list() needs a function for the rows");
    const auto prefix = host.owner + '_';
    host.parts.objects.list([&](const std::string& id, std::uint64_t size, std::chrono::seconds age) {
      if (!id.starts_with(prefix)) return true;
      return call_plugin(host, "a function for an object", [&] {
               return row(context, text(std::string_view(id).substr(prefix.size())), static_cast<std::int64_t>(size),
                          age.count());
             }) == 0;
    });
    return ATRIUM_OK;
  });
}

std::int32_t presign(const atrium_host* handle, atrium_str id, std::int64_t seconds, atrium_str headers,
                     void (*url)(void*, atrium_str), void* context, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (url == nullptr) return fail(error, ATRIUM_E_INVALID, "presign() needs a function for the URL");
    const auto given = nlohmann::json::parse(headers.len == 0 ? "{}" : view(headers), nullptr, false);
    if (!given.is_object()) return fail(error, ATRIUM_E_INVALID, "headers must be a JSON object");
    storage::AnswerHeaders answer;
    answer.content_type = given.value("content-type", "");
    answer.content_disposition = given.value("content-disposition", "");
    const auto made = host.parts.objects.presign(object_id(host, id), std::chrono::seconds(seconds), answer);
    if (!made) return fail(error, ATRIUM_E_NOT_FOUND, "this store makes no URLs; use sign_path()");
    notify_plugin(host, "a function for a URL", [&] { url(context, text(*made)); });
    return ATRIUM_OK;
  });
}

}  // namespace

void end_uploads(HostState& host) {
  for (atrium_upload* handle : Uploads::instance().of(&host)) Uploads::instance().take(handle);
}

const atrium_objects objects_table = {
    sizeof(atrium_objects), 0, put, append, finish, abandon, read, respond, remove, list, presign,
};

}  // namespace kernel::abi
