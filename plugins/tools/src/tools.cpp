// The tools that need no state of their own.
#include <atrium/plugin.hpp>

#include <date/tz.h>
#include <muParser.h>

#include <cmath>

namespace tools {

struct Expression {
  std::string expression;
  static constexpr auto members =
      atrium::members(atrium::member("expression", &Expression::expression)
                          .length(1, 1'000)
                          .required()
                          .description("Arithmetic such as (12 * 7 + 3) / 2; also sqrt, sin, log, min, max, ^"));
};

struct Zone {
  std::string time_zone = "UTC";
  static constexpr auto members =
      atrium::members(atrium::member("time_zone", &Zone::time_zone)
                          .length(1, 64)
                          .description("A name of the IANA time zones, such as Europe/Berlin"));
};

struct HttpRequest {
  std::string method = "GET", url, body;
  atrium::Json headers = atrium::Json::object();
  static constexpr auto members = atrium::members(
      atrium::member("method", &HttpRequest::method).length(3, 7).description("GET, POST, PUT, PATCH or DELETE"),
      atrium::member("url", &HttpRequest::url).length(8, 8'000).required(),
      atrium::member("body", &HttpRequest::body).length(0, 200'000),
      atrium::member("headers", &HttpRequest::headers).description("{\"name\": \"value\"}"));
};

constexpr std::size_t shown_body = 64 * 1024;

class Tools final : public atrium::Plugin {
 public:
  void start() override {
    using atrium::Risk;
    tool<Expression>("calculator", {.summary = "Work out an arithmetic expression"},
                     [](const atrium::ToolCall&, const Expression& input) { return calculate(input); });
    tool<Zone>("current_time", {.summary = "The time now"},
               [](const atrium::ToolCall&, const Zone& zone) { return time_in(zone); });
    tool<HttpRequest>("http_request", {.summary = "Send an HTTP request to a public address", .risk = Risk::dangerous},
                      [this](atrium::ToolCall tool, HttpRequest input) -> atrium::Async<atrium::Json> {
                        return request(std::move(tool), std::move(input));
                      });
  }

 private:
  static atrium::Json calculate(const Expression& input) {
    try {
      mu::Parser parser;
      parser.SetExpr(input.expression);
      const double value = parser.Eval();
      if (!std::isfinite(value)) throw atrium::invalid("/expression", "has no finite value");
      if (value == std::floor(value) && std::fabs(value) < 9e15) return static_cast<std::int64_t>(value);
      return value;
    } catch (const mu::ParserError& error) {
      throw atrium::invalid("/expression", error.GetMsg());
    }
  }

  static atrium::Json time_in(const Zone& zone) {
    try {
      const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      return {{"time", date::format("%FT%T%Ez", date::make_zoned(zone.time_zone, now))}, {"time_zone", zone.time_zone}};
    } catch (const std::runtime_error&) {
      throw atrium::invalid("/time_zone", "is not a name of the IANA time zones");
    }
  }

  atrium::Async<atrium::Json> request(atrium::ToolCall tool, HttpRequest input) {
    static constexpr std::array methods{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
    if (std::find(methods.begin(), methods.end(), input.method) == methods.end())
      throw atrium::invalid("/method", "must be GET, POST, PUT, PATCH, DELETE or HEAD");
    if (!input.headers.is_object()) throw atrium::invalid("/headers", "must be an object of strings");
    atrium::OutRequest out;
    out.method = input.method;
    out.url = input.url;
    out.body = input.body;
    out.timeout = std::chrono::seconds(60);
    out.max_bytes = 1 << 20;
    out.redirects = 5;
    out.cancellation = tool.call.cancellation();
    for (const auto& [name, value] : input.headers.items()) {
      if (!value.is_string()) throw atrium::invalid("/headers/" + name, "must be a string");
      out.headers.emplace_back(name, value.get<std::string>());
    }
    auto sending = fetch(std::move(out));
    const atrium::Answer answer = co_await sending;
    const bool cut = answer.body.size() > shown_body;
    co_return atrium::Json{{"status", answer.status},
                           {"headers", answer.headers},
                           {"body", answer.body.substr(0, shown_body)},
                           {"truncated", cut}};
  }
};

}  // namespace tools

ATRIUM_PLUGIN(tools::Tools)
