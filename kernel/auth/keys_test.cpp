#include "auth/keys.hpp"

#include "auth/private_file.hpp"
#include "auth/testing/scratch_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

namespace kernel::auth {
namespace {

namespace fs = std::filesystem;
using testing::ScratchDirectory;

fs::perms mode_of(const fs::path& file) { return fs::status(file).permissions(); }

std::string refusal(const fs::path& data) {
  try {
    Keys::open(data);
  } catch (const PrivateFileError& error) {
    return error.what();
  }
  return {};
}

TEST(Keys, the_first_start_makes_them_for_their_owner_alone) {
  ScratchDirectory data;
  const Keys keys = Keys::open(data.path());
  EXPECT_EQ(mode_of(data.path() / "keys"), fs::perms::owner_all);
  std::set<std::string> different{keys.jwt.front().secret, keys.presign,  keys.audit,
                                  keys.idempotency,        keys.settings, keys.mfa,
                                  keys.jwt.back().secret};
  EXPECT_EQ(different.size(), 7u);
  for (const std::string& key : different) EXPECT_EQ(key.size(), 32u);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(data.path() / "keys")) {
    EXPECT_EQ(mode_of(entry.path()), fs::perms::owner_read | fs::perms::owner_write) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 7);  // nothing unfinished is left over
}

TEST(Keys, the_next_start_finds_the_same_ones) {
  ScratchDirectory data;
  const Keys first = Keys::open(data.path()), second = Keys::open(data.path());
  EXPECT_EQ(first.audit, second.audit);
  EXPECT_EQ(first.jwt.front().secret, second.jwt.front().secret);
  EXPECT_EQ(first.jwt.front().id, second.jwt.front().id);
}

TEST(Keys, starts_at_the_same_moment_agree) {
  ScratchDirectory data;
  std::vector<Keys> seen(8);
  {
    std::vector<std::jthread> starts;
    for (Keys& keys : seen) starts.emplace_back([&] { keys = Keys::open(data.path()); });
  }
  for (const Keys& keys : seen) {
    EXPECT_EQ(keys.audit, seen.front().audit);
    EXPECT_EQ(keys.jwt.front().secret, seen.front().jwt.front().secret);
  }
}

TEST(Keys, a_key_that_others_can_reach_stops_the_start_and_says_the_cure) {
  for (const auto reach : {fs::perms::group_read, fs::perms::others_read, fs::perms::others_write}) {
    ScratchDirectory data;
    Keys::open(data.path());
    const auto file = data.path() / "keys" / "audit.key";
    fs::permissions(file, reach, fs::perm_options::add);
    EXPECT_NE(refusal(data.path()).find("chmod 600 " + file.string()), std::string::npos);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(refusal(data.path()), "");
  }
}

TEST(Keys, a_damaged_key_is_never_replaced) {
  ScratchDirectory data;
  Keys::open(data.path());
  const auto file = data.path() / "keys" / "audit.key";
  fs::resize_file(file, 31);
  EXPECT_NE(refusal(data.path()).find(file.string()), std::string::npos);
  EXPECT_EQ(fs::file_size(file), 31u);
}

TEST(Keys, a_link_in_place_of_a_key_is_refused) {
  ScratchDirectory data;
  Keys::open(data.path());
  const auto keys = data.path() / "keys";
  fs::rename(keys / "audit.key", keys / "elsewhere");
  fs::create_symlink(keys / "elsewhere", keys / "audit.key");
  EXPECT_NE(refusal(data.path()), "");
}

std::vector<std::string> ids_of(const KeyRing& ring) {
  std::vector<std::string> ids;
  for (const auto& key : ring) ids.push_back(key.id);
  return ids;
}

TEST(Keys, after_a_rotation_the_next_key_signs_and_the_old_one_verifies) {
  ScratchDirectory data;
  const Keys before = Keys::open(data.path());
  ASSERT_EQ(before.jwt.size(), 2u);
  const auto rotated = rotate_jwt_keys(data.path());
  const Keys after = Keys::open(data.path());
  EXPECT_EQ(ids_of(after.jwt), ids_of(rotated));
  ASSERT_EQ(after.jwt.size(), 3u);
  EXPECT_EQ(after.jwt[0].id, before.jwt[1].id);
  EXPECT_EQ(after.jwt[2].id, before.jwt[0].id);
  EXPECT_EQ(after.audit, before.audit);
}

TEST(Keys, a_node_that_has_not_rotated_yet_knows_what_one_that_has_signs_with) {
  ScratchDirectory first, second;
  const Keys keys = Keys::open(first.path());
  fs::copy(first.path(), second.path(), fs::copy_options::recursive);
  const auto rotated = rotate_jwt_keys(first.path());
  const auto ids = ids_of(Keys::open(second.path()).jwt);
  EXPECT_NE(std::find(ids.begin(), ids.end(), rotated.front().id), ids.end());
  const auto others = ids_of(rotated);
  EXPECT_NE(std::find(others.begin(), others.end(), keys.jwt.front().id), others.end());
}

TEST(Keys, rotations_and_starts_at_once_lose_no_key_that_signs) {
  ScratchDirectory data;
  const Keys before = Keys::open(data.path());
  {
    std::vector<std::jthread> starts;
    for (int i = 0; i < 8; ++i) starts.emplace_back([&] { Keys::open(data.path()); });
    rotate_jwt_keys(data.path());
  }
  const auto ids = ids_of(Keys::open(data.path()).jwt);
  EXPECT_EQ(ids.front(), before.jwt[1].id);
  EXPECT_EQ(ids.back(), before.jwt[0].id);
}

TEST(Keys, a_rotation_cut_short_loses_no_key) {
  ScratchDirectory data;
  const Keys before = Keys::open(data.path());
  fs::rename(data.path() / "keys" / "jwt.key", data.path() / "keys" / "jwt-previous.key");
  const Keys after = Keys::open(data.path());
  ASSERT_EQ(after.jwt.size(), 3u);
  EXPECT_EQ(after.jwt[0].secret, before.jwt[1].secret);
  EXPECT_EQ(after.jwt[2].secret, before.jwt[0].secret);
  EXPECT_NE(after.jwt[1].secret, after.jwt[0].secret);
}

}  // namespace
}  // namespace kernel::auth
