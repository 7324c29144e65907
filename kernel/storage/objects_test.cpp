#include "storage/objects.hpp"

#include "storage/testing/database_fixture.hpp"
#include "storage/testing/object_store.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

/// The promises of every kind; on S3 where ATRIUM_TEST_S3 names one.
class ObjectsTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string url_of_kind() const {
    return GetParam() == "s3" ? s3_url_or_empty() : "file:" + directory_.path() + "/objects";
  }
  StoredObject store(const std::string& id, const std::string& content) {
    auto writer = objects_->put(id);
    for (std::size_t at = 0; at < content.size(); at += 1000)
      writer->append(std::string_view(content).substr(at, 1000));
    return writer->finish();
  }
  std::string load(const std::string& id, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
    auto reader = objects_->get(id, offset, length);
    std::string content;
    std::array<char, 777> buffer;
    while (const auto got = reader->read(buffer)) content.append(buffer.data(), got);
    return content;
  }
  std::vector<std::string> listed() {
    std::vector<std::string> ids;
    objects_->list([&](const std::string& id, std::uint64_t, std::chrono::seconds) { return ids.push_back(id), true; });
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  TemporaryDirectory directory_;
  Outside outside_;
  std::string url_ = url_of_kind();
  std::unique_ptr<Objects> objects_ = Objects::open(url_, outside_.egress);
};

std::vector<std::string> kinds() {
  if (s3_url_or_empty().empty()) return {"disk"};
  return {"disk", "s3"};
}
INSTANTIATE_TEST_SUITE_P(Storage, ObjectsTest, ::testing::ValuesIn(kinds()),
                         [](const auto& info) { return info.param; });

class DiskObjectsTest : public ObjectsTest {};
INSTANTIATE_TEST_SUITE_P(Storage, DiskObjectsTest, ::testing::Values("disk"),
                         [](const auto& info) { return info.param; });

TEST_P(ObjectsTest, WhatWasPutComesBackWithItsSizeAndChecksum) {
  const auto stored = store("abc", "hello");
  EXPECT_EQ(stored.size, 5U);
  EXPECT_EQ(stored.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  const std::string large(1'000'003, 'x');
  store("large", large);
  EXPECT_EQ(load("large"), large);
  store("empty", "");
  EXPECT_EQ(load("empty"), "");
}

TEST_P(ObjectsTest, ARangeIsReadAlone) {
  store("abc", "0123456789");
  EXPECT_EQ(load("abc", 3, 4), "3456");
  EXPECT_EQ(load("abc", 8, 100), "89");
  EXPECT_EQ(load("abc", 10), "");
  EXPECT_EQ(objects_->get("abc", 3, 4)->object_size(), 10U);
  EXPECT_EQ(code_of([&] { load("abc", 11); }), ATRIUM_E_INVALID);
}

TEST_P(ObjectsTest, NothingIsThereBeforeFinishAndNothingRemainsWithoutIt) {
  {
    auto writer = objects_->put("abc");
    writer->append("half");
    EXPECT_EQ(code_of([&] { load("abc"); }), ATRIUM_E_NOT_FOUND);
    EXPECT_TRUE(listed().empty());
  }
  EXPECT_TRUE(listed().empty());
  const auto incoming = directory_.path() + "/objects/incoming";
  EXPECT_TRUE(!std::filesystem::exists(incoming) || std::filesystem::is_empty(incoming));
}

TEST_P(ObjectsTest, OfTwoWithOneIdTheSecondIsRefusedAndTheFirstStays) {
  auto one = objects_->put("abc");
  auto two = objects_->put("abc");
  one->append("one");
  two->append("two");
  one->finish();
  EXPECT_EQ(code_of([&] { two->finish(); }), ATRIUM_E_CONFLICT);
  EXPECT_EQ(load("abc"), "one");
}

TEST_P(ObjectsTest, RemovingKeepsOpenReadersWhole) {
  store("abc", "hello");
  auto reader = objects_->get("abc");
  EXPECT_TRUE(objects_->remove("abc"));
  EXPECT_FALSE(objects_->remove("abc"));
  std::array<char, 16> buffer;
  EXPECT_EQ(reader->read(buffer), 5U);
  EXPECT_EQ(code_of([&] { load("abc"); }), ATRIUM_E_NOT_FOUND);
}

TEST_P(ObjectsTest, IdsThatAreNoIdsReachNoFile) {
  for (const auto* id : {"", "..", "../x", "a/b", "a.b", "a b", "\xc3\xa9"}) {
    EXPECT_EQ(code_of([&] { objects_->put(id); }), ATRIUM_E_INVALID) << id;
    EXPECT_EQ(code_of([&] { objects_->get(id); }), ATRIUM_E_INVALID) << id;
    EXPECT_EQ(code_of([&] { objects_->remove(id); }), ATRIUM_E_INVALID) << id;
  }
  EXPECT_EQ(code_of([&] { objects_->put(std::string(129, 'a')); }), ATRIUM_E_INVALID);
}

TEST_P(ObjectsTest, ListingFindsAllOfThem) {
  std::vector<std::string> expected;
  for (int i = 100; i < 150; ++i) store(expected.emplace_back("id-" + std::to_string(i)), "x");
  EXPECT_EQ(listed(), expected);
}

TEST_P(ObjectsTest, AListingEndsWhereItIsStopped) {
  for (const auto* id : {"a", "b", "c"}) store(id, "four");
  int seen = 0;
  objects_->list([&](const std::string&, std::uint64_t size, std::chrono::seconds age) {
    EXPECT_EQ(size, 4U);
    EXPECT_LT(age, 1h);
    return ++seen < 2;
  });
  EXPECT_EQ(seen, 2);
}

TEST_P(ObjectsTest, AStoreThatWorksPassesItsCheck) { EXPECT_NO_THROW(objects_->check()); }

TEST_P(DiskObjectsTest, AFolderMakesNoUrls) { EXPECT_FALSE(objects_->presign("abc", 1h, {})); }

TEST_P(DiskObjectsTest, AFolderThatIsGoneFailsItsCheck) {
  std::filesystem::remove_all(directory_.path() + "/objects");
  EXPECT_EQ(code_of([&] { objects_->check(); }), ATRIUM_E_UNAVAILABLE);
}

TEST_P(DiskObjectsTest, OpeningRemovesOldLeftoversOfACrashAndKeepsWhatIsBeingWritten) {
  auto writer = objects_->put("young");
  const auto leftover = std::filesystem::path(directory_.path()) / "objects/incoming/old.1.1";
  std::ofstream(leftover) << "half";
  std::filesystem::last_write_time(leftover, std::filesystem::file_time_type::clock::now() - 48h);
  Objects::open(url_, outside_.egress);
  EXPECT_FALSE(std::filesystem::exists(leftover));
  writer->append("whole");
  writer->finish();
  EXPECT_EQ(load("young"), "whole");
}

}  // namespace
}  // namespace kernel::storage
