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
    EXPECT_EQ(verify_audit(*database, key_), std::nullopt);
    database->transact({}, [&](Transaction& t) {
      for (const auto& sql : tampering) t.exec("kernel", sql, {});
      return ATRIUM_OK;
    });
    return verify_audit(*database, key_);
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
    EXPECT_EQ(verify_audit(*database, key_), 1) << name;
    set(before);
    EXPECT_EQ(verify_audit(*database, key_), std::nullopt) << name;
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

TEST_P(AuditTest, AnotherKeyVerifiesNothing) {
  verify_after({});
  EXPECT_EQ(verify_audit(*open_database(), std::string(32, 'x')), 1);
}

TEST(AuditCanonical, FieldsCannotRunIntoOneAnother) {
  const AuditRow one{1, 2, "a", "b,1:c", "", "", "", "", ""};
  const AuditRow other{1, 2, "a", "b", "c", "", "", "", ""};
  EXPECT_NE(audit_canonical(one), audit_canonical(other));
  EXPECT_EQ(audit_canonical(other), "1:1,1:2,1:a,1:b,1:c,0:,0:,0:,0:,");
}

}  // namespace
}  // namespace kernel::storage
