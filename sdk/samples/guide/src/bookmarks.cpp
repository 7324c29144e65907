// One of everything that the SDK gives, in a plugin that works. The author's guide shows the regions of this file.
#include <atrium/directory.hpp>
#include <atrium/plugin.hpp>
#include <atrium/vault.hpp>

namespace bookmarks {

using namespace std::chrono_literals;
using atrium::Json;

// [description]
struct Bookmark {
  atrium::Id id;
  std::string url, title;
  std::optional<std::int64_t> last_status;
  std::optional<atrium::Time> checked_at;
  std::optional<atrium::Id> token_secret, snapshot;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "bookmarks", event = "bookmark";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Bookmark::id).read_only(),
      atrium::member("url", &Bookmark::url).length(1, 2000).format("uri").required(),
      atrium::member("title", &Bookmark::title).length(0, 200),
      atrium::member("last_status", &Bookmark::last_status).read_only().description("What its host answered last"),
      atrium::member("checked_at", &Bookmark::checked_at).read_only(),
      atrium::member("token_secret", &Bookmark::token_secret).hidden(),
      atrium::member("snapshot", &Bookmark::snapshot).hidden(),
      atrium::member("created_at", &Bookmark::created_at).read_only(),
      atrium::member("updated_at", &Bookmark::updated_at).read_only(),
      atrium::member("revision", &Bookmark::revision).read_only());
};
// [end]

struct NewBookmark {
  std::string url, title;
  static constexpr auto members =
      atrium::members(atrium::member("url", &NewBookmark::url).length(1, 2000).required().description("The link"),
                      atrium::member("title", &NewBookmark::title).length(0, 200));
};
struct Token {
  std::string token;
  static constexpr auto members = atrium::members(atrium::member("token", &Token::token).length(1, 1000).required());
};

class Bookmarks final : public atrium::Plugin {
 public:
  void start() override {
    declare_resource();
    declare_routes();
    declare_services();
    declare_work();
  }

  // [health]
  void health() override {
    if (!services().has(atrium::vault::service))
      throw atrium::unavailable("tokens cannot be kept: no plugin provides secrets/vault");
  }
  // [end]

 private:
  void declare_resource() {
    // [resource]
    const auto check_url = [this](const atrium::Request&, Bookmark& now, const Bookmark*,
                                  std::vector<atrium::Fault>& faults) {
      if (const auto fault = atrium::url_fault(host(), now.url)) faults.push_back({"/url", *fault});
    };
    auto bookmarks = resource<Bookmark>("/bookmarks", "Bookmarks");
    bookmarks.list().filter("last_status").search("url", "title");
    bookmarks.read();
    bookmarks.create().check(check_url);
    bookmarks.update().check(check_url);
    bookmarks.remove().after([](atrium::Transaction& tx, const atrium::Principal&, Bookmark& gone, const Bookmark*) {
      if (gone.token_secret) atrium::vault::forget(tx, *gone.token_secret);
    });
    // [end]
  }

  void declare_routes() {
    // [routes]
    put("/bookmarks/{id}/token",
        {.summary = "Keep the token that its host wants",
         .body = atrium::schema<Token>(true),
         .status = 204,
         .tag = "Bookmarks"},
        [this](atrium::Request& request) { return put_token(request); });
    put("/bookmarks/{id}/snapshot",
        {.summary = "Keep a copy of its page", .body_type = "stream", .status = 204, .tag = "Bookmarks"},
        [this](atrium::Request& request) { return put_snapshot(request); });
    get("/bookmarks/{id}/snapshot", {.summary = "The copy of its page", .access = {"user", "link"}, .tag = "Bookmarks"},
        [this](atrium::Request request) { send_snapshot(std::move(request)); });
    post(
        "/bookmarks/{id}/snapshot-link",
        {.summary = "A link to the copy that works for an hour without signing in", .tag = "Bookmarks", .viewer = true},
        [this](atrium::Request& request) {
          const auto bookmark = store().get<Bookmark>(request.principal(), request.id());
          const auto target = sign_path("/bookmarks/" + bookmark.id.str() + "/snapshot", atrium::Time::now() + 1h);
          return atrium::ok(Json{{"url", std::string(request.origin()) + target}});
        });
    // [end]
  }

