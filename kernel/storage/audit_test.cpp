#include "storage/audit.hpp"

#include "storage/testing/database_fixture.hpp"

#include <optional>
#include <vector>

namespace kernel::storage {
namespace {

using namespace testing;

class AuditTest : public DatabaseTest {
 protected:
  /// A log of five rows, then what somebody with access to the tables does to it.
  std::optional<std::int64_t> verify_after(const std::vector<std::string>& tampering) {
    auto database = open_database();
    for (int i = 1; i <= 5; ++i)
      database->transact({"user", "u" + std::to_string(i), "10.0.0.1", "r"}, [&](Transaction& t) {
        t.record({"thing.changed", "thing", std::to_string(i), "", "{}", ""});
        return ATRIUM_OK;
      });
    EXPECT_EQ(verify_audit(*database, key_, {}), std::nullopt);
    database->transact({}, [&](Transaction& t) {
      for (const auto& sql : tampering) t.exec("kernel", sql, {});
      return ATRIUM_OK;
    });
    return verify_audit(*database, key_, {});
  }
};
ATRIUM_ON_BOTH_DIALECTS(AuditTest);

TEST_P(AuditTest, AWholeLogIsWhole) { EXPECT_EQ(verify_after({}), std::nullopt); }

TEST_P(AuditTest, AnyFieldThatWasAlteredIsFound) {
  int column = 0;
  auto database = open_database();
  database->transact({"user", "u", "10.0.0.1", "r"}, [](Transaction& t) {
    t.record({"thing.changed", "thing", "1", "", "{}", ""});
    return ATRIUM_OK;
  });
  for (const auto* name :
       {"actor_kind", "actor_id", "action", "resource", "resource_id", "address", "request_id", "mac"}) {
    const auto before = text_of(*database, std::string("SELECT ") + name + " FROM audit WHERE sequence = 1");
    const auto set = [&](std::string_view value) {
      const Value values[] = {value};
      database->transact({}, [&](Transaction& t) {
        return t.exec("kernel", std::string("UPDATE audit SET ") + name + " = ? WHERE sequence = 1", values), ATRIUM_OK;
      });
    };
    set("forged " + std::to_string(++column));
    EXPECT_EQ(verify_audit(*database, key_, {}), 1) << name;
    set(before);
    EXPECT_EQ(verify_audit(*database, key_, {}), std::nullopt) << name;
  }
}

TEST_P(AuditTest, AnAlteredTimeIsFound) {
  EXPECT_EQ(verify_after({"UPDATE audit SET time_us = time_us - 1 WHERE sequence = 4"}), 4);
}

TEST_P(AuditTest, ARemovedRowIsFound) { EXPECT_EQ(verify_after({"DELETE FROM audit WHERE sequence = 3"}), 3); }

TEST_P(AuditTest, ARemovedRowIsFoundThoughTheRestWasNumberedAnew) {
  EXPECT_EQ(
      verify_after({"DELETE FROM audit WHERE sequence = 3", "UPDATE audit SET sequence = 3 WHERE sequence = 4",
                    "UPDATE audit SET sequence = 4 WHERE sequence = 5", "UPDATE log_head SET audit_sequence = 4"}),
      3);
}

TEST_P(AuditTest, ReorderedRowsAreFound) {
  EXPECT_EQ(verify_after({"UPDATE audit SET sequence = 99 WHERE sequence = 2",
                          "UPDATE audit SET sequence = 2 WHERE sequence = 3",
                          "UPDATE audit SET sequence = 3 WHERE sequence = 99"}),
            2);
}

TEST_P(AuditTest, RowsCutOffAtTheEndAreFound) { EXPECT_EQ(verify_after({"DELETE FROM audit WHERE sequence = 5"}), 5); }

/// A log whose newest row is noted in a file beside the database.
class AuditHeadTest : public AuditTest {
 protected:
  std::unique_ptr<Database> open_noting() const {
    return open_database([this](DatabaseOptions& options) { options.audit_head = file_; });
  }
  AuditHead::Point noted() const { return AuditHead(file_).read(); }
  static void write(Database& database, int rows = 1) {
    for (int i = 0; i < rows; ++i)
      database.transact({}, [](Transaction& t) {
        t.record({"thing.changed", "thing", "1", "", "{}", ""});
        return ATRIUM_OK;
      });
  }
  /// As somebody does who knows the tables, but cannot reach the file.
  void cut_off(std::int64_t from) const {
    const auto database = open_database();
    const Value values[] = {from};
    database->transact({}, [&](Transaction& t) {
      t.exec("kernel", "DELETE FROM audit WHERE sequence >= ?", values);
      t.exec("kernel", "UPDATE log_head SET audit_sequence = (SELECT max(sequence) FROM audit)", {});
      t.exec("kernel",
             "UPDATE log_head SET audit_mac = (SELECT mac FROM audit WHERE sequence = log_head.audit_sequence)", {});
      return ATRIUM_OK;
    });
    EXPECT_EQ(verify_audit(*database, key_, {}), std::nullopt) << "the database alone does not show it";
  }

