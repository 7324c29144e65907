#include "events/log.hpp"

#include <gtest/gtest.h>

namespace kernel::events {
namespace {

TEST(EventPattern, NamesOneTopicAPrefixOrEverything) {
  EXPECT_TRUE(matches("task.created", "task.created"));
  EXPECT_FALSE(matches("task.created", "task.created.again"));
  EXPECT_TRUE(matches("task.*", "task.created"));
  EXPECT_TRUE(matches("task.*", "task.step.done"));
  EXPECT_FALSE(matches("task.*", "task"));
  EXPECT_FALSE(matches("task.*", "task."));
  EXPECT_FALSE(matches("task.*", "tasks.created"));
  EXPECT_TRUE(matches("*", "anything"));
}

TEST(EventPattern, RefusesWhatCannotMatch) {
  for (const auto* good : {"*", "task", "task.*", "task.created", "a.b.*", "code-review.done"})
    EXPECT_TRUE(valid_pattern(good)) << good;
  for (const auto* bad : {"", ".", ".*", "*.*", "task.", ".task", "task..x", "ta*k", "task.*.x", "task created", "**"})
    EXPECT_FALSE(valid_pattern(bad)) << bad;
  EXPECT_FALSE(valid_pattern(std::string(4'000, 'a')));
}

}  // namespace
}  // namespace kernel::events