  // [transaction]
  atrium::Reply put_token(const atrium::Request& request) {
    const auto given = request.parse<Token>();
    store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      auto bookmark = tx.get<Bookmark>(request.principal(), request.id());
      if (bookmark.token_secret) atrium::vault::forget(tx, *bookmark.token_secret);
      bookmark.token_secret = atrium::vault::keep(tx, "bookmark " + bookmark.id.str(), given.token);
      tx.update(bookmark);
      tx.audit("bookmark.token_set", "bookmark", bookmark.id.text());
    });
    return atrium::no_content();
  }
  // [end]

  // [snapshot]
  atrium::Async<atrium::Reply> put_snapshot(const atrium::Request& request) {
    const auto id = store().get<Bookmark>(request.principal(), request.id()).id;
    const auto object = atrium::Id::make();
    auto upload = objects().put(object.text());
    atrium::BodyReader body(request);
    for (;;) {
      const auto piece = co_await body.next();
      if (!piece) break;
      upload.append(*piece);
    }
    upload.finish();
    const auto former = store().transaction(request.principal(), [&](atrium::Transaction& tx) {
      auto bookmark = tx.get<Bookmark>(request.principal(), id);
      const auto before = std::exchange(bookmark.snapshot, object);
      tx.update(bookmark);
      tx.publish("bookmark.updated", bookmark);
      return before;
    });
    if (former) objects().remove(former->text());
    co_return atrium::no_content();
  }

  void send_snapshot(atrium::Request request) const {
    try {
      const auto bookmark = store().get<Bookmark>(request.principal(), request.id());
      if (!bookmark.snapshot) throw atrium::not_found("No copy of this page was kept.");
      const atrium::Reply reply{.body = {}, .type = "application/octet-stream"};
      objects().respond(std::move(request), reply, bookmark.snapshot->text());
    } catch (...) {
      request.fail_current();
    }
  }
  // [end]

  void declare_services() {
    // [services]
    provide("bookmarks/directory").on("get", [this](const atrium::Call& call) {
      return atrium::look_up<Bookmark>(store(), call);
    });
    provide("bookmarks/shelf", {{"summary", "Takes links from other plugins"}})
        .on("add", [this](const atrium::Call& call) -> Json {
          const auto wanted = call.arguments<NewBookmark>();
          require_reachable(wanted.url);
          if (call.in_transaction()) return add(wanted, call.transaction());
          return add(wanted, call.principal());
        });
    tool<NewBookmark>("bookmark_add", {.summary = "Keep a link for later", .risk = atrium::Risk::writes},
                      [this](const atrium::ToolCall& tool, const NewBookmark& wanted) {
                        require_reachable(wanted.url);
                        return add(wanted, tool.agent);
                      });
    // [end]
    // [command]
    provide("command/bookmarks").on("run", [this](const atrium::Call& call) -> Json {
      std::string lines;
      store().query("SELECT url, title FROM bookmarks ORDER BY id", [&](const atrium::Row& row) {
        lines.append(row.text(0)).append("  ").append(row.text(1)).append("\n");
      });
      call.emit({{"out", lines}});
      return {{"exit", 0}};
    });
    // [end]
  }

  static Json add(const NewBookmark& wanted, const atrium::Transaction& tx) {
    Bookmark made;
    made.url = wanted.url;
    made.title = wanted.title;
    tx.insert(made);
    tx.publish("bookmark.created", made);
    return {{"id", made.id.str()}};
  }
  Json add(const NewBookmark& wanted, const atrium::Principal& who) const {
    return store().transaction(who, [&](atrium::Transaction& tx) { return add(wanted, tx); });
  }
  void require_reachable(const std::string& url) const {
    if (const auto fault = atrium::url_fault(host(), url)) throw atrium::invalid("/url", *fault);
  }

  void declare_work() {
    // [work]
    every(1min, [this] { check_due(); });
    every(24h, [this] { sweep(); });
    on_every_event("snapshots", "bookmark.deleted", [this](const atrium::Event&) { sweep(); });
    // [end]
  }

  // [check]
  /// Each is claimed before it is checked, so that of two nodes one does it.
  std::vector<Bookmark> claim(std::int64_t most) const {
    return store().transaction({}, [most](atrium::Transaction& tx) {
      const auto now = atrium::Time::now();
      auto due = tx.find<Bookmark>("checked_at IS NULL OR checked_at < ? ORDER BY id LIMIT ?", now - 1h, most);
      for (auto& bookmark : due) {
        bookmark.checked_at = now;
        tx.update(bookmark);
      }
      return due;
    });
  }

  void check_due() {
    for (auto& bookmark : claim(setting<std::int64_t>("checks_per_minute"))) spawn(check(std::move(bookmark)));
  }

  atrium::Async<void> check(Bookmark bookmark) {
    atrium::OutRequest request{.method = "HEAD", .url = bookmark.url, .timeout = 10s, .cancellation = cancellation()};
    request.headers.emplace_back("user-agent", configuration().value("user_agent", "atrium-bookmarks"));
    if (const auto contact = environment("BOOKMARKS_CONTACT"); !contact.empty())
      request.headers.emplace_back("from", contact);
    std::optional<std::int64_t> status;
    try {
      if (bookmark.token_secret) {
        const atrium::VaultValue token = co_await atrium::vault::take(services(), bookmark.token_secret->str());
        request.headers.emplace_back("authorization", "Bearer " + token.value);
      }
      const atrium::Answer answer = co_await fetch(std::move(request));
      status = answer.status;
    } catch (const atrium::Problem& problem) {
      host().log(atrium::Level::info, "A link was not reached", {{"id", bookmark.id.str()}, {"why", problem.what()}});
    }
    count(status ? "answered" : "failed");
    record(bookmark.id, status);
  }

  /// Read again: while the other host took its time, somebody may have changed or removed it.
  void record(const atrium::Id& id, std::optional<std::int64_t> status) const {
    store().transaction({}, [&](atrium::Transaction& tx) {
      for (auto& bookmark : tx.find<Bookmark>("id = ?", id)) {
        bookmark.last_status = status;
        tx.update(bookmark);
        tx.publish("bookmark.checked", bookmark);
      }
    });
  }
  // [end]

  // [metric]
  void count(std::string_view outcome) const {
    const auto labels = atrium::dump(Json{{"outcome", outcome}});
    host().metrics().add(host().raw(), atrium::view("checks"), atrium::view(labels), 1);
  }
  // [end]

  // [sweep]
  /// Objects that no row names: of a crash between the two, or of a bookmark that is gone.
  void sweep() const {
    std::vector<std::string> left;
    objects().list([&](const atrium::Objects::Entry& object) {
      const bool named =
          store().value<std::int64_t>("SELECT 1 FROM bookmarks WHERE snapshot = ?", object.id).has_value();
      if (!named && object.age > 1h) left.emplace_back(object.id);
      return true;
    });
    for (const auto& id : left) objects().remove(id);
  }
  // [end]
};

}  // namespace bookmarks

ATRIUM_PLUGIN(bookmarks::Bookmarks)