 private:
  const std::string file_ = directory_.path() + "/audit-head";
};
ATRIUM_ON_BOTH_DIALECTS(AuditHeadTest);

TEST_P(AuditHeadTest, IsTheNewestRowOnceThatIsCommitted) {
  const auto database = open_noting();
  write(*database, 3);
  EXPECT_EQ(noted().sequence, 3);
  EXPECT_EQ(noted().code, text_of(*database, "SELECT mac FROM audit WHERE sequence = 3"));
  const auto rolled_back = database->transact({}, [](Transaction& t) {
    t.record({"thing.changed", "thing", "1", "", "{}", ""});
    return ATRIUM_E_CONFLICT;
  });
  EXPECT_EQ(rolled_back, ATRIUM_E_CONFLICT);
  EXPECT_EQ(noted().sequence, 3);
  EXPECT_EQ(verify_audit(*database, key_, noted()), std::nullopt);
  check_audit_end(*database, noted());
}

TEST_P(AuditHeadTest, ACutThatTheDatabaseDoesNotShowIsFound) {
  const auto database = open_noting();
  write(*database, 5);
  cut_off(4);
  EXPECT_EQ(verify_audit(*database, key_, noted()), 4);
  EXPECT_THROW(check_audit_end(*database, noted()), SqlError);
}

TEST_P(AuditHeadTest, NothingIsWrittenOntoALogThatWasCutOff) {
  const auto database = open_noting();
  write(*database, 5);
  cut_off(5);
  EXPECT_THROW(write(*database), SqlError);
  EXPECT_THROW(write(*open_noting()), SqlError) << "after a restart";
  EXPECT_EQ(noted().sequence, 5);
}

TEST_P(AuditHeadTest, RowsWrittenInPlaceOfThoseCutOffAreFound) {
  const auto database = open_noting();
  write(*database, 5);
  cut_off(4);
  write(*open_database(), 4);
  EXPECT_EQ(verify_audit(*database, key_, noted()), 5);
  EXPECT_THROW(write(*database), SqlError);
}

TEST_P(AuditHeadTest, OtherProcessesMayWriteToo) {
  const auto one = open_noting(), two = open_noting();
  write(*one, 2);
  write(*two, 2);
  write(*one);
  EXPECT_EQ(noted().sequence, 5);
  EXPECT_EQ(verify_audit(*one, key_, noted()), std::nullopt);
}

TEST(AuditHead, DoesNotGoBackAndIgnoresWhatItCannotRead) {
  const TemporaryDirectory directory;
  const auto file = directory.path() + "/audit-head";
  AuditHead head(file);
  head.advance({7, std::string(64, 'b')});
  head.advance({6, std::string(64, 'a')});
  EXPECT_EQ(head.read().sequence, 7);
  EXPECT_EQ(head.read().code, std::string(64, 'b'));
  std::filesystem::resize_file(file, 30);
  EXPECT_EQ(head.read().sequence, 0);
}

TEST_P(AuditTest, AnotherKeyVerifiesNothing) {
  verify_after({});
  EXPECT_EQ(verify_audit(*open_database(), std::string(32, 'x'), {}), 1);
}

TEST(AuditCanonical, FieldsCannotRunIntoOneAnother) {
  const AuditRow one{1, 2, "a", "b,1:c", "", "", "", "", ""};
  const AuditRow other{1, 2, "a", "b", "c", "", "", "", ""};
  EXPECT_NE(audit_canonical(one), audit_canonical(other));
  EXPECT_EQ(audit_canonical(other), "1:1,1:2,1:a,1:b,1:c,0:,0:,0:,0:,");
}

}  // namespace
}  // namespace kernel::storage
