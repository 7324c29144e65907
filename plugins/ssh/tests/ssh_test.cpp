#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

class Ssh : public ::testing::Test {
 protected:
  Ssh() {
    host.services.provide("secrets/vault", [this](const atrium::Call& call) -> Json {
      asked.push_back(std::string(call.method()));
      if (call.json().at("reference") != "key") throw atrium::not_found("There is no such secret.");
      return {{"value", "hunter2"}, {"version", 1}};
    });
  }
  Json make(Json members = Json::object()) {
    const Json usual{{"name", "web"}, {"hostname", "192.0.2.7"}, {"username", "deploy"}, {"auth_method", "password"}};
    for (const auto& [name, value] : usual.items())
      if (!members.contains(name)) members[name] = value;
    const auto made = host.post("/ssh-connections", members, admin);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  static std::string path(const Json& connection) {
    return "/ssh-connections/" + connection.at("id").get<std::string>();
  }
  Response execute(const Json& connection, const std::string& command) {
    return host.post(path(connection) + "/execute", {{"command", command}}, admin);
  }
  Json executions(const Json& connection) { return host.get(path(connection) + "/executions", admin).json()["items"]; }

  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::vector<std::string> asked;
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};

TEST_F(Ssh, EveryFaultOfAConnectionIsNamed) {
  const auto refused = host.post("/ssh-connections",
                                 {{"name", ""},
                                  {"hostname", "-oProxyCommand=x"},
                                  {"port", 70'000},
                                  {"username", "a\nb"},
                                  {"auth_method", "telepathy"},
                                  {"host_key", "ignored"},
                                  {"max_output_bytes", 0},
                                  {"allowed_commands", {""}},
                                  {"more", 1}},
                                 admin);
  EXPECT_EQ(refused.pointers(), (std::set<std::string>{"/name", "/hostname", "/port", "/username", "/auth_method",
                                                       "/max_output_bytes", "/allowed_commands/0", "/more"}));
}

TEST_F(Ssh, SecretsMustBeThereWhenTheyAreNamed) {
  EXPECT_EQ(make({{"secret", "key"}})["secret"], "key");
  const Json other{{"name", "b"},      {"hostname", "b"},           {"username", "u"}, {"auth_method", "private_key"},
                   {"secret", "lost"}, {"passphrase_secret", "key"}};
  EXPECT_EQ(host.post("/ssh-connections", other, admin).pointers(), std::set<std::string>{"/secret"});
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "take"), 0);  // looked for, not looked at
}

TEST_F(Ssh, AnAgentNeedsNoSecretAndAPasswordNoPassphrase) {
  const Json by_agent{{"name", "b"}, {"hostname", "b"}, {"username", "u"}, {"auth_method", "agent"}, {"secret", "key"}};
  EXPECT_EQ(host.post("/ssh-connections", by_agent, admin).pointers(), std::set<std::string>{"/secret"});
  const Json by_password{
      {"name", "b"}, {"hostname", "b"}, {"username", "u"}, {"auth_method", "password"}, {"passphrase_secret", "key"}};
  EXPECT_EQ(host.post("/ssh-connections", by_password, admin).pointers(), std::set<std::string>{"/passphrase_secret"});
}

TEST_F(Ssh, NobodyButAdminsHearsOfConnections) {
  const auto connection = make();
  EXPECT_TRUE(host.events.topics().empty());
  EXPECT_EQ(host.get(path(connection)).status, 403);
  EXPECT_EQ(host.get("/ssh-connections", viewer).status, 403);
  EXPECT_EQ(host.post(path(connection) + "/test", nullptr).status, 403);
  EXPECT_EQ(host.post(path(connection) + "/execute", {{"command", "id"}}).status, 403);
}

TEST_F(Ssh, WhatIsNotListedIsRefusedAndWrittenDown) {
  const auto connection = make({{"allowed_commands", {"uptime", "systemctl status *"}}});
  const auto refused = execute(connection, "uptime; id");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.json()["type"], "/problems/command-not-allowed");
  ASSERT_EQ(executions(connection).size(), 1U);
  EXPECT_EQ(executions(connection)[0]["command"], "uptime; id");
  EXPECT_EQ(executions(connection)[0]["status"], "refused");
  EXPECT_TRUE(host.egress.dialled.empty());
}

TEST_F(Ssh, WhereNobodyAnswersTheIntentIsWrittenDownAllTheSame) {
  host.egress.dialling = [](const Json&) { return ScriptedConnection{-1, ATRIUM_E_UNAVAILABLE, "refused"}; };
  const auto connection = make();
  const auto failed = execute(connection, "id");
  EXPECT_EQ(failed.status, 502);
  EXPECT_EQ(failed.json()["type"], "/problems/ssh-unreachable");
  EXPECT_NE(failed.json()["detail"].get<std::string>().find("192.0.2.7 port 22"), std::string::npos);
  EXPECT_EQ(executions(connection)[0]["status"], "failed");
  EXPECT_EQ(host.egress.dialled.at(0)["trust"], "operator");
}

TEST_F(Ssh, AFailedTestIsAnAnswer) {
  const auto connection = make();
  host.egress.dialling = [](const Json&) { return ScriptedConnection{-1, ATRIUM_E_TIMEOUT, "nothing came"}; };
  const auto tested = host.post(path(connection) + "/test", nullptr, admin);
  EXPECT_EQ(tested.status, 200);
  EXPECT_EQ(tested.json()["ok"], false);
  EXPECT_EQ(tested.json()["reason"], "timeout");
  EXPECT_EQ(host.post(path(connection) + "/test", {{"confirm_fingerprint", "yes"}}, admin).pointers(),
            std::set<std::string>{"/confirm_fingerprint"});
}

TEST_F(Ssh, AgentsRunWhatIsListedForThemAndNothingElse) {
  const std::string agent = atrium::Id::make().str();
  make({{"name", "closed"}, {"allowed_commands", {"uptime"}}});
  make({{"name", "bare"}, {"allow_agents", true}});
  make({{"name", "open"}, {"allow_agents", true}, {"allowed_commands", {"uptime"}}});
  const auto use = [&](const char* name, const char* command) {
    return host.use_tool("ssh_execute", {{"connection", name}, {"command", command}}, agent);
  };
  EXPECT_EQ(host.services.metadata("agent.tool/ssh_execute")["risk"], "dangerous");
  EXPECT_EQ(use("closed", "uptime").status, ATRIUM_E_NOT_FOUND);
  EXPECT_EQ(use("bare", "uptime").status, ATRIUM_E_DENIED);
  EXPECT_EQ(use("open", "id").status, ATRIUM_E_DENIED);
  EXPECT_TRUE(host.egress.dialled.empty());
  use("open", "uptime");
  EXPECT_EQ(host.egress.dialled.size(), 1U);
}

TEST_F(Ssh, WhatALostProcessLeftOpenIsClosed) {
  const auto connection = make();
  host.db.script(
      "INSERT INTO ssh_executions (id, connection_id, command, actor_kind, actor_id, status, output_bytes, "
      "started_at, deadline_at) VALUES ('0190a000-0000-7000-8000-0000000000f1', '" +
      connection["id"].get<std::string>() + "', 'reboot', 'user', 'x', 'running', 0, 1, 2)");
  host.advance(std::chrono::seconds(31));
  EXPECT_EQ(executions(connection)[0]["status"], "interrupted");
  EXPECT_NE(executions(connection)[0]["error"], nullptr);
}

}  // namespace
