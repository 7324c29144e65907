#include "auth/testing/database_fixture.hpp"

#include <barrier>
#include <thread>
#include <vector>

namespace kernel::auth {
namespace {

class UsersTest : public testing::OnEachDatabase {};
KERNEL_AUTH_ON_EACH_DATABASE(UsersTest);

TEST_P(UsersTest, a_profile_changes_member_by_member) {
  const User ann = make_user("ann@example.org");
  const User renamed = auth_->users.update_profile({}, ann.id.str(), {.full_name = "Ann"});
  EXPECT_EQ(renamed.full_name, "Ann");
  EXPECT_EQ(renamed.email, "ann@example.org");
  EXPECT_EQ(renamed.revision, ann.revision + 1);
  EXPECT_EQ(auth_->users.update_profile({}, ann.id.str(), {.email = "Ann2@Example.org"}).email, "ann2@example.org");
  EXPECT_EQ(auth_->users.get(ann.id.text()).email, "ann2@example.org");
}

TEST_P(UsersTest, a_profile_cannot_take_anothers_address) {
  const User ann = make_user("ann@example.org");
  make_user("bob@example.org");
  EXPECT_EQ(status_of([&] { auth_->users.update_profile({}, ann.id.str(), {.email = "BOB@example.org"}); }), 409);
  EXPECT_EQ(status_of([&] { auth_->users.update_profile({}, ann.id.str(), {.email = "no address"}); }), 422);
}

TEST_P(UsersTest, a_stale_revision_is_refused) {
  const User ann = make_user("ann@example.org");
  auth_->users.update_profile({}, ann.id.str(), {.full_name = "Ann"}, ann.revision);
  EXPECT_EQ(status_of([&] { auth_->users.update_profile({}, ann.id.str(), {.full_name = "X"}, ann.revision); }), 412);
}

TEST_P(UsersTest, a_changed_role_or_status_ends_the_sessions) {
  const User ann = make_user("ann@example.org");
  TokenPair pair = login("ann@example.org");
  ASSERT_NE(signed_in(pair.access_token), nullptr);
  auth_->users.update_standing({}, ann.id.str(), {.role = Role::viewer});
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
  pair = login("ann@example.org");
  EXPECT_EQ(signed_in(pair.access_token)->role, "viewer");
  auth_->users.update_standing({}, ann.id.str(), {.full_name = "Ann"});
  EXPECT_NE(signed_in(pair.access_token), nullptr);
  auth_->users.update_standing({}, ann.id.str(), {.status = UserStatus::disabled});
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
  EXPECT_EQ(status_of([&] { auth_->sign_in.refresh(pair.refresh_token, origin_); }), 401);
}

TEST_P(UsersTest, the_last_admin_stays) {
  const User admin = make_user("admin@example.org", Role::admin);
  make_user("out@example.org", Role::admin, UserStatus::disabled);
  const std::string id = admin.id.str();
  EXPECT_EQ(status_of([&] { auth_->users.update_standing({}, id, {.role = Role::member}); }), 409);
  EXPECT_EQ(status_of([&] { auth_->users.update_standing({}, id, {.status = UserStatus::disabled}); }), 409);
  EXPECT_EQ(status_of([&] { auth_->users.remove({}, id); }), 409);
  make_user("second@example.org", Role::admin);
  EXPECT_NO_THROW(auth_->users.update_standing({}, id, {.role = Role::member}));
}

TEST_P(UsersTest, admins_who_demote_each_other_at_once_leave_one) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i)
    ids.push_back(make_user("admin" + std::to_string(i) + "@example.org", Role::admin).id.str());
  {
    std::barrier together(6);
    std::vector<std::jthread> clients;
    for (const std::string& id : ids)
      clients.emplace_back([&, id] {
        together.arrive_and_wait();
        status_of([&] { auth_->users.update_standing({}, id, {.role = Role::member}); });
      });
  }
  EXPECT_EQ(number("SELECT count(*) FROM users WHERE role = 'admin'"), 1);
}

TEST_P(UsersTest, a_removed_user_is_gone_and_its_address_free) {
  make_user("admin@example.org", Role::admin);
  const User ann = make_user("ann@example.org");
  const TokenPair pair = login("ann@example.org");
  auth_->users.remove({}, ann.id.str());
  EXPECT_EQ(signed_in(pair.access_token), nullptr);
  EXPECT_EQ(status_of([&] { login("ann@example.org"); }), 401);
  EXPECT_EQ(status_of([&] { auth_->users.get(ann.id.text()); }), 404);
  EXPECT_EQ(status_of([&] { auth_->users.remove({}, ann.id.str()); }), 404);
  EXPECT_NO_THROW(make_user("ann@example.org"));
}

TEST_P(UsersTest, of_password_changes_that_race_one_wins) {
  make_user("ann@example.org");
  const User ann = auth_->users.find_by_email("ann@example.org").value();
  EXPECT_NO_THROW(auth_->users.set_password({}, ann, "first horse battery", ""));
  EXPECT_EQ(status_of([&] { auth_->users.set_password({}, ann, "second horse battery", ""); }), 409);
  EXPECT_NO_THROW(login("ann@example.org", "first horse battery"));
}

TEST_P(UsersTest, former_passwords_do_not_come_back) {
  make_user("ann@example.org");
  const auto change = [&](const std::string& password) {
    return status_of(
        [&] { auth_->users.set_password({}, auth_->users.find_by_email("ann@example.org").value(), password, ""); });
  };
  set_setting("history", "2", "password_policy");
  EXPECT_EQ(change("first horse battery"), 0);
  EXPECT_EQ(change("second horse battery"), 0);
  for (const auto* used : {good_password, "first horse battery", "second horse battery"}) EXPECT_EQ(change(used), 422);
  EXPECT_EQ(change("third horse battery"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM password_history"), 2);
  EXPECT_EQ(change(good_password), 0);  // two others have been in between
  set_setting("history", "0", "password_policy");
  EXPECT_EQ(change("third horse battery"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM password_history"), 0);
}

TEST_P(UsersTest, a_removed_account_leaves_no_hashes) {
  const User ann = make_user("ann@example.org");
  auth_->users.set_password({}, auth_->users.find_by_email("ann@example.org").value(), "first horse battery", "");
  auth_->users.remove({}, ann.id.str());
  EXPECT_EQ(number("SELECT count(*) FROM password_history"), 0);
}

TEST_P(UsersTest, no_hash_leaves_with_a_user) {
  const User ann = make_user("ann@example.org");
  EXPECT_EQ(atrium::to_json(*auth_->users.find_by_email("ann@example.org")).find("argon2"), std::string::npos);
  EXPECT_EQ(atrium::to_json(ann).find("password"), std::string::npos);
}

}  // namespace
}  // namespace kernel::auth
