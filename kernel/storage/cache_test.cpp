#include "storage/cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace kernel::storage {
namespace {

using namespace std::chrono_literals;

class CacheTest : public ::testing::Test {
 protected:
  std::chrono::steady_clock::time_point now_;
  std::unique_ptr<Cache> cache_ = make_memory_cache(1'000'000, [this] { return now_; });
};

TEST_F(CacheTest, KeepsAValueForItsTime) {
  cache_->put("a", "1", 10s);
  EXPECT_EQ(cache_->get("a"), "1");
  now_ += 9s;
  EXPECT_EQ(cache_->get("a"), "1");
  now_ += 1s;
  EXPECT_EQ(cache_->get("a"), std::nullopt);
}

TEST_F(CacheTest, PutReplacesAndRemoveForgets) {
  cache_->put("a", "1", 10s);
  cache_->put("a", "2", 10s);
  EXPECT_EQ(cache_->get("a"), "2");
  cache_->remove("a");
  cache_->remove("a");
  EXPECT_EQ(cache_->get("a"), std::nullopt);
}

TEST_F(CacheTest, OfManyThatAddOneKeyOneSucceeds) {
  std::atomic<int> added = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { added += cache_->add("a", "x", 10s); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(added, 1);
  now_ += 10s;
  EXPECT_TRUE(cache_->add("a", "y", 10s));
}

TEST_F(CacheTest, IncrementLosesNoneAndKeepsTheFirstTime) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) cache_->increment("n", 1, 10s);
    });
  for (auto& thread : threads) thread.join();
  now_ += 9s;
  EXPECT_EQ(cache_->increment("n", 1, 10s), 4001);
  now_ += 1s;
  EXPECT_EQ(cache_->increment("n", 1, 10s), 1);
  EXPECT_EQ(cache_->increment("n", INT64_MAX, 10s), INT64_MAX);
}

TEST_F(CacheTest, StaysWithinItsBoundAndKeepsWhatIsUsed) {
  const std::string value(1000, 'x');
  cache_->put("used", value, 1h);
  int kept = 0;
  for (int i = 0; i < 5000; ++i) {
    cache_->put("key " + std::to_string(i), value, 1h);
    EXPECT_TRUE(cache_->get("used").has_value());
  }
  for (int i = 0; i < 5000; ++i) kept += cache_->get("key " + std::to_string(i)).has_value();
  EXPECT_GT(kept, 500);
  EXPECT_LT(kept, 1000);
  cache_->put("too large", std::string(2'000'000, 'x'), 1h);
  EXPECT_EQ(cache_->get("too large"), std::nullopt);
}

}  // namespace
}  // namespace kernel::storage
