#include "auth/lookaside_cache.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace kernel::auth {
namespace {

using Cache = LookasideCache<std::string>;

TEST(LookasideCacheTest, reads_once_and_then_remembers) {
  Cache cache(100);
  int reads = 0;
  const auto read = [&] { return ++reads, std::make_shared<std::string>("value"); };
  EXPECT_EQ(*cache.find_or_read("key", read), "value");
  EXPECT_EQ(*cache.find_or_read("key", read), "value");
  EXPECT_EQ(reads, 1);
}

TEST(LookasideCacheTest, what_does_not_exist_is_not_remembered) {
  Cache cache(100);
  EXPECT_EQ(cache.find_or_read("key", [] { return Cache::Pointer(); }), nullptr);
  EXPECT_NE(cache.find_or_read("key", [] { return std::make_shared<std::string>("now"); }), nullptr);
}

TEST(LookasideCacheTest, what_is_dropped_while_being_read_does_not_come_back) {
  Cache cache(100);
  cache.find_or_read("key", [&] {
    auto stale = std::make_shared<std::string>("read before it ended");
    cache.drop("key");
    return stale;
  });
  EXPECT_EQ(cache.find("key"), nullptr);
  cache.find_or_read("key", [&] {
    cache.drop_if([](const std::string&) { return true; });
    return std::make_shared<std::string>("stale");
  });
  EXPECT_EQ(cache.find("key"), nullptr);
}

TEST(LookasideCacheTest, drop_if_takes_exactly_those_that_match) {
  Cache cache(1000);
  for (int i = 0; i < 100; ++i)
    cache.find_or_read(std::to_string(i), [&] { return std::make_shared<std::string>(i % 2 ? "odd" : "even"); });
  cache.drop_if([](const std::string& value) { return value == "odd"; });
  int left = 0;
  cache.for_each([&](const std::string& value) {
    EXPECT_EQ(value, "even");
    ++left;
  });
  EXPECT_EQ(left, 50);
}

TEST(LookasideCacheTest, it_is_bounded) {
  Cache cache(640);
  for (int i = 0; i < 10'000; ++i)
    cache.find_or_read(std::to_string(i), [] { return std::make_shared<std::string>(); });
  int kept = 0;
  cache.for_each([&](const std::string&) { ++kept; });
  EXPECT_LE(kept, 704);
  EXPECT_GT(kept, 0);
}

}  // namespace
}  // namespace kernel::auth
