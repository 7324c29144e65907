#include "auth/testing/database_fixture.hpp"

#include <atomic>
#include <barrier>
#include <optional>
#include <thread>
#include <vector>

namespace kernel::auth {
namespace {

class RegistrationTest : public testing::OnEachDatabase {
 protected:
  User register_as(const std::string& email, std::optional<std::string> setup_token = {}) {
    return auth_->registration.register_account({email, good_password, "Somebody", Role::admin}, setup_token, origin_);
  }
};
KERNEL_AUTH_ON_EACH_DATABASE(RegistrationTest);

TEST_P(RegistrationTest, the_setup_token_makes_the_first_admin_once) {
  auth_->registration.prepare();
  const std::string token = setup_token_in_file();
  ASSERT_FALSE(token.empty());
  EXPECT_EQ(std::filesystem::status(auth_->setup_token.file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const User admin = register_as("ann@example.org", token);
  EXPECT_EQ(admin.role, Role::admin);
  EXPECT_EQ(admin.status, UserStatus::active);
  EXPECT_FALSE(std::filesystem::exists(auth_->setup_token.file()));
  EXPECT_EQ(status_of([&] { register_as("bob@example.org", token); }), 403);
  EXPECT_NO_THROW(login("ann@example.org"));
}

TEST_P(RegistrationTest, without_the_setup_token_nobody_becomes_first) {
  auth_->registration.prepare();
  EXPECT_EQ(status_of([&] { register_as("eve@example.org"); }), 403);
  for (const std::string& guess :
       {std::string(), std::string("guess"), setup_token_in_file() + "x", setup_token_in_file().substr(1)})
    EXPECT_EQ(status_of([&] { register_as("eve@example.org", guess); }), 403);
  EXPECT_FALSE(auth_->users.any());
}

TEST_P(RegistrationTest, a_kernel_that_offered_no_token_takes_none) {
  EXPECT_EQ(status_of([&] { register_as("eve@example.org", ""); }), 403);
}

TEST_P(RegistrationTest, of_registrations_that_race_with_the_token_one_wins) {
  auth_->registration.prepare();
  const std::string token = setup_token_in_file();
  std::atomic<int> won{0}, refused{0};
  {
    std::barrier together(16);
    std::vector<std::jthread> clients;
    for (int i = 0; i < 16; ++i)
      clients.emplace_back([&, i] {
        together.arrive_and_wait();
        const int status = status_of([&] { register_as("user" + std::to_string(i) + "@example.org", token); });
        won += status == 0;
        refused += status == 403;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(refused, 15);
  EXPECT_EQ(number("SELECT count(*) FROM users"), 1);
}

TEST_P(RegistrationTest, a_restart_keeps_the_offered_token_and_removes_a_spent_one) {
  auth_->registration.prepare();
  const std::string token = setup_token_in_file();
  auth_ = make_auth();
  auth_->registration.prepare();
  EXPECT_EQ(setup_token_in_file(), token);
  register_as("ann@example.org", token);
  std::ofstream(auth_->setup_token.file()) << token;  // as if the process had died before it removed the file
  auth_ = make_auth();
  auth_->registration.prepare();
  EXPECT_FALSE(std::filesystem::exists(auth_->setup_token.file()));
}

TEST_P(RegistrationTest, a_setup_token_that_others_can_read_stops_the_start) {
  auth_->registration.prepare();
  std::filesystem::permissions(auth_->setup_token.file(), std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  auth_ = make_auth();
  EXPECT_ANY_THROW(auth_->registration.prepare());
}

TEST_P(RegistrationTest, the_setting_decides_about_later_accounts) {
  make_user("admin@example.org", Role::admin);
  EXPECT_EQ(register_as("a@example.org").status, UserStatus::pending);
  set_setting("registration", "\"open\"");
  const User open = register_as("b@example.org");
  EXPECT_EQ(open.status, UserStatus::active);
  EXPECT_EQ(open.role, Role::member);
  set_setting("registration", "\"closed\"");
  EXPECT_EQ(status_of([&] { register_as("c@example.org"); }), 403);
  set_setting("registration", "\"nonsense\"");
  EXPECT_EQ(register_as("d@example.org").status, UserStatus::pending);
}

TEST_P(RegistrationTest, an_address_is_taken_in_any_spelling_and_only_once) {
  make_user("admin@example.org", Role::admin);
  register_as("ann@example.org");
  EXPECT_EQ(status_of([&] { register_as("ANN@example.ORG"); }), 409);
  std::atomic<int> won{0}, taken{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i)
      clients.emplace_back([&] {
        const int status = status_of([&] { register_as("bob@example.org"); });
        won += status == 0;
        taken += status == 409;
      });
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(taken, 7);
}

TEST_P(RegistrationTest, every_fault_is_named_at_once) {
  try {
    auth_->registration.register_account({"no address", "short", ""}, {}, origin_);
    FAIL();
  } catch (const atrium::Problem& problem) {
    EXPECT_EQ(problem.status, 422);
    EXPECT_EQ(problem.errors.size(), 3u);
  }
}

TEST(NormalisedEmail, lowers_ascii_and_leaves_the_rest) {
  EXPECT_EQ(normalised_email("Ann.Öz@Example.ORG"), "ann.Öz@example.org");
  for (const char* bad : {"", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a@b.", "a\t@b"})
    EXPECT_FALSE(normalised_email(bad)) << bad;
  EXPECT_FALSE(normalised_email(std::string_view("a\0@b", 4)));
  EXPECT_FALSE(normalised_email(std::string(65, 'a') + "@b"));
  EXPECT_FALSE(normalised_email("a@" + std::string(260, 'b')));
}

}  // namespace
}  // namespace kernel::auth
