// Values, conflicts, grants and reads, the same on both dialects.
#include "storage/testing/database_fixture.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

class DatabaseBehaviour : public DatabaseTest {};
ATRIUM_ON_BOTH_DIALECTS(DatabaseBehaviour);

TEST_P(DatabaseBehaviour, ValuesComeBackAsTheyWere) {
  auto database = open_with_items();
  const std::string unicode = "Grüße, 世界 🏛 'quoted' \"too\" \\ ? $1 :name";
  database->transact({}, [&](Transaction& t) {
    const Value all[] = {"a", std::string_view(unicode), std::int64_t{9'007'199'254'740'993}, 0.1 + 0.2,
                         std::int64_t{1}};
    EXPECT_EQ(t.exec("kernel", "INSERT INTO items (id, value, number, share, done) VALUES (?, ?, ?, ?, ?)", all), 1);
    const Value none[] = {"b", Null(), Null(), Null(), Null()};
    t.exec("kernel", "INSERT INTO items (id, value, number, share, done) VALUES (?, ?, ?, ?, ?)", none);
    const Value empty[] = {"c", ""};
    t.exec("kernel", "INSERT INTO items (id, value) VALUES (?, ?)", empty);
    return ATRIUM_OK;
  });
  EXPECT_EQ(text_of(*database, "SELECT value FROM items WHERE id = ?", {"a"}), unicode);
  EXPECT_EQ(text_of(*database, "SELECT number FROM items WHERE id = ?", {"a"}), "9007199254740993");
  EXPECT_EQ(std::stod(text_of(*database, "SELECT share FROM items WHERE id = ?", {"a"})), 0.1 + 0.2);
  EXPECT_EQ(text_of(*database, "SELECT id FROM items WHERE done AND id = ?", {"a"}), "a");
  EXPECT_EQ(text_of(*database, "SELECT value FROM items WHERE id = ?", {"b"}), "NULL");
  EXPECT_EQ(text_of(*database, "SELECT value FROM items WHERE id = ?", {"c"}), "");
}

TEST_P(DatabaseBehaviour, TextWithANulCharacterIsRefusedAndHarmsNoNeighbour) {
  auto database = open_with_items();
  const std::string nul("a\0b", 3);
  Gate gate(*database);
  auto good = submit(*database, [](Transaction& t) { return insert_item(t, "good"), ATRIUM_OK; });
  auto statement = submit(*database, [&](Transaction& t) { return insert_item(t, nul), ATRIUM_OK; });
  auto change = submit(*database, [&](Transaction& t) { return record_item(t, nul), ATRIUM_OK; });
  gate.open();
  EXPECT_EQ(good.get().status, ATRIUM_OK);
  EXPECT_EQ(statement.get().status, ATRIUM_E_INVALID);
  EXPECT_EQ(change.get().status, ATRIUM_E_INVALID);
}

TEST_P(DatabaseBehaviour, AConflictNamesItsConstraint) {
  auto database = open_database();
  database->migrate("kernel", "named",
                    "CREATE TABLE named (email TEXT NOT NULL, CONSTRAINT email_taken UNIQUE (email))");
  const auto insert = [](Transaction& t) {
    t.exec("kernel", "INSERT INTO named (email) VALUES ('x')", {});
    return ATRIUM_OK;
  };
  database->transact({}, insert);
  try {
    database->transact({}, insert);
    FAIL() << "accepted the second";
  } catch (const SqlError& error) {
    EXPECT_EQ(error.code(), ATRIUM_E_CONFLICT);
    EXPECT_NE(std::string(error.what()).find("email"), std::string::npos) << error.what();
  }
}

TEST_P(DatabaseBehaviour, AParameterWhoseTypeItsPlaceDoesNotTellIsText) {
  auto database = open_with_items();
  database->transact({}, [](Transaction& t) { return insert_item(t, "a"), ATRIUM_OK; });
  const std::string sql = "SELECT id FROM items WHERE ? IS NULL OR value = ?";
  EXPECT_EQ(text_of(*database, sql, {Null(), "x"}), "a");
  EXPECT_EQ(text_of(*database, sql, {"given", "x"}), "");
  const auto status = database->transact({}, [&](Transaction& t) {
    int rows = 0;
    const Value values[] = {Null(), "x"};
    t.exec("kernel", sql, values, [&](Row) { return ++rows > 0; });
    return rows == 1 ? ATRIUM_OK : ATRIUM_E_NOT_FOUND;
  });
  EXPECT_EQ(status, ATRIUM_OK);
}

TEST_P(DatabaseBehaviour, AWrongNumberOfValuesIsRefused) {
  auto database = open_with_items();
  EXPECT_EQ(code_of([&] { text_of(*database, "SELECT id FROM items WHERE id = ?"); }), ATRIUM_E_INTERNAL);
}

TEST_P(DatabaseBehaviour, ReturningGivesRowsAndTheirNumber) {
  auto database = open_with_items();
  database->transact({}, [](Transaction& t) {
    insert_item(t, "a");
    insert_item(t, "b");
    int rows = 0;
    EXPECT_EQ(t.exec("kernel", "UPDATE items SET number = 1 RETURNING id", {}, [&](Row) { return ++rows > 0; }), 2);
    EXPECT_EQ(rows, 2);
    EXPECT_EQ(t.exec("kernel", "UPDATE items SET number = 2 WHERE id = 'none'", {}), 0);
    EXPECT_EQ(t.exec("kernel", "SELECT id FROM items", {}), 0);
    return ATRIUM_OK;
  });
}

TEST_P(DatabaseBehaviour, ReadsDoNotWrite) {
  auto database = open_with_items();
  EXPECT_NE(code_of([&] { text_of(*database, "INSERT INTO items (id) VALUES ('x') RETURNING id"); }), ATRIUM_OK);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 0);
}

