#include "filename.hpp"
#include "intake.hpp"
#include "selection.hpp"
#include "text.hpp"

#include <atrium/directory.hpp>

namespace files {
namespace {

constexpr auto link_lifetime = std::chrono::hours(1), sweep_every = std::chrono::hours(1);
constexpr std::string_view tasks = "tasks/directory";

struct ReadArguments {
  atrium::Id file_id;
  std::int64_t offset = 0, max_bytes = 65'536;
  static constexpr auto members = atrium::members(
      atrium::member("file_id", &ReadArguments::file_id).required(),
      atrium::member("offset", &ReadArguments::offset)
          .range(0, 1e15)
          .description("Where to begin, in bytes; go on at next_offset of the answer before"),
      atrium::member("max_bytes", &ReadArguments::max_bytes).range(4, 262'144).description("How much to read at most"));
};

struct WriteArguments {
  std::string filename, content;
  std::optional<atrium::Id> task_id;
  static constexpr auto members = atrium::members(
      atrium::member("filename", &WriteArguments::filename).length(1, 255).required().description("Such as report.md"),
      atrium::member("content", &WriteArguments::content).length(0, 1'000'000).required().description("The text"),
      atrium::member("task_id", &WriteArguments::task_id)
          .description("The task it belongs to; leave out for the one you work on"));
};

struct Link {
  std::string url;
  atrium::Time expires_at;
  static constexpr auto members =
      atrium::members(atrium::member("url", &Link::url).description("Works for whoever has it, without a token"),
                      atrium::member("expires_at", &Link::expires_at));
};

atrium::Json form() {
  return {{"type", "object"},
          {"required", {"file"}},
          {"properties", {{"file", {{"type", "string"}, {"format", "binary"}}}}},
          {"additionalProperties", false}};
}

std::optional<atrium::Id> task_of(const atrium::Request& request) {
  const auto text = request.query("task_id");
  if (!text) return std::nullopt;
  if (const auto id = atrium::Id::parse(*text)) return id;
  throw atrium::invalid("?task_id", "must be the id of a task");
}

Conditions conditions_of(const atrium::Request& request) {
  return {.if_match = request.header("if-match"),
          .if_unmodified_since = request.header("if-unmodified-since"),
          .if_none_match = request.header("if-none-match"),
          .if_modified_since = request.header("if-modified-since"),
          .if_range = request.header("if-range"),
          .range = request.header("range")};
}

/// The transaction that names the bytes.
auto insertion(const File& file) {
  return [file](atrium::Transaction& tx) {
    if (file.task_id) atrium::require(tx, tasks, *file.task_id, "?task_id");
    File made = file;
    tx.insert(made);
    tx.publish("file.created", made);
    return made;
  };
}

}  // namespace

/// The routes, tools and services of files, and the sweep of bytes that no row names.
class Files final : public atrium::Plugin {
 public:
  void start() override {
    const auto age = configuration().value("sweep_after_seconds", atrium::Json(3600));
    if (!age.is_number_integer() || age < 0 || age > 604'800)
      throw std::invalid_argument("plugin.files.sweep_after_seconds must be a whole number from 0 to 604800");
    sweep_after_ = std::chrono::seconds(age.get<std::int64_t>());
    declare_routes();
    provide("files/directory").on("get", [this](const atrium::Call& call) {
      return atrium::look_up<File>(store(), call);
    });
    tool<ReadArguments>(
        "file_read",
        {.summary = "Read a file: text as it is, anything else as base64, a piece at a time",
         .risk = atrium::Risk::reads},
        [this](const atrium::ToolCall& tool, const ReadArguments& arguments) { return read(tool, arguments); });
    tool<WriteArguments>(
        "file_write", {.summary = "Keep a text as a new file", .risk = atrium::Risk::writes},
        [this](const atrium::ToolCall& tool, const WriteArguments& arguments) { return write(tool, arguments); });
    spawn(keep_swept());
  }

 private:
  void declare_routes() {
    auto files = resource<File>("/files", "Files");
    files.list().filter("task_id");
    files.read();
    post(
        "/files/upload",
        {.summary = "Upload a file",
         .description = "multipart/form-data with one part named `file`, of any size up to the configured limit; it is "
                        "streamed, not held. Its type is found in its bytes: 422 when the part's Content-Type claims "
                        "another kind.",
         .body = form(),
         .body_type = "stream",
         .query = {atrium::query_parameter("task_id", "The task it belongs to",
                                           {{"type", "string"}, {"format", "uuid"}})},
         .status = 201,
         .answer = atrium::schema<File>(),
         .tag = "Files"},
        [this](atrium::Request& request) { return upload(request); });
    get("/files/{id}/download",
        {.summary = "Download the bytes",
         .description = "Honours Range (one range), If-Range, If-None-Match and the other conditions of RFC 9110; the "
                        "ETag is the SHA-256. Also takes a link of `/files/{id}/url`, without a token.",
         .access = {"user", "link"},
         .runs = atrium::Runs::fast_read,
         .tag = "Files"},
        [this](atrium::Request request) { download(std::move(request)); });
    get("/files/{id}/url",
        {.summary = "A link to the bytes that works without a token for one hour",
         .runs = atrium::Runs::fast_read,
         .answer = atrium::schema<Link>(),
         .tag = "Files"},
        [this](atrium::Request& request) { return link(request); });
    remove("/files/{id}", {.summary = "Remove the file and its bytes", .status = 204, .tag = "Files"},
           [this](atrium::Request& request) { return remove_file(request); });
  }

  // ---- in ----
  atrium::Async<atrium::Reply> upload(atrium::Request& request) {
    const auto task = task_of(request);
    if (task) {
      auto checking = check_task(*task);
      co_await checking;
    }
    const auto id = atrium::Id::make();
    const InFlight::Mark mark(in_flight_, id);
    Intake intake(objects(), sniffer_, id);
    auto reading = atrium::read_multipart(request, intake.events());
    co_await reading;
    File file = intake.finish();
    file.task_id = task;
    file.uploaded_by = atrium::Id::parse(request.principal().id());
    auto storing = store().commit(request.principal(), insertion(file));
    try {
      file = co_await storing;
    } catch (const atrium::Problem& problem) {
      discard_unless_committed(file.id, problem);
      throw;
    }
    auto reply = atrium::ok(file);
    reply.status = 201;
    reply.headers.emplace_back("location", std::string(atrium::api_base) + "/files/" + file.id.str());
    co_return reply;
  }

  /// Before anything is read: nobody sends half a gigabyte to hear that the task does not exist.
  atrium::Async<void> check_task(atrium::Id id) const {
    const atrium::Json arguments{{"id", id.text()}};
    auto asking = services().call(std::string(tasks), "get", arguments);
    try {
      co_await asking;
    } catch (const atrium::Problem& problem) {
      if (problem.status != 404) throw;
      throw atrium::invalid("?task_id", "there is none with this id");
    }
  }

  /// A commit whose outcome is not known may have happened: its bytes stay, and the sweep looks later.
  void discard_unless_committed(const atrium::Id& id, const atrium::Problem& problem) const {
    if (problem.status < 500 && problem.status != 499) discard(id);
  }
  void discard(const atrium::Id& id) const {
    try {
      objects().remove(id.text());
    } catch (const std::exception& error) {
      host().log(atrium::Level::warning, "Bytes stay until the next sweep",
                 {{"file_id", id.text()}, {"error", error.what()}});
    }
  }

  // ---- out ----
  void download(atrium::Request request) const {
    try {
      const auto file = store().get<File>(request.principal(), request.id());
      const Representation bytes{'"' + file.sha256 + '"', file.created_at.microseconds / 1'000'000, file.size_bytes};
      const auto selected = select(bytes, conditions_of(request));
      if (selected.status == 412) throw atrium::stale("The file is not the one that the request was made for.");
      atrium::Reply reply{.status = selected.status, .type = file.content_type};
      reply.headers = {{"etag", bytes.etag},
                       {"last-modified", http_date(bytes.modified)},
                       {"accept-ranges", "bytes"},
                       {"cache-control", "private, no-cache"}};
      const auto size = std::to_string(file.size_bytes);
      if (selected.status == 416) throw unsatisfiable(size);
      if (selected.status == 304) return request.respond({.status = 304, .type = {}, .headers = reply.headers});
      if (selected.status == 206)
        reply.headers.emplace_back("content-range", "bytes " + std::to_string(selected.offset) + "-" +
                                                        std::to_string(selected.offset + selected.length - 1) + "/" +
                                                        size);
      reply.headers.emplace_back("content-disposition", content_disposition(file.filename));
      reply.headers.emplace_back("x-content-type-options", "nosniff");
      objects().respond(std::move(request), reply, file.id.text(), selected.offset, selected.length);
    } catch (...) {
      if (request.raw()) request.fail_current();
    }
  }
  static atrium::Problem unsatisfiable(const std::string& size) {
    atrium::Problem problem(416, "range-not-satisfiable", "The file has no such range",
                            "It is " + size + " bytes long.");
    problem.headers.emplace_back("content-range", "bytes */" + size);
    return problem;
  }

  atrium::Reply link(const atrium::Request& request) const {
    const auto file = store().get<File>(request.principal(), request.id());
    const auto expires = atrium::Time::now() + link_lifetime;
    const atrium::Json headers{{"content-type", file.content_type},
                               {"content-disposition", content_disposition(file.filename)}};
    auto url = objects().presign(file.id.text(), link_lifetime, headers);
    if (!url) url = std::string(request.origin()) + sign_path("/files/" + file.id.str() + "/download", expires);
    return atrium::ok(Link{*url, expires});
  }

  /// The row first: a process that dies in between leaves bytes for the sweep, never a row without bytes.
  atrium::Reply remove_file(const atrium::Request& request) const {
    const auto who = request.principal();
    const auto id = request.id();
    const auto if_match = request.header("if-match").value_or("");
    store().transaction(who, [&](atrium::Transaction& tx) {
      const auto file = tx.get<File>(who, id);
      atrium::require_match(if_match, file);
      tx.erase(file);
      tx.publish("file.deleted", file);
    });
    discard(id);
    return atrium::no_content();
  }

  // ---- tools ----
  atrium::Json read(const atrium::ToolCall& tool, const ReadArguments& arguments) const {
    const auto file = store().get<File>(tool.agent, arguments.file_id);
    const auto offset = std::min(arguments.offset, file.size_bytes);
    std::string content;
    if (offset < file.size_bytes)
      objects().read(
          file.id.text(), [&](std::string_view piece) { return content.append(piece), true; }, offset,
          arguments.max_bytes);
    const bool is_last = offset + static_cast<std::int64_t>(content.size()) >= file.size_bytes;
    const auto text = utf8_prefix(content);
    if (!is_last && is_cut_sequence(std::string_view(content).substr(text))) content.resize(text);
    const bool is_text = text >= content.size() && content.find('\0') == content.npos;
    const auto next = offset + static_cast<std::int64_t>(content.size());
    return {{"filename", file.filename},
            {"content_type", file.content_type},
            {"size_bytes", file.size_bytes},
            {"offset", offset},
            {"next_offset", next < file.size_bytes ? atrium::Json(next) : atrium::Json()},
            {"encoding", is_text ? "utf-8" : "base64"},
            {"content", is_text ? content : base64(content)}};
  }

  atrium::Json write(const atrium::ToolCall& tool, const WriteArguments& arguments) {
    const auto id = atrium::Id::make();
    const InFlight::Mark mark(in_flight_, id);
    Intake intake(objects(), sniffer_, id);
    intake.begin(arguments.filename, {});
    intake.append(arguments.content);
    File file = intake.finish();
    file.task_id = arguments.task_id ? arguments.task_id : atrium::Id::parse(tool.task_id);
    file.uploaded_by = atrium::Id::parse(tool.agent_id);
    try {
      file = store().transaction(tool.agent, insertion(file));
    } catch (const atrium::Problem& problem) {
      discard_unless_committed(file.id, problem);
      throw;
    }
    return atrium::Json::parse(atrium::to_json(file));
  }

  // ---- the sweep ----
  atrium::Async<void> keep_swept() {
    auto beginning = sleep(std::chrono::milliseconds(1), cancellation());  // start() is over by then
    co_await beginning;
    while (!cancellation().requested()) {
      try {
        sweep();
      } catch (const std::exception& error) {
        host().log(atrium::Level::warning, "The sweep is put off", {{"error", error.what()}});
      }
      auto pause = sleep(sweep_every, cancellation());
      co_await pause;
    }
  }

  void sweep() {
    std::vector<std::string> old;
    std::int64_t swept = 0;
    objects().list([&](const atrium::Objects::Entry& entry) {
      if (entry.age >= sweep_after_ && !in_flight_.contains(entry.id)) old.emplace_back(entry.id);
      if (old.size() == 200) swept += remove_rowless(std::exchange(old, {}));
      return !cancellation().requested();
    });
    swept += remove_rowless(old);
    if (swept > 0) host().log(atrium::Level::info, "Bytes without a row were removed", {{"objects", swept}});
  }
  std::int64_t remove_rowless(const std::vector<std::string>& ids) const {
    if (ids.empty()) return 0;
    std::string sql = "SELECT id FROM files WHERE id IN (";
    atrium::Parameters parameters;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      sql += i ? ", ?" : "?";
      parameters.text(ids[i]);
    }
    std::set<std::string, std::less<>> known;
    store().run(sql + ")", parameters, [&](const atrium::Row& row) { known.emplace(row.text(0)); });
    return std::count_if(ids.begin(), ids.end(),
                         [&](const std::string& id) { return !known.contains(id) && objects().remove(id); });
  }

  const Sniffer sniffer_;
  InFlight in_flight_;
  std::chrono::seconds sweep_after_{};
};

}  // namespace files

ATRIUM_PLUGIN(files::Files)
