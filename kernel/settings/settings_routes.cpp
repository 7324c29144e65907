#include "settings/settings_routes.hpp"

#include <optional>

namespace kernel::settings {
namespace {

using atrium::Json;

constexpr std::string_view tag = "Settings";
constexpr std::size_t most_at_once = 500;

struct OneBody {
  Json value;
  static constexpr auto members = atrium::members(atrium::member("value", &OneBody::value).required());
};

struct ManyBody {
  Json settings;
  static constexpr auto members = atrium::members(atrium::member("settings", &ManyBody::settings).required());
};

Json setting_schema() {
  return {{"type", "object"},
          {"required", {"value", "type", "default", "description", "updated_at", "secret"}},
          {"properties",
           {{"value", {{"description", "As it is in effect; a secret that is set shows ********"}}},
            {"type", {{"type", "string"}, {"enum", names_of(Type{})}}},
            {"default", Json::object()},
            {"description", {{"type", "string"}}},
            {"updated_at", {{"type", {"string", "null"}}, {"description", "Null: never set, has its default"}}},
            {"secret", {{"type", "boolean"}}},
            {"minimum", {{"type", "number"}, {"description", "Of a string: characters"}}},
            {"maximum", {{"type", "number"}, {"description", "Of a string: characters"}}},
            {"choices", {{"type", "array"}, {"items", {{"type", "string"}}}}},
            {"unit", {{"type", "string"}}}}}};
}

Json all_schema() {
  return {{"type", "object"},
          {"description", "By category and key"},
          {"additionalProperties", {{"type", "object"}, {"additionalProperties", setting_schema()}}}};
}

Json many_schema() {
  return {{"type", "object"},
          {"required", {"settings"}},
          {"properties",
           {{"settings",
             {{"type", "object"}, {"description", "New values by CATEGORY.KEY"}, {"maxProperties", most_at_once}}}}}};
}

/// "category.key" taken apart; both empty where there is no dot.
Change change_of(const std::string& name, const Json& value, std::string pointer) {
  Change change{{}, {}, value, std::move(pointer)};
  if (const auto dot = name.find('.'); dot != name.npos) {
    change.category = name.substr(0, dot);
    change.key = name.substr(dot + 1);
  }
  return change;
}

}  // namespace

void SettingsRoutes::start() {
  get("/settings",
      {.summary = "All settings by category, with what each may be",
       .access = {"admin"},
       .runs = atrium::Runs::io,
       .answer = all_schema(),
       .tag = tag},
      [this](atrium::Request&) { return atrium::ok(registry_.show()); });
  get("/settings/{category}/{key}",
      {.summary = "One setting", .access = {"admin"}, .runs = atrium::Runs::io, .answer = setting_schema(), .tag = tag},
      [this](atrium::Request& request) { return one(request); });
  put("/settings/{category}/{key}",
      {.summary = "Change a setting: in effect at once, on every node within a second",
       .access = {"admin"},
       .body = atrium::schema<OneBody>(true),
       .answer = setting_schema(),
       .tag = tag},
      [this](atrium::Request& request) { return set_one(request); });
  put("/settings/bulk",
      {.summary = "Change several settings, all or nothing",
       .description = "Answers with those that were named. Each fault has the pointer of its setting.",
       .access = {"admin"},
       .body = many_schema(),
       .answer = all_schema(),
       .tag = tag},
      [this](atrium::Request& request) { return set_many(request); });
  for (const View& view : views_) declare_view(view);
}

void SettingsRoutes::declare_view(const View& view) {
  Json properties = Json::object();
  for (const Definition& definition : registry_.definitions(view.category))
    properties[definition.key] = schema_of(definition);
  const Json schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  get(view.path,
      {.summary = view.read_summary, .access = {"admin"}, .runs = atrium::Runs::io, .answer = schema, .tag = view.tag},
      [this, category = view.category](atrium::Request&) { return atrium::ok(values_of(category)); });
  put(view.path,
      {.summary = view.change_summary,
       .description = "The members given replace, the others stay. In effect at once, on every node within a second.",
       .access = {"admin"},
       .body = schema,
       .answer = schema,
       .tag = view.tag},
      [this, category = view.category](atrium::Request& request) { return set_view(request, category); });
}

atrium::Reply SettingsRoutes::one(const atrium::Request& request) const {
  const auto shown = registry_.show(request.path("category"), request.path("key"));
  if (!shown) throw atrium::not_found();
  return atrium::ok(*shown);
}

atrium::Reply SettingsRoutes::set_one(const atrium::Request& request) {
  const auto body = request.parse<OneBody>();
  const std::string category(request.path("category")), key(request.path("key"));
  if (!registry_.has(category, key)) throw atrium::not_found();
  registry_.set(actor_of_(request), {{category, key, body.value, "/value"}});
  return one(request);
}

atrium::Reply SettingsRoutes::set_many(const atrium::Request& request) {
  const auto body = request.parse<ManyBody>();
  if (!body.settings.is_object()) throw atrium::invalid("/settings", "must be a JSON object");
  if (body.settings.size() > most_at_once)
    throw atrium::invalid("/settings", "must have at most " + std::to_string(most_at_once) + " members");
  std::vector<atrium::Fault> unused;
  const atrium::FaultSink root(unused);
  const auto at = root.member("settings");
  std::vector<Change> changes;
  for (const auto& [name, value] : body.settings.items())
    changes.push_back(change_of(name, value, at.member(name).pointer()));
  registry_.set(actor_of_(request), changes);
  Json shown = Json::object();
  for (const Change& change : changes)
    if (auto setting = registry_.show(change.category, change.key))
      shown[change.category][change.key] = std::move(*setting);
  return atrium::ok(shown);
}

Json SettingsRoutes::values_of(const std::string& category) const {
  Json values = Json::object();
  for (const Definition& definition : registry_.definitions(category))
    values[definition.key] = registry_.value(category, definition.key);
  return values;
}

atrium::Reply SettingsRoutes::set_view(const atrium::Request& request, const std::string& category) {
  const Json body = atrium::parse_object(request.body());
  if (!body.is_object()) throw atrium::invalid("", "must be a JSON object");
  std::vector<atrium::Fault> faults;
  const atrium::FaultSink root(faults);
  std::vector<Change> changes;
  for (const auto& [key, value] : body.items()) {
    const auto at = root.member(key);
    if (registry_.has(category, key)) {
      changes.push_back({category, key, value, at.pointer()});
    } else {
      at.refuse("is not known here");
    }
  }
  registry_.set(actor_of_(request), changes, std::move(faults));
  return atrium::ok(values_of(category));
}

}  // namespace kernel::settings