TEST_P(DatabaseBehaviour, AnOwnerTouchesItsOwnTablesOnly) {
  auto database = open_with_items();
  database->grant({"notes", {"notes", "note_links"}});
  database->migrate("notes", "0001", "CREATE TABLE notes (id TEXT PRIMARY KEY); CREATE TABLE note_links (id TEXT)");
  const auto run = [&](const std::string& sql) {
    return code_of(
        [&] { database->transact({}, [&](Transaction& t) { return t.exec("notes", sql, {}), ATRIUM_OK; }); });
  };
  EXPECT_EQ(run("INSERT INTO notes (id) VALUES ('n')"), ATRIUM_OK);
  EXPECT_EQ(run("SELECT n.id FROM notes n JOIN note_links l ON l.id = n.id"), ATRIUM_OK);
  EXPECT_EQ(run("INSERT INTO notes (id) VALUES ('n') ON CONFLICT (id) DO UPDATE SET id = excluded.id"), ATRIUM_OK);
  EXPECT_EQ(run("WITH mine AS (SELECT id FROM notes) SELECT count(*) FROM mine"), ATRIUM_OK);
  for (const auto* sql :
       {"SELECT * FROM items", "SELECT * FROM notes, items", "SELECT (SELECT count(*) FROM users) FROM notes",
        "UPDATE items SET value = 'x'", "DELETE FROM items", "INSERT INTO items (id) VALUES ('x')",
        "INSERT INTO notes SELECT id FROM items", "SELECT * FROM notes UNION SELECT email FROM users",
        "SELECT * FROM \"items\"", "SELECT * FROM/**/items", "DROP TABLE notes", "SELECT * FROM migrations",
        "CREATE TABLE other (id TEXT)", "COMMIT", "PRAGMA foreign_keys=OFF", "SET ROLE postgres"})
    EXPECT_EQ(run(sql), ATRIUM_E_DENIED) << sql;
  EXPECT_EQ(code_of([&] { database->read("notes", "SELECT * FROM items", {}, {}); }), ATRIUM_E_DENIED);
  EXPECT_EQ(code_of([&] { database->read("nobody", "SELECT * FROM notes", {}, {}); }), ATRIUM_E_DENIED);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM items"), 0);
}

