#include "routing/ip_rules_routes.hpp"

namespace kernel::routing {
namespace {

struct IpRulesBody {
  std::vector<IpRule> rules;
  std::int64_t revision = 0;
  static constexpr auto members = atrium::members(
      atrium::member("rules", &IpRulesBody::rules)
          .items(0, max_ip_rules)
          .required()
          .description("The first that names an address decides. What none names is taken, unless a rule allows: then "
                       "only what is allowed is"),
      atrium::member("revision", &IpRulesBody::revision).read_only());
};

atrium::Reply shown(IpRules::Stored stored) {
  return atrium::ok(IpRulesBody{std::move(stored.rules), stored.revision});
}

std::optional<std::int64_t> wanted_revision(const atrium::Request& request, std::int64_t now) {
  const std::string if_match(request.header("if-match").value_or(""));
  if (if_match.empty() || if_match == "*") return std::nullopt;
  atrium::require_match(if_match, IpRulesBody{{}, now});
  return now;
}

}  // namespace

void IpRulesRoutes::start() {
  get("/security/ip-rules",
      {.summary = "From which addresses requests are taken",
       .access = {"admin"},
       .answer = atrium::schema<IpRulesBody>(),
       .tag = "Security"},
      [this](atrium::Request&) { return shown(rules_.stored()); });
  put("/security/ip-rules",
      {.summary = "Replace the rules; in effect at once, on every node within a second",
       .description = "Judged before anything else of a request. 409 where they would lock out the address that sends "
                      "them. `atrium admin clear-ip-rules` on the machine lets everybody in again.",
       .access = {"admin"},
       .body = atrium::schema<IpRulesBody>(true),
       .answer = atrium::schema<IpRulesBody>(),
       .tag = "Security"},
      [this](atrium::Request& request) {
        const auto body = request.parse<IpRulesBody>();
        const auto actor = actor_of_(request);
        const auto revision = wanted_revision(request, rules_.stored().revision);
        return shown(rules_.replace(actor, body.rules, actor.address, revision));
      });
}

}  // namespace kernel::routing
