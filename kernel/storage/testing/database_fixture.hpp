#pragma once
// A fresh database for each test, on each dialect.
#include "storage/database.hpp"
#include "storage/testing/postgresql_cluster.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <vector>

namespace kernel::storage::testing {

using namespace std::chrono_literals;

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_((std::filesystem::temp_directory_path() / "atrium-test-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What a submitted transaction was answered.
struct Answer {
  std::int32_t status;
  std::string why;
};

inline std::future<Answer> submit(Database& database, TransactionFn function,
                                  std::chrono::milliseconds deadline = 30s) {
  auto promise = std::make_shared<std::promise<Answer>>();
  database.submit({"user", "u1", "127.0.0.1", "request-1"}, std::move(function), deadline,
                  [promise](std::int32_t status, const std::string& why) {
                    promise->set_value({status, why});
                  });
  return promise->get_future();
}

/// Keeps the writer busy until opened, so that what is submitted meanwhile shares the next batch.
class Gate {
 public:
  explicit Gate(Database& database) {
    auto entered = std::make_shared<std::promise<void>>();
    auto inside = entered->get_future();
    answer_ = submit(database, [entered, open = open_.get_future().share()](Transaction&) {
      entered->set_value();
      open.wait();
      return ATRIUM_E_CANCELLED;
    });
    inside.wait();
  }
  void open() {
    open_.set_value();
    answer_.wait();
  }

 private:
  std::promise<void> open_;
  std::future<Answer> answer_;
};

inline std::string text_of(Database& database, const std::string& sql, std::vector<Value> values = {}) {
  std::string text;
  database.read("kernel", sql, values, [&](Row row) {
    text = row[0].value_or("NULL");
    return false;
  });
  return text;
}

inline std::int64_t number_of(Database& database, const std::string& sql) { return std::stoll(text_of(database, sql)); }

inline std::int32_t code_of(const std::function<void()>& call) {
  try {
    call();
    return ATRIUM_OK;
  } catch (const SqlError& error) {
    return error.code();
  }
}

class DatabaseTest : public ::testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override {
    url_ = GetParam() == Dialect::sqlite ? "sqlite:" + directory_.path() + "/test.db"
                                         : PostgresqlCluster::instance().new_database();
  }

  std::unique_ptr<Database> open_database(const std::function<void(DatabaseOptions&)>& change = {}) const {
    DatabaseOptions options;
    options.url = url_;
    options.audit_key = key_;
    if (change) change(options);
    return Database::open(options);
  }

  std::unique_ptr<Database> open_with_items(const std::function<void(DatabaseOptions&)>& change = {}) const {
    auto database = open_database(change);
    database->migrate(
        "kernel", "items",
        "CREATE TABLE items (id TEXT PRIMARY KEY, value TEXT, number BIGINT, share DOUBLE PRECISION, done BOOLEAN)");
    return database;
  }

  static void insert_item(Transaction& transaction, std::string_view id) {
    const Value values[] = {id};
    transaction.exec("kernel", "INSERT INTO items (id) VALUES (?)", values);
  }
  static void record_item(Transaction& transaction, const std::string& id) {
    transaction.record({"item.created", "item", id, "item.created", "{}", ""});
  }

  TemporaryDirectory directory_;
  std::string url_;
  const std::string key_ = std::string(32, 'k');
};

inline std::string dialect_name(const ::testing::TestParamInfo<Dialect>& info) {
  return info.param == Dialect::sqlite ? "sqlite" : "postgresql";
}

}  // namespace kernel::storage::testing

/// Runs a suite of DatabaseTest on both dialects.
#define ATRIUM_ON_BOTH_DIALECTS(suite)                                                                                \
  INSTANTIATE_TEST_SUITE_P(Storage, suite,                                                                            \
                           ::testing::Values(kernel::storage::Dialect::sqlite, kernel::storage::Dialect::postgresql), \
                           kernel::storage::testing::dialect_name)
