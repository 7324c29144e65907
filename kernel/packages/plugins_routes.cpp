#include "packages/plugins_routes.hpp"

#include "abi/on_pool.hpp"
#include "archive/archive.hpp"
#include "packages/permissions.hpp"

#include <atrium/multipart.hpp>

namespace kernel::packages {
namespace {

constexpr std::string_view tag = "Plugins";

struct PluginView {
  std::string id, name, version, description, state;
  std::optional<std::string> reason;
  static constexpr auto members = atrium::members(
      atrium::member("id", &PluginView::id).read_only(), atrium::member("name", &PluginView::name).read_only(),
      atrium::member("version", &PluginView::version).read_only(),
      atrium::member("description", &PluginView::description).read_only(),
      atrium::member("state", &PluginView::state)
          .read_only()
          .description("running, disabled, failed, quarantined or waiting"),
      atrium::member("reason", &PluginView::reason).read_only().description("Why it does not run"));
};

PluginView view_of(const plugins::Status& status) {
  return {status.id,
          status.name,
          status.version,
          status.description,
          std::string(plugins::to_string(status.state)),
          status.reason.empty() ? std::nullopt : std::optional(status.reason)};
}

atrium::Json details_of(const plugins::Status& status, const std::optional<plugins::Manifest>& manifest) {
  auto details = atrium::as_json(view_of(status));
  details["permissions"] = manifest ? permissions_of(*manifest) : atrium::Json();
  return details;
}

atrium::Json details_schema() {
  auto schema = atrium::schema<PluginView>();
  schema["properties"]["permissions"] = {
      {"type", {"object", "null"}},
      {"description", "What its plugin.json asks for and it was given; null where that file is at fault"}};
  return schema;
}

/// Nothing of a package runs before somebody has seen what it asks for, and said so.
void require_grant(const Package& package, std::string_view granted, const std::optional<plugins::Manifest>& before) {
  if (granted == package.sha256()) return;
  const auto wanted = permissions_of(package.manifest());
  std::vector<atrium::Fault> faults{{"/grant", "must be " + package.sha256() + ": the plugin asks for what follows"}};
  for (const auto& line : before ? permission_lines(wanted, permissions_of(*before)) : permission_lines(wanted))
    faults.push_back({"/grant", line});
  throw atrium::invalid(std::move(faults));
}

bool flag(const atrium::Request& request, std::string_view name) {
  const auto text = request.query(name).value_or("false");
  if (text != "true" && text != "false") throw atrium::invalid("?" + std::string(name), "must be true or false");
  return text == "true";
}

atrium::Json form() {
  return {{"type", "object"},
          {"required", {"file"}},
          {"properties",
           {{"file", {{"type", "string"}, {"format", "binary"}, {"description", "The package (.atp)"}}},
            {"grant",
             {{"type", "string"},
              {"description",
               "The package's SHA-256: what its plugin asks for was seen, and is given. Without it the answer is a 422 "
               "that tells both"}}}}}};
}

/// The parts of the form.
struct Form {
  std::string file, grant;
  std::string* now = nullptr;

