#pragma once
// The boundary as far as the routes of accounts use it: a plugin's handlers can be called with a request of a test's
// own, without a socket.
#include "auth/accounts.hpp"

#include <atrium/plugin.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace kernel::auth::testing {

struct FakeRequest {
  std::map<std::string, std::string, std::less<>> path, query, headers;
  std::string body, target = "/api/v1/test";
  PrincipalPtr who;

  int status = 0;
  std::string answer;
  std::map<std::string, std::string, std::less<>> answer_headers;

  atrium::Json json() const { return atrium::Json::parse(answer, nullptr, false); }
};

class FakeHost : public atrium_host {
 public:
  FakeHost()
      : atrium_host{sizeof(atrium_host), 0, &interface, [](const atrium_host*, int32_t, atrium_str, atrium_str) {}} {}

  struct Route {
    atrium::Json declaration;
    atrium_http_fn call;
    void* self;
  };
  std::map<std::string, Route> routes;  ///< by "METHOD /path"

  FakeRequest& call(const std::string& route, FakeRequest& request) {
    const Route& found = routes.at(route);
    found.call(found.self, reinterpret_cast<atrium_request*>(&request));
    return request;
  }
  static FakeRequest& of(const atrium_request* raw) {
    return *reinterpret_cast<FakeRequest*>(const_cast<atrium_request*>(raw));
  }

 private:
  using Fields = std::map<std::string, std::string, std::less<>>;
  static atrium_str text(const std::string& value) { return {value.data(), value.size()}; }
  static atrium_str field(const Fields& fields, atrium_str name) {
    const auto found = fields.find(std::string_view(name.data, name.len));
    return found == fields.end() ? atrium_str{nullptr, 0} : text(found->second);
  }
  static const atrium_principal* handle(const PrincipalPtr& who) {
    return who ? reinterpret_cast<const atrium_principal*>(who.get()) : nullptr;
  }
  static const Principal& principal(const atrium_principal* raw) { return *reinterpret_cast<const Principal*>(raw); }

  static int32_t declare(const atrium_host* host, atrium_str declaration, atrium_http_fn call, void* self,
                         atrium_err*) {
    auto json = atrium::Json::parse(std::string_view(declaration.data, declaration.len));
    const std::string name = json["method"].get<std::string>() + ' ' + json["path"].get<std::string>();
    auto* fake = static_cast<FakeHost*>(const_cast<atrium_host*>(host));
    fake->routes[name] = {std::move(json), call, self};
    return ATRIUM_OK;
  }
  static int32_t set_header(atrium_request* raw, atrium_str name, atrium_str value) {
    of(raw).answer_headers[std::string(name.data, name.len)] = std::string(value.data, value.len);
    return ATRIUM_OK;
  }
  static int32_t respond(atrium_request* raw, int32_t status, atrium_str, atrium_str body) {
    of(raw).status = status;
    of(raw).answer = std::string(body.data, body.len);
    return ATRIUM_OK;
  }

  static const void* interface(const atrium_host*, const char* id) {
    static const atrium_http http = [] {
      atrium_http table{};
      table.size = sizeof table;
      table.route = declare;
      table.path = [](atrium_request* raw, atrium_str name) { return field(of(raw).path, name); };
      table.query = [](atrium_request* raw, atrium_str name) { return field(of(raw).query, name); };
      table.header = [](atrium_request* raw, atrium_str name) { return field(of(raw).headers, name); };
      table.body = [](atrium_request* raw) { return text(of(raw).body); };
      table.target = [](atrium_request* raw) { return text(of(raw).target); };
      table.request_id = [](atrium_request*) { return atrium_str{"request", 7}; };
      table.principal = [](atrium_request* raw) { return handle(of(raw).who); };
      table.set_header = set_header;
      table.respond = respond;
      return table;
    }();
    static const atrium_auth auth = [] {
      atrium_auth table{};
      table.size = sizeof table;
      table.kind = [](const atrium_principal* raw) { return text(principal(raw).kind); };
      table.id = [](const atrium_principal* raw) { return text(principal(raw).id); };
      table.role = [](const atrium_principal* raw) { return text(principal(raw).role); };
      return table;
    }();
    if (std::string_view(id) == ATRIUM_HTTP) return &http;
    if (std::string_view(id) == ATRIUM_AUTH) return &auth;
    return nullptr;
  }
};

}  // namespace kernel::auth::testing
