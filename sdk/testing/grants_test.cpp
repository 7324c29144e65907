// What an entry of plugin.json grants, and what it does not.
#include <atrium/grants.hpp>

#include <gtest/gtest.h>

namespace atrium {
namespace {

TEST(Grants, APathGrantsThoseBelowIt) {
  EXPECT_TRUE(grants::route("/notes", "/notes"));
  EXPECT_TRUE(grants::route("/notes", "/notes/{id}"));
  EXPECT_FALSE(grants::route("/notes", "/notes-of-others"));
  EXPECT_FALSE(grants::route("/notes/{id}", "/notes"));
}

TEST(Grants, AServiceOrAllOfAKind) {
  EXPECT_TRUE(grants::service("agent.tool/note", "agent.tool/note"));
  EXPECT_TRUE(grants::service("agent.tool/*", "agent.tool/note"));
  EXPECT_FALSE(grants::service("agent.tool/note", "agent.tool/note2"));
  EXPECT_FALSE(grants::service("agent.tool/*", "agent.toolbox/note"));
}

TEST(Grants, AHostOrAllBelowADomain) {
  EXPECT_TRUE(grants::host("api.example.org", "API.Example.Org."));
  EXPECT_FALSE(grants::host("example.org", "api.example.org"));
  EXPECT_TRUE(grants::host("*.example.org", "eu.api.example.org"));
  for (const auto* other : {"example.org", ".example.org", "badexample.org", "example.org.evil.net", "",
                            "::1%.example.org", "2606:4700::1111%a.example.org", "evil.net/.example.org"})
    EXPECT_FALSE(grants::host("*.example.org", other)) << other;
}

}  // namespace
}  // namespace atrium
