#include "settings/registry.hpp"

#include "events/follower.hpp"
#include "storage/testing/postgresql_cluster.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace kernel::settings {
namespace {

using atrium::Json;

/// Enough to see that a secret is not stored as it is.
class Backwards final : public Sealer {
 public:
  std::string seal(std::string_view plain, std::string_view bound_to) const override {
    return std::string(bound_to) + '|' + std::string(plain.rbegin(), plain.rend());
  }
  std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const override {
    const auto bar = sealed.find('|');
    if (sealed.substr(0, bar) != bound_to) return std::nullopt;
    const auto rest = sealed.substr(bar + 1);
    return std::string(rest.rbegin(), rest.rend());
  }
};

Definition number(const std::string& key, std::int64_t standard) {
  return Definition::parse("notes", {{"key", key},
                                     {"type", "integer"},
                                     {"default", standard},
                                     {"description", "A number"},
                                     {"minimum", 0},
                                     {"maximum", 100}});
}
Definition secret() {
  return Definition::parse(
      "notes", {{"key", "token"}, {"type", "string"}, {"default", ""}, {"description", "A token"}, {"secret", true}});
}

class OnEachDatabase : public ::testing::TestWithParam<storage::Dialect> {
 protected:
  OnEachDatabase() {
    std::string pattern = (std::filesystem::temp_directory_path() / "atrium-settings-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    storage::DatabaseOptions options;
    options.url = GetParam() == storage::Dialect::sqlite
                      ? "sqlite:" + (folder_ / "atrium.db").string()
                      : storage::testing::PostgresqlCluster::instance().new_database();
    options.audit_key = std::string(32, 'a');
    database_ = storage::Database::open(options);
    one_ = make();
    two_ = make();
  }
  ~OnEachDatabase() override {
    one_.reset();
    two_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<Registry> make() {
    auto made = std::make_unique<Registry>(*database_, sealer_);
    made->declare("notes", {number("small", 1), number("large", 50), secret()});
    made->load();
    return made;
  }
  std::string text(const std::string& sql) {
    std::string all;
    database_->read("kernel", sql, {}, [&](storage::Row row) {
      for (const auto& column : row) all.append(column.value_or("")).append(" ");
      return true;
    });
    return all;
  }
  static std::vector<std::string> faults_of(const std::function<void()>& call) {
    std::vector<std::string> pointers;
    try {
      call();
    } catch (const atrium::Problem& problem) {
      EXPECT_EQ(problem.status, 422);
      for (const auto& fault : problem.errors) pointers.push_back(fault.pointer);
    }
    return pointers;
  }

  std::filesystem::path folder_;
  Backwards sealer_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Registry> one_, two_;
};
INSTANTIATE_TEST_SUITE_P(Each, OnEachDatabase,
                         ::testing::Values(storage::Dialect::sqlite, storage::Dialect::postgresql),
                         [](const auto& info) {
                           return std::string(info.param == storage::Dialect::sqlite ? "sqlite" : "postgresql");
                         });

TEST_P(OnEachDatabase, AValueAppliesHereAtOnceAndElsewhereOnceItIsRead) {
  EXPECT_EQ(one_->value("notes", "small"), 1);
  EXPECT_TRUE((*one_->show("notes", "small"))["updated_at"].is_null());
  one_->set({}, {{"notes", "small", 7, "/value"}});
  EXPECT_EQ(one_->value("notes", "small"), 7);
  EXPECT_TRUE((*one_->show("notes", "small"))["updated_at"].is_string());
  EXPECT_EQ(two_->value("notes", "small"), 1);
  two_->load();
  EXPECT_EQ(two_->value("notes", "small"), 7);
  EXPECT_EQ(make()->value("notes", "small"), 7);
}

TEST_P(OnEachDatabase, SeveralAreAllOrNothingAndEveryFaultIsNamed) {
  const auto faults = faults_of([&] {
    one_->set({}, {{"notes", "small", 7, "/a"}, {"notes", "large", 101, "/b"}, {"notes", "nothing", 1, "/c"}},
              {{"/d", "is not known here"}});
  });
  EXPECT_EQ(faults, (std::vector<std::string>{"/d", "/b", "/c"}));
  EXPECT_EQ(one_->value("notes", "small"), 1);
  EXPECT_EQ(text("SELECT count(*) FROM settings"), "0 ");
}

TEST_P(OnEachDatabase, ASecretIsSealedAndShownToNobody) {
  one_->set({}, {{"notes", "token", "hunter2", "/value"}});
  EXPECT_EQ(one_->value("notes", "token"), "hunter2");
  EXPECT_EQ((*one_->show("notes", "token"))["value"], mask);
  for (const auto* table : {"settings", "events", "audit"}) {
    const auto content = text(std::string("SELECT * FROM ") + table);
    EXPECT_FALSE(content.empty());
    EXPECT_EQ(content.find("hunter2"), std::string::npos) << table;
  }
  one_->set({}, {{"notes", "token", mask, "/value"}});
  EXPECT_EQ(one_->value("notes", "token"), "hunter2");
  one_->set({}, {{"notes", "token", "", "/value"}});
  EXPECT_EQ((*one_->show("notes", "token"))["value"], "");
}

TEST_P(OnEachDatabase, AChangeLeavesItsAuditRowAndItsEvent) {
  one_->set({.kind = "user", .id = "u1", .address = {}, .request_id = {}}, {{"notes", "small", 7, "/value"}});
  EXPECT_EQ(text("SELECT actor_id, action, resource, resource_id FROM audit"),
            "u1 setting.updated setting notes.small ");
  const auto event = text("SELECT topic, owner, data FROM events");
  EXPECT_TRUE(event.starts_with("setting.updated kernel ")) << event;
  EXPECT_NE(event.find("\"value\":7"), std::string::npos) << event;
}

TEST_P(OnEachDatabase, AStoredValueThatNoLongerSuitsCountsAsNotSet) {
  one_->set({}, {{"notes", "large", 90, "/value"}});
  auto tighter = number("large", 50);
  tighter.maximum = 60;
  one_->declare("notes", {tighter});
  EXPECT_EQ(one_->value("notes", "large"), 50);
  EXPECT_THROW(one_->value("notes", "small"), std::out_of_range);
  one_->declare("notes", {number("large", 50)});
  EXPECT_EQ(one_->value("notes", "large"), 90);
}

TEST_P(OnEachDatabase, ACategoryHasOneOwner) {
  EXPECT_THROW(one_->declare("thief", {number("other", 1)}), DefinitionError);
  EXPECT_THROW(one_->declare("notes", {number("same", 1), number("same", 2)}), DefinitionError);
}

TEST_P(OnEachDatabase, ListenersHearOfChangesUntilTheyGo) {
  int heard = 0;
  auto listening = one_->on_change([&] { ++heard; });
  one_->set({}, {{"notes", "small", 7, "/value"}});
  EXPECT_EQ(heard, 1);
  one_->load();
  EXPECT_EQ(heard, 1);
  listening.reset();
  one_->set({}, {{"notes", "small", 8, "/value"}});
  EXPECT_EQ(heard, 1);
}

TEST_P(OnEachDatabase, WhoeverWritesAtOnceIsHeardOnEveryNode) {
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      auto& node = writer % 2 == 0 ? *one_ : *two_;
      for (int value = 0; value < 10; ++value)
        node.set({}, {{"notes", writer < 2 ? "small" : "large", value, "/a"},
                      {"notes", writer < 2 ? "large" : "small", value, "/b"}});
    });
  for (auto& writer : writers) writer.join();
  one_->load();
  two_->load();
  // Bulk is one transaction: what stands there is one writer's pair.
  EXPECT_EQ(one_->value("notes", "small"), one_->value("notes", "large"));
  EXPECT_EQ(one_->value("notes", "small"), two_->value("notes", "small"));
}

TEST_P(OnEachDatabase, OtherNodesHearOfIt) {
  jobs::Jobs jobs({.threads = 2});
  events::Log events(*database_, jobs, {.poll = std::chrono::milliseconds(10)});
  events.start();
  std::atomic<bool> heard = false;
  const auto listening = two_->on_change([&] { heard = true, heard.notify_all(); });
  {
    const events::Follower follower(events, jobs, "settings", setting_updated_topic, [&] { two_->load(); });
    one_->set({}, {{"notes", "small", 7, "/value"}});
    heard.wait(false);
    EXPECT_EQ(two_->value("notes", "small"), 7);
  }
  events.stop();
  jobs.stop();
}

}  // namespace
}  // namespace kernel::settings
