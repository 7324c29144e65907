// Reads a route's declaration, as a plugin gives it over the boundary.
#include "routing/route.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <vector>

namespace kernel::routing {

namespace {

using nlohmann::json;

[[noreturn]] void refuse(const json& declaration, const std::string& fault) {
  const auto name = [&](const char* key) {
    const auto found = declaration.is_object() ? declaration.find(key) : declaration.end();
    return found != declaration.end() && found->is_string() ? found->get<std::string>() : "?";
  };
  throw std::invalid_argument("route " + name("method") + " " + name("path") + ": " + fault);
}

std::string text(const json& declaration, const char* key) {
  const auto found = declaration.find(key);
  if (found == declaration.end() || !found->is_string())
    refuse(declaration, std::string("'") + key + "' must be a text");
  return *found;
}

bool flag(const json& declaration, const char* key, bool absent) {
  const auto found = declaration.find(key);
  if (found == declaration.end()) return absent;
  if (!found->is_boolean()) refuse(declaration, std::string("'") + key + "' must be true or false");
  return *found;
}

http::Method read_method(const json& declaration) {
  const auto name = text(declaration, "method");
  for (const auto method :
       {http::Method::get, http::Method::post, http::Method::put, http::Method::patch, http::Method::del})
    if (name == http::to_string(method)) return method;
  refuse(declaration, "'method' must be GET, POST, PUT, PATCH or DELETE");
}

bool name_character(char c, bool literal) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (literal && (c == '-' || c == '.'));
}

std::string read_pattern(const json& declaration) {
  auto pattern = text(declaration, "path");
  if (!pattern.starts_with('/')) refuse(declaration, "'path' must begin with '/'");
  if (pattern.size() > 1 && pattern.ends_with('/')) pattern.pop_back();
  std::set<std::string_view> parameters;
  for (std::string_view rest = std::string_view(pattern).substr(1); !rest.empty();) {
    const auto end = rest.find('/');
    auto segment = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const bool literal = !segment.starts_with('{');
    if (!literal) {
      if (!segment.ends_with('}')) refuse(declaration, "a parameter of 'path' must be a whole segment: /{name}/");
      segment = segment.substr(1, segment.size() - 2);
      if (!parameters.insert(segment).second) refuse(declaration, "'path' names a parameter twice");
    }
    if (segment.empty() || segment == "." || segment == ".." ||
        !std::all_of(segment.begin(), segment.end(), [&](char c) { return name_character(c, literal); }))
      refuse(declaration, "'path' has a segment that is neither a plain name nor {name}");
  }
  return pattern;
}

std::vector<std::string> read_access(const json& declaration) {
  const auto found = declaration.find("access");
  if (found == declaration.end() || !found->is_array() || found->empty())
    refuse(declaration,
           "'access' must say who may call it: a list of \"none\", \"user\", \"admin\" or a principal's kind");
  std::vector<std::string> access;
  for (const auto& entry : *found) {
    if (!entry.is_string() || entry.get_ref<const std::string&>().empty())
      refuse(declaration, "'access' must hold names only");
    access.push_back(entry);
  }
  return access;
}

Runs read_runs(const json& declaration) {
  if (!declaration.contains("runs")) return Runs::pool;
  const auto runs = text(declaration, "runs");
  if (runs == "io") return Runs::io;
  if (runs == "fast_read") return Runs::fast_read;
  if (runs == "pool") return Runs::pool;
  refuse(declaration, "'runs' must be fast_read, io or pool");
}

// PATCH takes both JSON and a merge patch (RFC 7396), whatever the declaration calls it.
Body read_body(const json& declaration, http::Method method) {
  auto body = declaration.contains("body") && !declaration["body"].is_null() ? Body::json : Body::none;
  if (declaration.contains("body_type")) {
    const auto type = text(declaration, "body_type");
    if (type != "json" && type != "merge" && type != "stream")
      refuse(declaration, "'body_type' must be json, merge or stream");
    body = type == "json" ? Body::json : type == "merge" ? Body::merge : Body::stream;
  }
  if (body != Body::none && method == http::Method::get) refuse(declaration, "GET takes no body");
  return body == Body::json && method == http::Method::patch ? Body::merge : body;
}

}  // namespace

Route Route::from_declaration(std::string owner, const json& declaration) {
  if (!declaration.is_object()) refuse(declaration, "the declaration must be an object");
  Route route;
  route.owner = std::move(owner);
  route.method = read_method(declaration);
  route.pattern = read_pattern(declaration);
  route.access = read_access(declaration);
  route.runs = read_runs(declaration);
  route.body = read_body(declaration, route.method);
  route.write = flag(declaration, "write", route.method != http::Method::get);
  route.at_root = flag(declaration, "at_root", false);
  flag(declaration, "viewer", false);
  flag(declaration, "idempotency", true);
  flag(declaration, "required", false);
  for (const auto* object : {"answers", "body"})
    if (declaration.contains(object) && !declaration[object].is_object() && !declaration[object].is_null())
      refuse(declaration, std::string("'") + object + "' must be an object");
  if (declaration.contains("query") && !declaration["query"].is_array())
    refuse(declaration, "'query' must be a list of OpenAPI parameters");
  route.declaration = declaration;
  return route;
}

}  // namespace kernel::routing
