#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using atrium::Json;

namespace {

const std::string ada = atrium::Id::make().str(), bob = atrium::Id::make().str();

class Messages : public ::testing::Test {
 protected:
  Messages() {
    host.services.provide("agents/directory", [](const atrium::Call& call) -> Json {
      if (const auto id = call.json().at("id"); id == ada || id == bob) return {{"id", id}};
      throw atrium::not_found();
    });
  }
  Json send(const Json& members) {
    const auto sent = host.post("/messages/send", members);
    EXPECT_EQ(sent.status, 201) << sent.body;
    return sent.json();
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};

TEST_F(Messages, AMessageIsKeptListedAndAnnounced) {
  const auto sent = send({{"sender_agent_id", ada}, {"recipient_agent_id", bob}, {"body", "hello"}});
  for (const auto& either : {ada, bob})
    EXPECT_EQ(host.get("/messages?agent_id=" + either).json()["items"], Json::array({sent}));
  EXPECT_EQ(host.get("/messages?sender_agent_id=" + bob).json()["total"], 0);
  EXPECT_EQ(host.events.last("message.new").json(), sent);
}

TEST_F(Messages, ItGoesToOneAgentOrToOneChannel) {
  EXPECT_EQ(host.post("/messages/send", {{"body", "x"}}).pointers(), std::set<std::string>{"/recipient_agent_id"});
  EXPECT_EQ(host.post("/messages/send", {{"body", "x"}, {"recipient_agent_id", ada}, {"channel", "all"}}).status, 422);
  EXPECT_EQ(send({{"body", "x"}, {"channel", "all"}})["channel"], "all");
}

TEST_F(Messages, BothAgentsMustExist) {
  const auto nobody = atrium::Id::make().str();
  EXPECT_EQ(host.post("/messages/send", {{"body", "x"}, {"recipient_agent_id", nobody}}).pointers(),
            std::set<std::string>{"/recipient_agent_id"});
  EXPECT_EQ(host.post("/messages/send", {{"body", "x"}, {"channel", "all"}, {"sender_agent_id", nobody}}).pointers(),
            std::set<std::string>{"/sender_agent_id"});
  EXPECT_TRUE(host.events.recorded().empty());
}

TEST_F(Messages, TheFirstReadingCounts) {
  const std::string path = "/messages/" + send({{"body", "x"}, {"channel", "all"}})["id"].get<std::string>() + "/read";
  const auto first = host.patch(path, nullptr, viewer);
  EXPECT_EQ(first.json()["is_read"], true);
  EXPECT_EQ(host.patch(path).json(), first.json());
  EXPECT_EQ(host.events.topics(), (std::vector<std::string>{"message.new", "message.read"}));
}

TEST_F(Messages, AnAgentSendsInItsOwnName) {
  const auto used = host.use_tool("message_send", {{"recipient_agent_id", bob}, {"body", "hello"}}, ada);
  EXPECT_EQ(used.status, ATRIUM_OK) << used.json;
  const auto sent = host.events.last("message.new");
  EXPECT_EQ(sent.json()["sender_agent_id"], ada);
  EXPECT_EQ(sent.actor, "agent:" + ada);
  EXPECT_EQ(host.use_tool("message_send", {{"body", "to whom?"}}, ada).status, ATRIUM_E_INVALID);
}

}  // namespace
