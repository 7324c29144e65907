#include "packages/package.hpp"

#include "archive/archive.hpp"
#include "auth/testing/scratch_directory.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <random>

namespace kernel::packages {
namespace {

namespace fs = std::filesystem;

constexpr const char* manifest =
    R"({"id": "notes", "version": "1.2.3", "name": "Notes", "abi": {"major": 1, "minor": 0}})";
constexpr std::size_t header_bytes = 16 + 32 + 64;

/// The beginning of a shared object for x86_64, and something after it.
std::string shared_object() {
  std::string object("\177ELF\2\1\1", 7);
  object.resize(64);
  object[18] = 62;
  return object + "code";
}

class PackageTest : public ::testing::Test {
 protected:
  PackageTest() {
    put("plugin.json", manifest);
    put("notes.so", shared_object());
    put("migrations/0001_notes.sql", "CREATE TABLE notes (id TEXT);");
    put("README.md", "# Notes");
  }
  void put(const std::string& name, std::string_view content) {
    const auto file = folder_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  Trust trusting() const { return {{key_.public_key()}, false}; }
  /// What is said of it; "" where it is taken.
  static std::string refusal(const std::string& bytes, const Trust& trust) {
    try {
      Package::parse(bytes, trust);
      return "";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
  /// A well-signed package of an archive that pack() would not make.
  std::string signed_archive(const std::vector<std::pair<std::string, std::string>>& files) const {
    std::string archive;
    archive::Writer writer(archive);
    for (const auto& [name, content] : files) writer.add(name, content);
    writer.finish();
    const auto by = key_.public_key();
    const std::string key(by.begin(), by.end());
    const auto signature = key_.sign("ATRIUM-PLUGIN/1\n" + key + archive);
    return "ATRIUM-PLUGIN/1\n" + key + std::string(signature.begin(), signature.end()) + archive;
  }

  auth::testing::ScratchDirectory scratch_;
  fs::path folder_ = scratch_.path() / "built";
  SecretKey key_ = SecretKey::make();
};

TEST_F(PackageTest, holds_what_was_packed) {
  const auto package = Package::parse(pack(folder_, key_), trusting());
  EXPECT_EQ(package.manifest().id, "notes");
  EXPECT_EQ(package.manifest().version, "1.2.3");
  EXPECT_EQ(package.signer(), key_.public_key());
  EXPECT_EQ(package.architectures(), std::vector<std::string>{"x86_64"});
  EXPECT_EQ(package.files().at("lib/x86_64/notes.so"), shared_object());
  EXPECT_EQ(package.files().size(), 4u);
  EXPECT_EQ(package.sha256().size(), 64u);
}

TEST_F(PackageTest, of_the_same_folder_and_key_is_the_same) { EXPECT_EQ(pack(folder_, key_), pack(folder_, key_)); }

TEST_F(PackageTest, is_unpacked_for_its_owner_alone) {
  const auto to = scratch_.path() / "unpacked";
  Package::parse(pack(folder_, key_), trusting()).unpack(to);
  EXPECT_EQ(fs::status(to).permissions(), fs::perms::owner_all);
  for (const auto* name : {"plugin.json", "notes.so", "migrations/0001_notes.sql", "README.md"})
    EXPECT_EQ(fs::status(to / name).permissions(), fs::perms::owner_read | fs::perms::owner_write) << name;
  EXPECT_FALSE(fs::exists(to / "lib"));
  EXPECT_THROW(Package::parse(pack(folder_, key_), trusting()).unpack(to), PackageError);
}

TEST_F(PackageTest, of_a_stranger_is_refused) {
  const auto bytes = pack(folder_, SecretKey::make());
  EXPECT_NE(refusal(bytes, trusting()).find("plugins.trusted_keys"), std::string::npos);
  EXPECT_NE(refusal(bytes, {{key_.public_key()}, true}), "") << "unsigned_too is for those that nobody signed";
}

TEST_F(PackageTest, that_nobody_signed_is_taken_only_where_that_is_allowed) {
  const auto bytes = pack(folder_, std::nullopt);
  EXPECT_NE(refusal(bytes, trusting()).find("plugins.allow_unsigned"), std::string::npos);
  EXPECT_EQ(refusal(bytes, {{}, true}), "");
}

TEST_F(PackageTest, with_any_byte_changed_is_refused) {
  const auto bytes = pack(folder_, key_);
  std::mt19937 random(7);
  for (int i = 0; i < 1000; ++i) {
    auto other = bytes;
    const auto at = i < 200 ? static_cast<std::size_t>(i) % header_bytes : random() % bytes.size();
    other[at] = static_cast<char>(other[at] ^ (1 << (random() % 8)));
    EXPECT_NE(refusal(other, trusting()), "") << "byte " << at;
  }
}

TEST_F(PackageTest, cut_or_lengthened_is_refused) {
  const auto bytes = pack(folder_, key_);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, header_bytes - 1, header_bytes,
                                 bytes.size() / 2, bytes.size() - 1})
    EXPECT_NE(refusal(bytes.substr(0, size), trusting()), "") << size;
  EXPECT_NE(refusal(bytes + '\0', trusting()), "");
}

TEST_F(PackageTest, with_a_signature_taken_off_is_one_that_nobody_signed) {
  auto bytes = pack(folder_, key_);
  std::fill(bytes.begin() + 16, bytes.begin() + header_bytes, '\0');
  EXPECT_NE(refusal(bytes, trusting()), "");
}

TEST_F(PackageTest, holds_nothing_that_wants_to_be_elsewhere) {
  const std::pair<std::string, std::string> good{"plugin.json", manifest};
  EXPECT_EQ(refusal(signed_archive({good}), trusting()), "");
  for (const auto* name : {"../plugin.json", "/etc/passwd", "docs/../../x", "docs/./x", "lib/x86_64/other.so",
                           "notes.so", "lib/x86_64/../notes.so", "setup.sh", "docs/a b", "docs/\n", "lib/notes.so"})
    EXPECT_NE(refusal(signed_archive({good, {name, "x"}}), trusting()), "") << name;
  EXPECT_NE(refusal(signed_archive({good, {"docs/x", "1"}, {"docs/x", "2"}}), trusting()), "") << "twice";
  EXPECT_NE(refusal(signed_archive({}), trusting()), "") << "no plugin.json";
}

TEST_F(PackageTest, is_not_made_of_links_or_of_what_has_no_place) {
  fs::create_symlink("/etc/passwd", folder_ / "docs");
  EXPECT_THROW(pack(folder_, key_), PackageError);
  fs::remove(folder_ / "docs");
  put("docs/page.md", "x");
  fs::create_symlink("/etc/passwd", folder_ / "docs" / "secret.md");
  EXPECT_THROW(pack(folder_, key_), PackageError);
  fs::remove_all(folder_ / "docs");
  put("CMakeFiles/junk[1]", "x");
  EXPECT_EQ(Package::parse(pack(folder_, key_), trusting()).files().size(), 4u);
  fs::remove(folder_ / "notes.so");
  EXPECT_THROW(pack(folder_, key_), PackageError) << "it is not built";
}

TEST(SecretKeyTest, is_kept_in_a_file_for_its_owner_alone) {
  auth::testing::ScratchDirectory scratch;
  const auto file = scratch.path() / "vendor.key";
  const auto key = SecretKey::make();
  key.write(file);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(SecretKey::read(file).public_key(), key.public_key());
  EXPECT_EQ(read_public_keys({file.string() + ".pub"}), std::vector{key.public_key()});
  EXPECT_EQ(read_public_keys({shown(key.public_key())}), std::vector{key.public_key()});
  EXPECT_THROW(key.write(file), PackageError) << "it is never overwritten";
  chmod(file.c_str(), 0644);
  EXPECT_THROW(SecretKey::read(file), PackageError);
}

TEST(SecretKeyTest, what_is_no_key_is_refused_by_name) {
  auth::testing::ScratchDirectory scratch;
  const auto file = scratch.path() / "x.pub";
  std::ofstream(file) << "ssh-ed25519 AAAA";
  for (const auto& entry : {file.string(), std::string("atrium-public-key AAAA"), std::string("/nowhere")}) try {
      read_public_keys({entry});
      FAIL() << entry;
    } catch (const PackageError& error) {
      EXPECT_NE(std::string(error.what()).find(entry), std::string::npos);
    }
}

}  // namespace
}  // namespace kernel::packages
