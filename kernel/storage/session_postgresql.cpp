// A session on PostgreSQL. SOCI connects and prepares; rows are read from libpq's result itself, because SOCI's row
// exchange copies each column twice. PostgreSQL infers each parameter's type from its place, so values go as text.
#include "storage/session.hpp"
#include "storage/sql_text.hpp"
#include "storage/statement_cache.hpp"

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>

#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace kernel::storage {
namespace {

struct Statement {
  Statement(soci::postgresql_session_backend& session, const bool& closing)
      : backend(session.make_statement_backend()), session_closing(closing) {}
  ~Statement() {
    if (session_closing)
      backend->statementName_.clear();  // the server forgets it with the session: spare the DEALLOCATE
  }
  Statement(const Statement&) = delete;

  std::unique_ptr<soci::postgresql_statement_backend> backend;
  std::size_t parameters = 0;
  bool only_reads = false;
  const bool& session_closing;
};

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// The URL as libpq's key='value' form, with limits on how long a dead server is waited for.
std::string connection_string(const std::string& url) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), &error),
                                                                             &PQconninfoFree);
  if (!options) {
    const std::string why = error != nullptr ? error : "out of memory";
    PQfreemem(error);
    throw SqlError(ATRIUM_E_INVALID, "database.url is not a PostgreSQL URL: " + why);
  }
  std::map<std::string, std::string> values = {{"connect_timeout", "5"},
                                               {"keepalives_idle", "30"},
                                               {"tcp_user_timeout", "15000"},
                                               {"application_name", "atrium"},
                                               {"client_encoding", "UTF8"}};
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr) values[option->keyword] = option->val;
  std::string result;
  for (const auto& [key, value] : values) {
    result += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') result += '\\';
      result += c;
    }
    result += "' ";
  }
  return result;
}

class PostgresqlSession final : public Session {
 public:
  explicit PostgresqlSession(const SessionOptions& options)
      : grants_(*options.grants), statements_(options.statement_cache) {
    try {
      session_.open(soci::postgresql, connection_string(options.target));
    } catch (const soci::soci_error& error) {
      throw TryAgain(TryAgain::Cause::connection_lost, std::string("cannot connect to PostgreSQL: ") + error.what() +
                                                           "; check database.url and the server");
    }
    backend_ = static_cast<soci::postgresql_session_backend*>(session_.get_backend());
    connection_ = backend_->conn_;
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
    command("SET TIME ZONE 'UTC'");
    command("SET standard_conforming_strings = on");
    command(("SET statement_timeout = " + std::to_string(options.statement_limit.count())).c_str());
    command("SET idle_in_transaction_session_timeout = '60s'");
    if (options.use == Use::reading) command("SET default_transaction_read_only = on");
  }

  ~PostgresqlSession() override {
    closing_ = true;
    statements_.clear();
    session_.close();
  }

  Outcome exec(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) override {
    auto statement = statements_.find(owner, sql);
    if (!statement) {
      statement = prepare(owner, sql);
      statements_.insert(owner, sql, statement);
    }
    if (statement->parameters != parameters.size())
      throw SqlError(ATRIUM_E_INTERNAL, "the statement has " + std::to_string(statement->parameters) + " parameters, " +
                                            std::to_string(parameters.size()) + " values were given");
    const auto result = run(*statement, parameters);
    if (row) deliver(result.get(), row);
    if (statement->only_reads) return {};
    const std::string_view tag = PQcmdStatus(result.get());
    if (tag.starts_with("SELECT")) return {0, true};  // WITH may have changed rows
    const bool counts = tag.starts_with("INSERT") || tag.starts_with("UPDATE") || tag.starts_with("DELETE");
    const std::string_view number = counts ? PQcmdTuples(result.get()) : "";
    std::int64_t affected = 0;
    std::from_chars(number.data(), number.data() + number.size(), affected);
    return {affected, !counts || affected > 0};
  }

  void define(std::string_view owner, const std::string& sql) override {
    check_statement_kind(owner, sql, true);
    check_tables(grants_, owner, sql);
    command(sql.c_str());
  }

  void command(const char* sql) override {
    const Result result(PQexec(connection_, sql));
    check(result.get());
    if (std::strcmp(sql, "COMMIT") == 0 && std::strcmp(PQcmdStatus(result.get()), "COMMIT") != 0)
      throw SqlError(ATRIUM_E_INTERNAL, "the transaction could not be committed, because a statement in it had failed");
  }

  void begin() override { command("BEGIN"); }
  State state() const override {
    switch (PQtransactionStatus(connection_)) {
      case PQTRANS_INTRANS:
      case PQTRANS_ACTIVE:
        return State::active;
      case PQTRANS_INERROR:
        return State::failed;
      default:
        return State::none;
    }
  }
  void limit(Clock::time_point) override {}  // statement_timeout

 private:
  std::shared_ptr<Statement> prepare(std::string_view owner, std::string_view sql) {
    check_statement_kind(owner, sql, false);
    check_tables(grants_, owner, sql);
    auto& as_text = untyped_[std::string(sql)];
    for (;;) {
      auto statement = std::make_shared<Statement>(*backend_, closing_);
      const auto text = numbered_placeholders(sql, as_text);
      statement->parameters = count_placeholders(sql);
      const auto word = first_word(sql);
      statement->only_reads = word == "select" || word == "values";
      try {
        statement->backend->prepare(text, soci::details::st_repeatable_query);
        if (as_text.empty()) untyped_.erase(std::string(sql));
        return statement;
      } catch (const soci::postgresql_soci_error& error) {
        const auto parameter = untyped_parameter(error);
        if (parameter == 0) {
          untyped_.erase(std::string(sql));
          fail(error.sqlstate(), error.what(), {});
        }
        as_text.push_back(parameter);
        if (PQtransactionStatus(connection_) == PQTRANS_INERROR)
          throw TryAgain(TryAgain::Cause::contention, "a parameter's type became known only now");
      }
    }
  }

