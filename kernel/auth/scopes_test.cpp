#include "auth/scopes.hpp"

#include <gtest/gtest.h>

namespace kernel::auth {
namespace {

constexpr Operation cancel{"POST", "/tasks/{id}/cancel", true}, list{"GET", "/tasks", false};

TEST(ScopesTest, name_an_area_to_read_or_to_write) {
  EXPECT_TRUE(covers("tasks:write", cancel));
  EXPECT_FALSE(covers("tasks:write", list));
  EXPECT_TRUE(covers("tasks:read", list));
  EXPECT_FALSE(covers("tasks:read", cancel));
}

TEST(ScopesTest, name_all_areas) {
  EXPECT_TRUE(covers("*:read", list));
  EXPECT_FALSE(covers("*:read", cancel));
  EXPECT_TRUE(covers("*:write", cancel));
}

TEST(ScopesTest, name_one_operation) {
  EXPECT_TRUE(covers("POST /tasks/{id}/cancel", cancel));
  EXPECT_TRUE(covers("GET /tasks", list));
  EXPECT_FALSE(covers("GET /tasks", cancel));
}

TEST(ScopesTest, name_nothing_that_only_looks_alike) {
  for (const auto* scope : {"",
                            ":",
                            "*",
                            "*:*",
                            "tasks",
                            "tasks:",
                            ":read",
                            "task:read",
                            "taskss:read",
                            "tasks:READ",
                            "Tasks:read",
                            "tasks:read ",
                            " tasks:read",
                            "tasks:read:write",
                            "tasks:write:read",
                            "GET /task",
                            "GET  /tasks",
                            "get /tasks",
                            "GET /tasks/",
                            "GET /tasks/{id}",
                            "agents:read"})
    EXPECT_FALSE(covers(scope, list)) << scope;
}

TEST(ScopesTest, one_that_covers_is_enough) {
  EXPECT_TRUE(cover({"agents:read", "tasks:read"}, list));
  EXPECT_FALSE(cover({"agents:read", "tasks:write"}, list));
  EXPECT_FALSE(cover({}, list));
}

TEST(ScopesTest, what_describes_an_operation_covers_it) {
  EXPECT_EQ(scopes_of(cancel), (Scopes{"tasks:write", "POST /tasks/{id}/cancel"}));
  for (const auto& scope : scopes_of(list)) EXPECT_TRUE(covers(scope, list)) << scope;
}

}  // namespace
}  // namespace kernel::auth
