#include "auth/vault_keys.hpp"

#include "auth/encoding.hpp"
#include "auth/testing/scratch_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace kernel::auth {
namespace {

namespace fs = std::filesystem;
using Kind = VaultKeys::Fault::Kind;

const std::string plain = "thirty-two bytes of somebody's.";

template <class Work>
Kind fault_of(Work work) {
  try {
    work();
  } catch (const VaultKeys::Fault& fault) {
    return fault.kind;
  }
  ADD_FAILURE() << "no fault";
  return Kind::invalid;
}

TEST(VaultKeys, WhatIsWrappedComesBackOnlyForItsOwnerAndContext) {
  const testing::ScratchDirectory scratch;
  const auto keys = VaultKeys::in_files(scratch.path());
  const auto wrapped = keys.wrap("vault", "id-1", plain);
  EXPECT_EQ(keys.unwrap("vault", "id-1", wrapped), plain);
  EXPECT_NE(keys.wrap("vault", "id-1", plain), wrapped) << "a nonce is used once";
  EXPECT_EQ(fault_of([&] { keys.unwrap("vault", "id-2", wrapped); }), Kind::denied);
  EXPECT_EQ(fault_of([&] { keys.unwrap("vaul", "tid-1", wrapped); }), Kind::denied);
  for (std::size_t at = wrapped.find('.'); at < wrapped.size(); ++at) {
    auto changed = wrapped;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(fault_of([&] { keys.unwrap("vault", "id-1", changed); }), Kind::denied) << changed;
  }
  for (const auto* nonsense : {"", ".", "x", ".x"})
    EXPECT_EQ(fault_of([&] { keys.unwrap("vault", "id-1", nonsense); }), Kind::denied);
  EXPECT_EQ(fault_of([&] { keys.wrap("vault", "c", std::string(65, 'x')); }), Kind::invalid);
}

TEST(VaultKeys, ARotationKeepsTheFormerKeyUntilItIsRetired) {
  const testing::ScratchDirectory scratch;
  auto keys = VaultKeys::in_files(scratch.path());
  const auto former = keys.current(), old = keys.wrap("v", "c", plain);
  keys.rotate();
  const auto latter = keys.current();
  EXPECT_NE(latter, former);
  keys.rotate();
  EXPECT_EQ(keys.current(), latter) << "a rotation under way goes on with the key it made";
  EXPECT_EQ(keys.unwrap("v", "c", old), plain);
  EXPECT_EQ(VaultKeys::in_files(scratch.path()).unwrap("v", "c", old), plain);
  keys.retire();
  EXPECT_EQ(fault_of([&] { keys.unwrap("v", "c", old); }), Kind::unknown_key);
  EXPECT_FALSE(fs::exists(scratch.path() / "keys" / "vault-previous.key"));
  EXPECT_EQ(VaultKeys::in_files(scratch.path()).current(), latter);
}

TEST(VaultKeys, ARotationThatDiesLosesNoKey) {
  const testing::ScratchDirectory scratch;
  const auto keys_folder = scratch.path() / "keys";
  const auto old = VaultKeys::in_files(scratch.path()).wrap("v", "c", plain);
  fs::copy_file(keys_folder / "vault.key", keys_folder / "vault-next.key");  // died before the first rename
  EXPECT_EQ(VaultKeys::in_files(scratch.path()).unwrap("v", "c", old), plain);
  EXPECT_FALSE(fs::exists(keys_folder / "vault-next.key"));
  {
    auto keys = VaultKeys::in_files(scratch.path());
    keys.rotate();
  }
  fs::rename(keys_folder / "vault.key", keys_folder / "vault-next.key");  // died between the two renames
  const auto keys = VaultKeys::in_files(scratch.path());
  EXPECT_EQ(keys.unwrap("v", "c", old), plain);
  EXPECT_EQ(keys.unwrap("v", "c", keys.wrap("v", "c", plain)), plain);
}

TEST(VaultKeys, TheOperatorMayGiveThem) {
  const auto first = base64url(std::string(32, '1')), second = base64url(std::string(32, '2'));
  VaultKeys keys(first, "");
  const auto old = keys.wrap("v", "c", plain);
  EXPECT_EQ(fault_of([&] { keys.rotate(); }), Kind::invalid);
  VaultKeys rotated(second, first);
  rotated.rotate();
  EXPECT_EQ(rotated.unwrap("v", "c", old), plain);
  EXPECT_NE(rotated.current(), keys.current());
  EXPECT_THROW(VaultKeys("short", ""), std::runtime_error);
}

}  // namespace
}  // namespace kernel::auth
