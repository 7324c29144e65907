#include "storage/testing/database_fixture.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

class MigrationsTest : public DatabaseTest {};
ATRIUM_ON_BOTH_DIALECTS(MigrationsTest);

TEST_P(MigrationsTest, AFileRunsOnce) {
  auto database = open_database();
  const std::string file = "CREATE TABLE a (id TEXT); INSERT INTO a VALUES ('x');";
  database->migrate("kernel", "0009_a", file);
  database->migrate("kernel", "0009_a", file);
  database.reset();
  database = open_database();
  database->migrate("kernel", "0009_a", file);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM a"), 1);
}

TEST_P(MigrationsTest, AChangedFileIsRefusedByName) {
  auto database = open_database();
  database->migrate("kernel", "0009_a", "CREATE TABLE a (id TEXT)");
  try {
    database->migrate("kernel", "0009_a", "CREATE TABLE a (id TEXT, more TEXT)");
    FAIL() << "accepted";
  } catch (const SqlError& error) {
    EXPECT_EQ(error.code(), ATRIUM_E_CONFLICT);
    EXPECT_NE(std::string(error.what()).find("kernel/0009_a"), std::string::npos) << error.what();
  }
}

TEST_P(MigrationsTest, AFailingFileLeavesNothingAndCanBeRunOnceMended) {
  auto database = open_database();
  const auto code =
      code_of([&] { database->migrate("kernel", "0009_a", "CREATE TABLE a (id TEXT); CREATE TABEL b (id TEXT)"); });
  EXPECT_NE(code, ATRIUM_OK);
  database->migrate("kernel", "0009_a", "CREATE TABLE a (id TEXT); CREATE TABLE b (id TEXT)");
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM b"), 0);
}

TEST_P(MigrationsTest, AnOwnerDefinesOnlyWhatItWasGranted) {
  auto database = open_database();
  database->grant({"notes", {"notes"}});
  const auto run = [&](const std::string& name, const std::string& sql) {
    return code_of([&] { database->migrate("notes", name, sql); });
  };
  EXPECT_EQ(run("1",
                "CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT); CREATE INDEX notes_text ON notes (text);"
                "ALTER TABLE notes ADD COLUMN more TEXT; INSERT INTO notes (id) VALUES ('n')"),
            ATRIUM_OK);
  EXPECT_EQ(run("2", "CREATE TABLE others (id TEXT)"), ATRIUM_E_DENIED);
  EXPECT_EQ(run("3", "DROP TABLE users"), ATRIUM_E_DENIED);
  EXPECT_EQ(run("4", "ALTER TABLE users ADD COLUMN x TEXT"), ATRIUM_E_DENIED);
  EXPECT_EQ(run("5", "CREATE INDEX spy ON users (email)"), ATRIUM_E_DENIED);
  EXPECT_EQ(run("6", "INSERT INTO notes (id) SELECT id FROM users"), ATRIUM_E_DENIED);
}

TEST_P(MigrationsTest, NodesThatStartTogetherMigrateOnce) {
  std::vector<std::thread> nodes;
  std::atomic<int> good = 0;
  for (int i = 0; i < 4; ++i)
    nodes.emplace_back([&] {
      good += code_of([&] {
                auto database = open_database();
                database->migrate("kernel", "0009_a", "CREATE TABLE a (id TEXT); INSERT INTO a VALUES ('x')");
              }) == ATRIUM_OK;
    });
  for (auto& node : nodes) node.join();
  EXPECT_EQ(good, 4);
  EXPECT_EQ(number_of(*open_database(), "SELECT count(*) FROM a"), 1);
}

TEST_P(MigrationsTest, PreparedStatementsSurviveAChangeOfTheirTable) {
  auto database = open_with_items();
  const auto read = [&] { return text_of(*database, "SELECT * FROM items"); };
  const auto write = [&](const char* id) {
    const Value values[] = {id};
    std::string returned;
    database->transact({}, [&](Transaction& t) {
      t.exec("kernel", "INSERT INTO items (id) VALUES (?) RETURNING *", values, [&](Row row) {
        returned = row[0].value_or("");
        return true;
      });
      return ATRIUM_OK;
    });
    return returned;
  };
  EXPECT_EQ(write("a"), "a");
  EXPECT_EQ(read(), "a");
  database->migrate("kernel", "wider", "ALTER TABLE items ADD COLUMN more TEXT");
  EXPECT_EQ(write("b"), "b");
  EXPECT_EQ(read(), "a");
}

TEST(SqliteMigrations, TriggersAndFullTextTablesAreGrantedWithTheirTable) {
  const TemporaryDirectory directory;
  DatabaseOptions options;
  options.url = "sqlite:" + directory.path() + "/test.db";
  auto database = Database::open(options);
  database->grant({"notes", {"notes", "notes_search"}});
  database->migrate("notes", "1", R"sql(
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    CREATE VIRTUAL TABLE notes_search USING fts5(text, content='notes', content_rowid='id');
    CREATE TRIGGER notes_insert AFTER INSERT ON notes BEGIN
      INSERT INTO notes_search (rowid, text) VALUES (new.id, CASE WHEN new.text IS NULL THEN '' ELSE new.text END);
    END;
  )sql");
  database->transact({}, [](Transaction& t) {
    t.exec("notes", "INSERT INTO notes (text) VALUES ('the open door')", {});
    return ATRIUM_OK;
  });
  std::string found;
  database->read("notes",
                 "SELECT n.text FROM notes_search s JOIN notes n ON n.id = s.rowid WHERE notes_search MATCH 'door'", {},
                 [&](Row row) {
                   found = row[0].value_or("");
                   return true;
                 });
  EXPECT_EQ(found, "the open door");
  EXPECT_NE(code_of([&] {
              database->transact({}, [](Transaction& t) {
                return t.exec("notes", "UPDATE sqlite_master SET sql = 'x'", {}), ATRIUM_OK;
              });
            }),
            ATRIUM_OK);
}

}  // namespace
}  // namespace kernel::storage
