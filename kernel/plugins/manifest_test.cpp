#include "plugins/manifest.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <vector>

namespace kernel::plugins {
namespace {

using nlohmann::json;

json sound() {
  return {{"id", "notes"}, {"version", "1.2.3"}, {"name", "Notes"}, {"abi", {{"major", 1}, {"minor", 0}}}};
}

std::string fault_of(const json& document) {
  try {
    Manifest::parse(document.dump(), "notes/plugin.json");
  } catch (const ManifestError& fault) {
    return fault.what();
  }
  return "accepted";
}

TEST(Manifest, ReadsWhatAPluginSaysOfItself) {
  auto document = sound();
  document["services"] = {{"provides", {"a.kind/one"}}, {"requires", {"b.kind/*"}}};
  document["egress"] = "both";
  const auto manifest = Manifest::parse(document.dump(), "plugin.json");
  EXPECT_EQ(manifest.id, "notes");
  EXPECT_EQ(manifest.requires_, std::vector<std::string>{"b.kind/*"});
  EXPECT_TRUE(manifest.egress_user && manifest.egress_operator);
}

TEST(Manifest, HostsThatItNamesAreTheOnlyOnes) {
  auto document = sound();
  document["egress"] = {"api.example.org", "*.example.net"};
  document["routes"] = {"/notes", "/tasks/{id}/notes"};
  const auto manifest = Manifest::parse(document.dump(), "plugin.json");
  EXPECT_TRUE(manifest.egress_user && !manifest.egress_operator);
  EXPECT_EQ(manifest.egress_hosts.at(1), "*.example.net");
  EXPECT_EQ(manifest.routes.at(1), "/tasks/{id}/notes");
}

TEST(Manifest, NamesFileAndMemberOfAFault) {
  for (const auto& [member, value] : std::vector<std::pair<std::string, json>>{{"id", "Not a slug"},
                                                                               {"id", "../up"},
                                                                               {"id", "kernel"},
                                                                               {"version", "1.2"},
                                                                               {"egress", "all"},
                                                                               {"tables", {"x; drop table y"}},
                                                                               {"routes", {"notes"}},
                                                                               {"routes", {"/notes/"}},
                                                                               {"egress", {"https://example.org"}},
                                                                               {"egress", {"*"}},
                                                                               {"egress", json::array()},
                                                                               {"environment", {"lower"}},
                                                                               {"colour", "red"}}) {
    auto document = sound();
    document[member] = value;
    EXPECT_EQ(fault_of(document).find("notes/plugin.json: " + member), 0U) << fault_of(document);
  }
}

TEST(Manifest, RefusesANewerAbiNamingBothNumbers) {
  auto document = sound();
  document["abi"]["minor"] = 7;
  const auto fault = fault_of(document);
  EXPECT_NE(fault.find("1.7"), std::string::npos) << fault;
  EXPECT_NE(fault.find("1.0"), std::string::npos) << fault;
}

TEST(Manifest, ACommandIsAServiceThatItProvides) {
  auto document = sound();
  const nlohmann::json command{
      {"name", "notes"}, {"summary", "List"}, {"usage", "atrium notes"}, {"example", "atrium notes"}};
  document["commands"] = {command};
  const auto manifest = Manifest::parse(document.dump(), "plugin.json");
  EXPECT_EQ(manifest.commands.at(0).usage, "atrium notes");
  EXPECT_EQ(manifest.provides, std::vector<std::string>{"command/notes"});
  document["commands"] = {command, command};
  EXPECT_NE(fault_of(document).find("commands/1/name"), std::string::npos) << fault_of(document);
  document["commands"] = {{{"name", "Notes"}, {"summary", "x"}, {"usage", "x"}, {"example", "x"}}};
  EXPECT_NE(fault_of(document).find("commands/0/name"), std::string::npos) << fault_of(document);
  document["commands"] = {{{"name", "notes"}}};
  EXPECT_NE(fault_of(document).find("commands/0/summary is missing"), std::string::npos) << fault_of(document);
}

TEST(Manifest, SaysWhereJsonEnds) {
  EXPECT_THROW(Manifest::parse("{\"id\": ", "plugin.json"), ManifestError);
  EXPECT_THROW(Manifest::parse("[]", "plugin.json"), ManifestError);
}

}  // namespace
}  // namespace kernel::plugins
