#include "auth/accounts.hpp"
#include "auth/accounts_bodies.hpp"
#include "auth/accounts_reading.hpp"

namespace kernel::auth {
void Accounts::declare_users() {
  atrium::ListRoute<User> users;
  users.filter("role").filter("status").search("email", "full_name");
  auto listing = users.described("Admin");
  listing.access = {"admin"};
  get("/admin/users", listing, [this, users](atrium::Request& request) { return users.answer(store(), request); });
  post("/admin/users",
       {.summary = "Make an account for somebody",
        .access = {"admin"},
        .body = atrium::schema<NewUserBody>(true),
        .status = 201,
        .answer = atrium::schema<User>(),
        .tag = "Admin"},
       [this](atrium::Request& request) { return create_user(request); });
  get("/admin/users/{id}",
      {.summary = "One account",
       .access = {"admin"},
       .runs = atrium::Runs::fast_read,
       .answer = atrium::schema<User>(),
       .tag = "Admin"},
      [this](atrium::Request& request) { return atrium::ok(auth_.users.get(request.id().text())); });
  patch("/admin/users/{id}",
        {.summary = "Change an account's role, status or name",
         .description =
             "A changed role or status ends the user's sessions. The last admin cannot be demoted or disabled.",
         .access = {"admin"},
         .body = atrium::schema<StandingBody>(true),
         .answer = atrium::schema<User>(),
         .tag = "Admin"},
        [this](atrium::Request& request) { return update_user(request); });
  remove("/admin/users/{id}",
         {.summary = "Remove an account; the last admin cannot be removed",
          .access = {"admin"},
          .status = 204,
          .tag = "Admin"},
         [this](atrium::Request& request) { return remove_user(request); });
}

void Accounts::declare_sessions() {
  auto query = atrium::Page::parameters();
  query.push_back(atrium::query_parameter("user_id", "Only this user's"));
  get("/security/sessions",
      {.summary = "Who is signed in, newest first",
       .access = {"admin"},
       .query = std::move(query),
       .answer = atrium::Page::schema(atrium::schema<SessionRow>()),
       .tag = "Security"},
      [this](atrium::Request& request) { return list_sessions(request); });
  remove("/security/sessions/{id}",
         {.summary = "End a session: its tokens stop working at once",
          .access = {"admin"},
          .status = 204,
          .tag = "Security"},
         [this](atrium::Request& request) { return end_session(request); });
}

atrium::Reply Accounts::create_user(atrium::Request& request) {
  const auto account = read_body<NewUserBody, NewUser>(request, [this](NewUserBody& body, auto& faults) {
    NewUser wanted{body.email, body.password, body.full_name, body.role};
    auth_.users.check(wanted, faults);
    return wanted;
  });
  return created(auth_.users.create(actor_of(*caller_of_(request).who), account));
}

atrium::Reply Accounts::update_user(atrium::Request& request) {
  const auto body = request.parse<StandingBody>();
  const User now = auth_.users.get(request.id().text());
  return atrium::ok(auth_.users.update_standing(actor_of(*caller_of_(request).who), now.id.str(),
                                                {body.role, body.status, body.full_name},
                                                wanted_revision(request, now)));
}

atrium::Reply Accounts::remove_user(atrium::Request& request) {
  const User now = auth_.users.get(request.id().text());
  auth_.users.remove(actor_of(*caller_of_(request).who), now.id.str(), wanted_revision(request, now));
  return atrium::no_content();
}

atrium::Reply Accounts::list_sessions(atrium::Request& request) {
  auto page = atrium::Page::of(request);
  Sessions::Query wanted{.user_id = std::string(request.query("user_id").value_or("")),
                         .before = std::string(request.query("cursor").value_or("")),
                         .limit = page.limit + 1,
                         .offset = page.offset};
  if (!wanted.user_id.empty() && !atrium::Id::parse(wanted.user_id)) throw atrium::invalid("?user_id", "must be an id");
  if (!wanted.before.empty() && !atrium::Id::parse(wanted.before))
    throw atrium::invalid("?cursor", "is not a cursor of this list");
  page.total = auth_.sessions.count(wanted.user_id);
  auto rows = auth_.sessions.list(wanted);
  if (static_cast<std::int64_t>(rows.size()) > page.limit) {
    rows.pop_back();
    page.next_cursor = rows.back().id.str();
  }
  const std::string own = caller_of_(request).who->session_id;
  for (SessionRow& row : rows) {
    row.current = row.id.text() == own;
    page.add(row);
  }
  return page.reply(request);
}

atrium::Reply Accounts::end_session(atrium::Request& request) {
  auth_.sign_in.end_session(actor_of(*caller_of_(request).who), request.id().str());
  return atrium::no_content();
}

}  // namespace kernel::auth