TEST_P(DatabaseBehaviour, ADenialNamesOwnerAndTable) {
  auto database = open_with_items();
  try {
    database->read("notes", "SELECT * FROM items", {}, {});
    FAIL() << "not denied";
  } catch (const SqlError& error) {
    EXPECT_NE(std::string(error.what()).find("'notes'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("'items'"), std::string::npos) << error.what();
  }
}

TEST_P(DatabaseBehaviour, AReadWithinARowFunctionNeedsNoSecondSession) {
  auto database = open_with_items([](DatabaseOptions& options) { options.readers = 1; });
  database->transact({}, [](Transaction& t) {
    insert_item(t, "a");
    insert_item(t, "b");
    return ATRIUM_OK;
  });
  const std::string sql = "SELECT id FROM items ORDER BY id";
  std::string seen;
  database->read("kernel", sql, {}, [&](Row outer) {
    database->read("kernel", sql, {}, [&](Row inner) {
      seen += std::string(*outer[0]) + std::string(*inner[0]) + ' ';
      return true;
    });
    return true;
  });
  EXPECT_EQ(seen, "aa ab ba bb ");
}

TEST_P(DatabaseBehaviour, ManyThreadsShareFewReaders) {
  auto database = open_with_items([](DatabaseOptions& options) { options.readers = 2; });
  database->transact({}, [](Transaction& t) { return insert_item(t, "a"), ATRIUM_OK; });
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) right += text_of(*database, "SELECT id FROM items WHERE id = ?", {"a"}) == "a";
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 8 * 200);
  EXPECT_GE(database->counters().reads, 1600U);
}

TEST_P(DatabaseBehaviour, StatementsBeyondTheCacheStillWork) {
  auto database = open_with_items([](DatabaseOptions& options) { options.statement_cache = 8; });
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 40; ++i)
      EXPECT_EQ(number_of(*database, "SELECT " + std::to_string(i) + " + count(*) FROM items"), i);
}

TEST_P(DatabaseBehaviour, AnUnusableUrlIsRefusedWithWhatToDo) {
  for (const auto* url : {"", "mysql://x", "sqlite:", "postgresql", "sqlite:/nonexistent-directory/atrium.db"}) {
    DatabaseOptions options;
    options.url = url;
    EXPECT_NE(code_of([&] { Database::open(options); }), ATRIUM_OK) << url;
  }
}

TEST(SqliteDatabase, ABackupTakenWhileServingIsWholeAndStandsAlone) {
  const TemporaryDirectory directory;
  DatabaseOptions options;
  options.url = "sqlite:" + directory.path() + "/test.db";
  auto database = Database::open(options);
  const auto copy = directory.path() + "/copy.db";
  std::atomic<bool> stop = false;
  std::thread writing([&] {
    while (!stop)
      database->transact({}, [](Transaction& t) { return t.record({"a", "r", "i", "t", "{}", ""}), ATRIUM_OK; });
  });
  while (database->counters().commits < 20) std::this_thread::yield();
  database->backup_to(copy);
  stop = true;
  writing.join();
  database->checkpoint();
  EXPECT_FALSE(std::filesystem::exists(copy + "-wal"));
  options.url = "sqlite:" + copy;
  auto restored = Database::open(options);
  EXPECT_EQ(text_of(*restored, "PRAGMA integrity_check"), "ok");
  const auto rows = number_of(*restored, "SELECT count(*) FROM events");
  EXPECT_GE(rows, 20);
  EXPECT_EQ(number_of(*restored, "SELECT event_sequence FROM log_head"), rows);
}

}  // namespace
}  // namespace kernel::storage