  static std::size_t count_placeholders(std::string_view sql) {
    SqlScanner scanner(sql);
    std::size_t count = 0;
    for (auto token = scanner.next(); token.kind != TokenKind::end; token = scanner.next())
      count += token.kind == TokenKind::placeholder;
    return count;
  }

  /// "could not determine data type of parameter $3": 3, else 0.
  static int untyped_parameter(const soci::postgresql_soci_error& error) {
    if (error.sqlstate() != "42P18") return 0;
    const std::string_view message = error.what();
    const auto dollar = message.find('$');
    int number = 0;
    if (dollar != std::string_view::npos)
      std::from_chars(message.data() + dollar + 1, message.data() + message.size(), number);
    return number;
  }

  Result run(Statement& statement, Values parameters) {
    // libpq wants them NUL-terminated: all values in one buffer, addressed once it no longer grows.
    buffer_.clear();
    offsets_.clear();
    for (const auto& value : parameters) offsets_.push_back(append(value));
    pointers_.clear();
    for (const auto offset : offsets_) pointers_.push_back(offset == no_value ? nullptr : buffer_.data() + offset);
    Result result(PQexecPrepared(connection_, statement.backend->statementName_.c_str(),
                                 static_cast<int>(pointers_.size()), pointers_.data(), nullptr, nullptr, 0));
    check(result.get());
    return result;
  }

  std::size_t append(const Value& value) {
    const auto offset = buffer_.size();
    std::array<char, 32> digits;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      buffer_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *integer).ptr);
    } else if (const auto* real = std::get_if<double>(&value)) {
      buffer_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *real).ptr);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      check_text(*text);
      buffer_.append(*text);
    } else {
      return no_value;
    }
    buffer_.push_back('\0');
    return offset;
  }

  static void deliver(PGresult* result, const RowFn& row) {
    const int columns = PQnfields(result);
    std::vector<std::optional<std::string_view>> values(static_cast<std::size_t>(columns));
    for (int r = 0; r < PQntuples(result); ++r) {
      for (int c = 0; c < columns; ++c) {
        auto& value = values[static_cast<std::size_t>(c)];
        if (PQgetisnull(result, r, c) != 0) {
          value.reset();
        } else {
          value.emplace(PQgetvalue(result, r, c), static_cast<std::size_t>(PQgetlength(result, r, c)));
        }
      }
      if (!row(values)) return;
    }
  }

  void check(const PGresult* result) {
    const auto status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) return;
    const auto field = [&](int code) {
      const char* text = result == nullptr ? nullptr : PQresultErrorField(result, code);
      return std::string(text == nullptr ? "" : text);
    };
    auto message = field(PG_DIAG_MESSAGE_PRIMARY);
    if (message.empty()) message = PQerrorMessage(connection_);
    fail(field(PG_DIAG_SQLSTATE), message, field(PG_DIAG_CONSTRAINT_NAME));
  }

  [[noreturn]] void fail(const std::string& state, const std::string& message, const std::string& constraint) {
    const bool shut_down = state == "57P01" || state == "57P02" || state == "57P03";
    if (PQstatus(connection_) != CONNECTION_OK || state.starts_with("08") || shut_down || state == "25P03")
      throw TryAgain(TryAgain::Cause::connection_lost, "the connection to PostgreSQL was lost: " + message);
    if (state == "0A000" && message.find("cached plan") != std::string::npos) {
      statements_.clear();
      throw TryAgain(TryAgain::Cause::contention, message);
    }
    if (state == "40001" || state == "40P01" || state == "55P03") throw TryAgain(TryAgain::Cause::contention, message);
    if (state.starts_with("23"))
      throw SqlError(ATRIUM_E_CONFLICT, constraint.empty() ? message : "constraint " + constraint + ": " + message);
    if (state == "57014") throw SqlError(ATRIUM_E_TIMEOUT, "the statement ran longer than it may and was stopped");
    if (state == "42501") throw SqlError(ATRIUM_E_DENIED, message);
    if (state.starts_with("22")) throw SqlError(ATRIUM_E_INVALID, message);
    if (state.starts_with("53")) throw SqlError(ATRIUM_E_UNAVAILABLE, message);
    throw SqlError(ATRIUM_E_INTERNAL, message);
  }

  static constexpr std::size_t no_value = static_cast<std::size_t>(-1);

  const Grants& grants_;
  soci::session session_;
  soci::postgresql_session_backend* backend_ = nullptr;
  PGconn* connection_ = nullptr;
  bool closing_ = false;
  StatementCache<Statement> statements_;
  std::map<std::string, std::vector<int>> untyped_;  ///< by SQL: parameters that need a cast
  std::string buffer_;
  std::vector<std::size_t> offsets_;
  std::vector<const char*> pointers_;
};

}  // namespace

std::unique_ptr<Session> open_postgresql(const SessionOptions& options) {
  return std::make_unique<PostgresqlSession>(options);
}

}  // namespace kernel::storage