  atrium::MultipartEvents events() {
    return {.begin =
                [this](const atrium::MultipartPart& part) {
                  now = part.name == "file" ? &file : part.name == "grant" ? &grant : nullptr;
                  if (now == nullptr) throw atrium::invalid("/" + part.name.substr(0, 100), "is not known here");
                  if (!now->empty()) throw atrium::invalid("/" + part.name, "must be given once");
                },
            .data =
                [this](std::string_view data) {
                  const auto most = now == &file ? max_package_bytes : std::size_t{100};
                  if (now->size() + data.size() > most) throw atrium::invalid("/file", "is too large");
                  now->append(data);
                },
            .end = [] {}};
  }
};

}  // namespace

void PluginsRoutes::start() {
  auto query = atrium::Page::parameters();
  query.erase(query.size() - 1);  // there are never so many that a cursor would help
  get("/plugins",
      {.summary = "The installed plugins and how they are",
       .access = {"admin"},
       .query = std::move(query),
       .answer = atrium::Page::schema(atrium::schema<PluginView>()),
       .tag = tag},
      [this](atrium::Request& request) { return list(request); });
  get("/plugins/{id}",
      {.summary = "One plugin, and what it may use", .access = {"admin"}, .answer = details_schema(), .tag = tag},
      [this](atrium::Request& request) {
        const std::string id(request.path("id"));
        const auto found = parts_.manager.find(id);
        if (!found) throw atrium::not_found();
        return atrium::ok(details_of(*found, parts_.manager.manifest(id)));
      });
  post("/plugins/{id}/enable",
       {.summary = "Start a plugin, now and at every start",
        .access = {"admin"},
        .answer = atrium::schema<PluginView>(),
        .tag = tag},
       [this](atrium::Request& request) { return switched(request, &plugins::Manager::enable); });
  post("/plugins/{id}/disable",
       {.summary = "Stop a plugin; it stays off",
        .access = {"admin"},
        .answer = atrium::schema<PluginView>(),
        .tag = tag},
       [this](atrium::Request& request) { return switched(request, &plugins::Manager::disable); });
  declare_installing();
}

void PluginsRoutes::declare_installing() {
  const auto downgrade =
      atrium::query_parameter("downgrade", "Also to an older version", {{"type", "boolean"}, {"default", false}});
  post("/plugins",
       {.summary = "Install a plugin from a signed package, and start it",
        .description = "multipart/form-data with the package in `file`. Its signature must be of a key in "
                       "plugins.trusted_keys. Nothing of it runs before `grant` says that what it asks for was seen.",
        .access = {"admin"},
        .body = form(),
        .body_type = "stream",
        .query = {atrium::query_parameter("upgrade", "Where the plugin is installed, upgrade it",
                                          {{"type", "boolean"}, {"default", false}}),
                  downgrade},
        .status = 201,
        .answer = atrium::schema<PluginView>(),
        .tag = tag},
       [this](atrium::Request& request) {
         const auto actor = parts_.actor_of(request);
         const bool older = flag(request, "downgrade"), upgrades = flag(request, "upgrade");
         return receive(request, [this, actor, older, upgrades](const Package& package) {
           const bool there = parts_.manager.find(package.manifest().id).has_value();
           return upgrades && there ? atrium::ok(view_of(parts_.installer.upgrade(package, actor, older)))
                                    : install(package, actor);
         });
       });
  post("/plugins/{id}/upgrade",
       {.summary = "Run another version of a plugin, without a gap",
        .description =
            "The package is sent as to POST /plugins. The new version is started beside the old one and takes "
            "over; where it does not start, the old one goes on. A newer version only, unless `downgrade`.",
        .access = {"admin"},
        .body = form(),
        .body_type = "stream",
        .query = {downgrade},
        .answer = atrium::schema<PluginView>(),
        .tag = tag},
       [this](atrium::Request& request) {
         const auto actor = parts_.actor_of(request);
         const bool older = flag(request, "downgrade");
         return receive(request, [this, actor, older, id = std::string(request.path("id"))](const Package& package) {
           if (!parts_.manager.find(id)) throw atrium::not_found();
           if (package.manifest().id != id)
             throw atrium::invalid("/file", "holds the plugin " + package.manifest().id + ", not " + id);
           return atrium::ok(view_of(parts_.installer.upgrade(package, actor, older)));
         });
       });
  atrium::Plugin::remove("/plugins/{id}",
                         {.summary = "Stop a plugin that was installed, and forget it; its tables stay",
                          .access = {"admin"},
                          .status = 204,
                          .tag = tag},
                         [this](atrium::Request& request) { return remove(request); });
}

atrium::Reply PluginsRoutes::list(atrium::Request& request) const {
  auto page = atrium::Page::of(request);
  const auto all = parts_.manager.list();
  page.total = static_cast<std::int64_t>(all.size());
  for (auto i = page.offset; i < page.total && page.count < page.limit; ++i)
    page.add(view_of(all[static_cast<std::size_t>(i)]));
  return page.reply(request);
}

atrium::Reply PluginsRoutes::switched(const atrium::Request& request, Switch act) {
  const std::string id(request.path("id"));
  if (!parts_.manager.find(id)) throw atrium::not_found();
  try {
    return atrium::ok(view_of((parts_.manager.*act)(id, parts_.actor_of(request))));
  } catch (const std::out_of_range&) {  // removed meanwhile
    throw atrium::not_found();
  }
}

atrium::Async<atrium::Reply> PluginsRoutes::receive(atrium::Request& request, Deed deed) {
  Form form;
  auto reading = atrium::read_multipart(request, form.events());
  co_await reading;
  if (form.file.empty()) throw atrium::invalid("/file", "is required");
  const abi::OnPool on_pool{host()};
  co_await on_pool;
  try {
    const auto package = Package::parse(std::move(form.file), parts_.trust);
    require_grant(package, form.grant, parts_.manager.manifest(package.manifest().id));
    co_return deed(package);
  } catch (const PackageError& fault) {
    throw atrium::invalid("/file", fault.what());
  } catch (const StorageError& fault) {
    throw atrium::unavailable(fault.what());
  } catch (const archive::ArchiveError& fault) {
    throw atrium::invalid("/file", fault.what());
  } catch (const plugins::ManifestError& fault) {
    throw atrium::invalid("/file", fault.what());
  }
}

atrium::Reply PluginsRoutes::install(const Package& package, const storage::Actor& actor) {
  auto reply = atrium::ok(view_of(parts_.installer.install(package, actor)));
  reply.status = 201;
  reply.headers.emplace_back("location", std::string(atrium::api_base) + "/plugins/" + package.manifest().id);
  return reply;
}

atrium::Reply PluginsRoutes::remove(const atrium::Request& request) {
  try {
    parts_.installer.remove(std::string(request.path("id")), parts_.actor_of(request));
  } catch (const StorageError& fault) {
    throw atrium::unavailable(fault.what());
  }
  return atrium::no_content();
}

}  // namespace kernel::packages
