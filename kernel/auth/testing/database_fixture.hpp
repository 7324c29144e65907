#pragma once
// A fresh database of each kind for a test, with everything of this folder on it at little cost.
#include "auth/auth.hpp"
#include "auth/settings_sealer.hpp"
#include "auth/testing/scratch_directory.hpp"
#include "storage/database.hpp"
#include "storage/testing/postgresql_cluster.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace kernel::auth::testing {

inline std::string name_of_dialect(const ::testing::TestParamInfo<storage::Dialect>& info) {
  return info.param == storage::Dialect::sqlite ? "sqlite" : "postgresql";
}

/// For TEST_P over both dialects.
class OnEachDatabase : public ::testing::TestWithParam<storage::Dialect> {
 protected:
  static constexpr const char* good_password = "correct horse battery";

  OnEachDatabase() {
    storage::DatabaseOptions options;
    options.url = GetParam() == storage::Dialect::sqlite
                      ? "sqlite:" + (data_.path() / "atrium.db").string()
                      : storage::testing::PostgresqlCluster::instance().new_database();
    options.audit_key = std::string(32, 'a');
    database_ = storage::Database::open(options);
    keys_ = Keys::open(data_.path());
    sealer_ = std::make_unique<SettingsSealer>(keys_.settings);
    auth_ = make_auth();
  }

  /// Another node on the same database, or this one after a restart.
  std::unique_ptr<Auth> make_auth() {
    Passwords::Options cheap;
    cheap.cost = {.passes = 1, .memory_kib = 64, .lanes = 1};
    cheap.fixed = true;
    cheap.threads.max_waiting = 1000;
    settings_.push_back(std::make_unique<settings::Registry>(*database_, *sealer_));
    settings_.back()->load();
    return std::make_unique<Auth>(*database_, *settings_.back(), keys_, data_.path(), cheap);
  }

  User make_user(const std::string& email, Role role = Role::member, UserStatus status = UserStatus::active) {
    return auth_->users.create({}, {email, good_password, "Somebody", role, status});
  }
  TokenPair login(const std::string& email, const std::string& password = good_password,
                  const std::string& mfa_code = {}) {
    return auth_->sign_in.login(email, password, mfa_code, origin_);
  }
  static Outcome authenticate(Auth& auth, const std::string& token) {
    http::RequestHead head;
    head.headers.add("authorization", "Bearer " + token);
    return auth.authenticator.authenticate(head, "10.0.0.1", "request", true);
  }
  PrincipalPtr signed_in(const std::string& token) {
    const Outcome outcome = authenticate(*auth_, token);
    const auto* who = std::get_if<PrincipalPtr>(&outcome);
    return who ? *who : nullptr;
  }
  /// The status that a Problem carries; 0: none was thrown.
  template <class F>
  static int status_of(F call) {
    try {
      call();
      return 0;
    } catch (const atrium::Problem& problem) {
      return problem.status;
    }
  }
  std::int64_t number(const std::string& sql) {
    std::int64_t value = -1;
    database_->read("kernel", sql, {}, [&](storage::Row row) {
      value = std::stoll(std::string(row[0].value_or("-1")));
      return false;
    });
    return value;
  }
  void set_setting(const std::string& key, const std::string& json, const std::string& category = "security") {
    database_->transact({}, [&](storage::Transaction& transaction) {
      const storage::Value values[] = {std::string_view(category), std::string_view(key), std::string_view(json),
                                       std::string_view(json)};
      transaction.exec("kernel",
                       "INSERT INTO settings (category, key, value, updated_at) VALUES (?, ?, ?, 0) "
                       "ON CONFLICT (category, key) DO UPDATE SET value = ?",
                       values);
      return ATRIUM_OK;
    });
    for (const auto& node : settings_) node->load();
  }
  std::string setup_token_in_file() const {
    std::string token;
    std::ifstream(data_.path() / "setup-token") >> token;
    return token;
  }

  ScratchDirectory data_;
  Origin origin_{"10.0.0.1", "a browser", "request"};
  Keys keys_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<SettingsSealer> sealer_;
  std::vector<std::unique_ptr<settings::Registry>> settings_;  ///< of each node that was made
  std::unique_ptr<Auth> auth_;
};

}  // namespace kernel::auth::testing

#define KERNEL_AUTH_ON_EACH_DATABASE(Fixture)                                                                         \
  INSTANTIATE_TEST_SUITE_P(Each, Fixture,                                                                             \
                           ::testing::Values(kernel::storage::Dialect::sqlite, kernel::storage::Dialect::postgresql), \
                           kernel::auth::testing::name_of_dialect)
