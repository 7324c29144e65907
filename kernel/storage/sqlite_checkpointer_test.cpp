#include "storage/sqlite_checkpointer.hpp"

#include "storage/testing/database_fixture.hpp"

#include <filesystem>

namespace kernel::storage {
namespace {

using namespace testing;

constexpr std::uintmax_t page = 4096, row = 1 << 20;
constexpr int rows = 160;  // well beyond the bound

class SqliteCheckpointerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open() const {
    DatabaseOptions options;
    options.url = "sqlite:" + file_;
    return Database::open(options);
  }
  static void write(Database& database, int count) {
    static const std::string data = "\"" + std::string(row, 'x') + "\"";
    for (int i = 0; i < count; ++i)
      database.transact({}, [](Transaction& t) { return t.record({"a", "r", "i", "t", data, ""}), ATRIUM_OK; });
  }

  const TemporaryDirectory directory_;
  const std::string file_ = directory_.path() + "/test.db";
};

TEST_F(SqliteCheckpointerTest, TheLogStaysBoundedWhileAWriterNeverPauses) {
  const auto database = open();
  write(*database, rows);
  EXPECT_LE(std::filesystem::file_size(file_ + "-wal"), SqliteCheckpointer::most_pages * (page + 24) + 4 * row);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), rows);
}

TEST_F(SqliteCheckpointerTest, NothingIsLostWhereTheDatabaseClosesMeanwhile) {
  for (int i = 0; i < 4; ++i) write(*open(), rows / 8);
  const auto database = open();
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), rows / 8 * 4);
  EXPECT_EQ(text_of(*database, "PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace kernel::storage
