#include "storage/sql_text.hpp"

#include "storage/grants.hpp"

#include <gtest/gtest.h>

namespace kernel::storage {
namespace {

TEST(Placeholders, AreNumberedOutsideOfQuotesAndComments) {
  EXPECT_EQ(numbered_placeholders("SELECT '?', \"a?\", ? -- ?\n, /* ? */ ? FROM t WHERE x = 'it''s ?' AND y=?"),
            "SELECT '?', \"a?\", $1 , $2 FROM t WHERE x = 'it''s ?' AND y=$3");
  EXPECT_EQ(numbered_placeholders("SELECT $q$ ? $q$, ?"), "SELECT $q$ ? $q$, $1");
  EXPECT_EQ(numbered_placeholders("SELECT ?, ?", {2}), "SELECT $1, $2::text");
  EXPECT_EQ(numbered_placeholders("SELECT a::text, b >= ?"), "SELECT a::text, b >= $1");
}

TEST(Statements, AreSplitOutsideOfQuotesCommentsAndTriggers) {
  const auto statements = split_statements(R"sql(
    -- a comment; with a semicolon
    CREATE TABLE a (x TEXT DEFAULT 'a;b');;
    CREATE TRIGGER t AFTER INSERT ON a BEGIN
      UPDATE a SET x = CASE WHEN x = 1 THEN 2 ELSE 3 END;
      DELETE FROM a;
    END;
    CREATE FUNCTION f() RETURNS trigger AS $body$ BEGIN RETURN new; END; $body$ LANGUAGE plpgsql;
    CREATE TRIGGER u BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
    /* ; */ INSERT INTO a VALUES (1)
  )sql");
  ASSERT_EQ(statements.size(), 5U);
  EXPECT_TRUE(statements[0].starts_with("CREATE TABLE"));
  EXPECT_TRUE(statements[1].ends_with("END"));
  EXPECT_TRUE(statements[2].ends_with("plpgsql"));
  EXPECT_TRUE(statements[4].starts_with("INSERT"));
}

TEST(Statements, UnfinishedQuotesAndCommentsEndWithTheText) {
  EXPECT_EQ(split_statements("SELECT 'open; DROP TABLE a").size(), 1U);
  EXPECT_EQ(split_statements("/* open; DROP TABLE a").size(), 0U);
  EXPECT_EQ(split_statements("SELECT $x$ open; DROP TABLE a").size(), 1U);
  EXPECT_EQ(split_statements(" ; ; ").size(), 0U);
}

class TableCheck : public ::testing::Test {
 protected:
  TableCheck() { grants_.add({"notes", {"notes", "links"}}); }
  bool allowed(const std::string& sql) const {
    try {
      check_tables(grants_, "notes", sql);
      return true;
    } catch (const SqlError& error) {
      EXPECT_EQ(error.code(), ATRIUM_E_DENIED);
      return false;
    }
  }
  Grants grants_;
};

TEST_F(TableCheck, LetsThroughWhatNamesOnlyGrantedTables) {
  for (const auto* sql :
       {"SELECT n.id FROM notes n, links AS l WHERE n.a IN (SELECT a FROM links) ORDER BY n.id LIMIT 3",
        "SELECT EXTRACT(EPOCH FROM made) FROM notes",
        "SELECT substring(a FROM 2), trim(both ' ' FROM users) FROM notes",
        "SELECT * FROM notes WHERE a IS DISTINCT FROM b", "SELECT * FROM notes FOR UPDATE SKIP LOCKED",
        "SELECT * FROM unnest(ARRAY[1]) AS x, generate_series(1, 2)", "SELECT * FROM public.notes",
        "WITH a AS (SELECT 1), b (x, y) AS MATERIALIZED (SELECT * FROM a) SELECT * FROM a JOIN b ON true",
        "WITH RECURSIVE tree AS (SELECT id FROM notes UNION ALL SELECT n.id FROM notes n JOIN tree t ON true) TABLE "
        "tree",
        "INSERT INTO notes (id) VALUES (?) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING id",
        "UPDATE notes SET a = l.a FROM links l WHERE l.id = notes.id", "DELETE FROM notes USING links WHERE true",
        "CREATE TABLE IF NOT EXISTS notes (id TEXT REFERENCES links (id) ON DELETE CASCADE)",
        "CREATE UNIQUE INDEX x ON notes USING gin (to_tsvector('simple', a))", "SELECT * FROM ONLY notes",
        "SELECT * FROM notes JOIN links USING (id)", "SELECT * FROM (notes n JOIN links l ON true)"})
    EXPECT_TRUE(allowed(sql)) << sql;
}

TEST_F(TableCheck, StopsEveryWayToNameAnother) {
  for (const auto* sql : {"SELECT * FROM users",
                          "SELECT * FROM notes, users",
                          "SELECT * FROM notes n JOIN users u ON true",
                          "SELECT * FROM \"users\"",
                          "SELECT * FROM public.users",
                          "SELECT * FROM pg_catalog.pg_authid",
                          "SELECT * FROM notes WHERE id IN (SELECT id FROM users)",
                          "SELECT * FROM (SELECT * FROM users) x",
                          "WITH users AS (SELECT * FROM users) SELECT * FROM users",
                          "SELECT * FROM (WITH users AS (SELECT 1) SELECT * FROM users) x, users",
                          "TABLE users",
                          "INSERT INTO users VALUES (1)",
                          "UPDATE users SET a = 1",
                          "DELETE FROM ONLY users",
                          "DELETE FROM notes USING users",
                          "UPDATE notes SET a = u.a FROM users u",
                          "SELECT * FROM notes UNION TABLE users",
                          "SELECT * FROM (notes n JOIN users u ON true)",
                          "SELECT query_to_xml('select * from users', true, true, '')",
                          "SELECT pg_read_file('/etc/passwd')",
                          "SELECT lo_import('/etc/passwd')",
                          "SELECT * FROM dblink('x', 'y')",
                          "SELECT * FROM/* */users",
                          "SELECT * FROM--\nusers",
                          "CREATE INDEX x ON users (email)",
                          "CREATE TABLE notes (id TEXT REFERENCES users (id))"})
    EXPECT_FALSE(allowed(sql)) << sql;
}

}  // namespace
}  // namespace kernel::storage
