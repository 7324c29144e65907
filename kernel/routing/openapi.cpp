#include "routing/openapi.hpp"

#include "routing/access.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cctype>
#include <memory>
#include <set>
#include <vector>

namespace kernel::routing {

namespace {

using nlohmann::json;

std::string member(const json& declaration, const char* key, std::string absent = {}) {
  const auto found = declaration.is_object() ? declaration.find(key) : declaration.end();
  return found != declaration.end() && found->is_string() ? found->get<std::string>() : absent;
}

const json& child(const json& declaration, const char* key) {
  static const json null;
  const auto found = declaration.is_object() ? declaration.find(key) : declaration.end();
  return found == declaration.end() ? null : *found;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

// POST /users/{id}/approve: "post_users_id_approve". A dash becomes "_" too, so `taken` keeps them apart.
std::string operation_id(const Route& route, std::set<std::string>& taken) {
  std::string id = member(route.declaration, "operation_id");
  if (id.empty()) {
    id = lower(http::to_string(route.method));
    for (const char c : route.pattern)
      if (c == '/' || c == '-' || c == '.') {
        id += '_';
      } else if (c != '{' && c != '}') {
        id += c;
      }
  }
  while (!taken.insert(id).second) id += '_';
  return id;
}

std::string tag_of(const Route& route) {
  auto tag = member(route.declaration, "tag");
  return tag.empty() ? route.owner : tag;
}

json parameters(const Route& route) {
  json list = json::array();
  std::string_view rest = route.pattern;
  for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    const auto close = rest.find('}', open);
    list.push_back({{"name", rest.substr(open + 1, close - open - 1)},
                    {"in", "path"},
                    {"required", true},
                    {"schema", {{"type", "string"}}}});
    rest.remove_prefix(close + 1);
  }
  for (const auto& parameter : child(route.declaration, "query")) {
    if (!parameter.is_object()) continue;
    list.push_back(parameter);
    if (!parameter.contains("in")) list.back()["in"] = "query";
  }
  const bool keyed = !route.declaration.is_object() || route.declaration.value("idempotency", true);
  if (route.method == http::Method::post && keyed) list.push_back({{"$ref", "#/components/parameters/IdempotencyKey"}});
  return list;
}

json request_body(const Route& route) {
  if (route.body == Body::none) return nullptr;
  const auto& schema = child(route.declaration, "body");
  json content = json::object();
  const json media{{"schema", schema.is_null() ? json::object() : schema}};
  if (route.body == Body::stream) {
    content[schema.is_null() ? "application/octet-stream" : "multipart/form-data"] = media;
  } else {
    content["application/json"] = media;
    if (route.body == Body::merge) content["application/merge-patch+json"] = media;
  }
  return {{"required", route.declaration.value("required", false)}, {"content", content}};
}

std::string status_text(const std::string& status) {
  if (status == "101") return "Switches to the WebSocket protocol";
  if (status == "201") return "Created";
  if (status == "202") return "Accepted";
  if (status == "204") return "Done; no body";
  return "Success";
}

json problem_answer(const char* description) {
  return {{"description", description},
          {"content", {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
}

json answers(const Route& route) {
  json responses = json::object();
  const auto& declared = child(route.declaration, "answers");
  const auto type = member(route.declaration, "answer_type", "application/json");
  for (const auto& [status, schema] : declared.items()) {
    json answer{{"description", status_text(status)}};
    if (!schema.is_null()) answer["content"][type]["schema"] = schema;
    responses[status] = std::move(answer);
  }
  if (responses.empty()) responses["200"] = {{"description", "Success"}};
  const bool open = open_to_all(route);
  if (!open) responses["401"] = {{"$ref", "#/components/responses/Unauthorized"}};
  if (!open) responses["403"] = {{"$ref", "#/components/responses/Forbidden"}};
  responses["4XX"] = {{"$ref", "#/components/responses/Fault"}};
  return responses;
}

json operation(const Route& route, std::set<std::string>& taken) {
  const bool open = open_to_all(route);
  json result{{"operationId", operation_id(route, taken)},
              {"summary", member(route.declaration, "summary", route.pattern)},
              {"tags", {tag_of(route)}},
              {"responses", answers(route)},
              {"x-access", route.access}};
  if (!open) {
    result["x-scopes"] = auth::scopes_of(operation_of(route));
    result["x-viewer"] = open_to_viewers(route);
  }
  if (auto description = member(route.declaration, "description"); !description.empty())
    result["description"] = std::move(description);
  if (auto list = parameters(route); !list.empty()) result["parameters"] = std::move(list);
  if (auto body = request_body(route); !body.is_null()) result["requestBody"] = std::move(body);
  if (open) result["security"] = json::array();
  return result;
}

json problem_schema() {
  const json text{{"type", "string"}};
  return {{"type", "object"},
          {"description", "RFC 9457: what went wrong"},
          {"required", {"type", "title", "status"}},
          {"properties",
           {{"type", text},
            {"title", text},
            {"status", {{"type", "integer"}}},
            {"detail", text},
            {"instance", text},
            {"request_id", text},
            {"errors",
             {{"type", "array"},
              {"items", {{"type", "object"}, {"properties", {{"pointer", text}, {"detail", text}}}}}}}}}};
}

json components() {
  return {{"schemas", {{"Problem", problem_schema()}}},
          {"responses",
           {{"Unauthorized", problem_answer("Nobody is signed in, or the credentials are no good")},
            {"Forbidden", problem_answer("The caller may not do this")},
            {"Fault", problem_answer("The request cannot be carried out")}}},
          {"parameters",
           {{"IdempotencyKey",
             {{"name", "Idempotency-Key"},
              {"in", "header"},
              {"description", "The same key and body within 24 hours gets the first answer again"},
              {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 255}}}}}}},
          {"securitySchemes",
           {{"bearer", {{"type", "http"}, {"scheme", "bearer"}, {"description", "An access token or an API key"}}},
            {"api_key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}}};
}

}  // namespace

json describe(const std::vector<std::shared_ptr<const Route>>& routes) {
  auto sorted = routes;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::pair(a->pattern, a->method) < std::pair(b->pattern, b->method);
  });
  json paths = json::object();
  std::set<std::string> operation_ids, tags;
  for (const auto& route : sorted) {
    auto& path = paths[route->pattern];
    path[lower(http::to_string(route->method))] = operation(*route, operation_ids);
    if (route->at_root) path["servers"] = {{{"url", "/"}, {"description", "at the root"}}};
    tags.insert(tag_of(*route));
  }
  json tag_list = json::array();
  for (const auto& tag : tags) tag_list.push_back({{"name", tag}, {"description", "Operations of " + tag}});
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "Atrium"},
            {"version", ATRIUM_VERSION},
            {"summary", "Every operation of this installation, its plugins included"}}},
          {"servers", {{{"url", "/api/v1"}, {"description", "this server"}}}},
          {"security", {{{"bearer", json::array()}}, {{"api_key", json::array()}}}},
          {"tags", tag_list},
          {"paths", paths},
          {"components", components()}};
}

std::shared_ptr<const std::string> OpenApi::text() {
  const auto routes = table_.all();
  const std::scoped_lock lock(mutex_);
  const bool same = text_ && std::equal(routes.begin(), routes.end(), described_.begin(), described_.end(),
                                        [](const auto& route, const auto& weak) { return weak.lock() == route; });
  if (!same) {
    text_ = std::make_shared<const std::string>(describe(routes).dump(-1, ' ', false, json::error_handler_t::replace));
    described_.assign(routes.begin(), routes.end());
  }
  return text_;
}

}  // namespace kernel::routing
