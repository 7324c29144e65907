#include "auth/accounts.hpp"
#include "auth/accounts_reading.hpp"

namespace kernel::auth {
namespace {

constexpr std::string_view tag = "Security";

atrium::ListRoute<ApiKey> own_keys() {
  atrium::ListRoute<ApiKey> keys;
  keys.where("revoked_at IS NULL").narrow([](const atrium::Request& request, atrium::Parameters& parameters) {
    parameters.add(request.principal().id());
    return std::string("user_id = ?");
  });
  return keys;
}

}  // namespace

void Accounts::declare_api_keys() {
  const auto keys = own_keys();
  auto listing = keys.described(tag);
  listing.summary = "My API keys, newest first";
  get("/security/api-keys", listing, [this, keys](atrium::Request& request) { return keys.answer(store(), request); });
  post("/security/api-keys",
       {.summary = "Make an API key: a credential for programs, shown this once",
        .description = "It may do what its owner may, narrowed by scopes; GET /openapi.json names the scopes of every "
                       "operation (x-scopes). Send it as X-API-Key or as the bearer. A key makes no keys, and does not "
                       "change its owner's password, profile or MFA.",
        .access = {"user", session_only},
        .body = atrium::schema<ApiKey>(true),
        .status = 201,
        .answer = atrium::schema<ApiKey>(false, atrium::Showing::made),
        .tag = tag,
        .viewer = true},
       [this](atrium::Request& request) { return make_api_key(request); });
  get("/security/api-keys/{id}",
      {.summary = "One of my API keys",
       .runs = atrium::Runs::fast_read,
       .answer = atrium::schema<ApiKey>(),
       .tag = tag},
      [this](atrium::Request& request) {
        return atrium::ok(auth_.api_keys.get(request.principal().id(), request.id().text()));
      });
  remove("/security/api-keys/{id}",
         {.summary = "Revoke one of my API keys: it stops working at once, on every node",
          .status = 204,
          .tag = tag,
          .viewer = true},
         [this](atrium::Request& request) {
           const Caller caller = caller_of_(request);
           auth_.api_keys.revoke(actor_of(*caller.who), caller.who->id, request.id().text());
           return atrium::no_content();
         });
}

atrium::Reply Accounts::make_api_key(atrium::Request& request) {
  const auto wanted = read_body<ApiKey, ApiKey>(request, [this](ApiKey& key, auto& faults) {
    if (key.expires_at && *key.expires_at <= atrium::Time::now())
      faults.push_back({"/expires_at", "must be in the future"});
    for (std::size_t i = 0; key.scopes && i < key.scopes->size(); ++i)
      if (!names_an_operation_((*key.scopes)[i]))
        faults.push_back({"/scopes/" + std::to_string(i), "names no operation; see x-scopes in GET /openapi.json"});
    return key;
  });
  const Caller caller = caller_of_(request);
  const auto made = auth_.api_keys.make(actor_of(*caller.who), caller.who->id, wanted);
  atrium::Reply reply = atrium::ok(made, atrium::Showing::made);
  reply.status = 201;
  reply.headers.emplace_back("location", std::string(atrium::api_base) + "/security/api-keys/" + made.id.str());
  reply.headers.emplace_back("cache-control", "no-store");
  return reply;
}

}  // namespace kernel::auth
