#include "storage/database.hpp"

#include "storage/migrations.hpp"
#include "storage/reader_pool.hpp"
#include "storage/schema.hpp"
#include "storage/sqlite_backup.hpp"
#include "storage/writer.hpp"

#include <algorithm>
#include <future>

namespace kernel::storage {
namespace {

struct Target {
  Dialect dialect;
  std::string text;  ///< a path or a URL
};

Target parse_url(const std::string& url) {
  constexpr std::string_view sqlite = "sqlite:";
  if (url.starts_with(sqlite) && url.size() > sqlite.size()) return {Dialect::sqlite, url.substr(sqlite.size())};
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return {Dialect::postgresql, url};
  throw SqlError(ATRIUM_E_INVALID, "database.url must be sqlite:/path/to/file or postgresql://user@host/name");
}

class DatabaseOf final : public Database {
 public:
  DatabaseOf(const DatabaseOptions& options, Target target)
      : target_(std::move(target)),
        cache_(static_cast<std::size_t>(std::max(options.statement_cache, 8))),
        transaction_limit_(options.transaction_limit),
        readers_(static_cast<std::size_t>(std::max(options.readers, 1)),
                 [this] { return open_session(Session::Use::reading); }),
        writer_({[this] { return open_session(Session::Use::writing); }, options.max_waiting_writes, options.max_batch,
                 options.transaction_limit},
                Journal(target_.dialect, options.audit_key, options.audit_head), on_events) {
    writer_.alone([this](Session& session) { prepare_migrations(session, target_.dialect); });
    for (const auto& migration : kernel_migrations(target_.dialect)) migrate("kernel", migration.name, migration.sql);
  }

  Dialect dialect() const override { return target_.dialect; }
  void grant(TableGrant grant) override { grants_.add(grant); }

  void read(std::string_view owner, std::string_view sql, Values parameters, const RowFn& row) override {
    readers_.read(owner, sql, parameters, row);
  }
  bool reads_are_local() const override { return target_.dialect == Dialect::sqlite; }

  void submit(Actor actor, TransactionFn function, std::chrono::milliseconds deadline, CommitFn done) override {
    writer_.submit({std::move(actor), std::move(function), Clock::now() + deadline, std::move(done)});
  }

  bool on_committing_thread() const override { return writer_.on_this_thread(); }

  void migrate(std::string_view owner, const std::string& name, const std::string& sql) override {
    writer_.alone([&](Session& session) { apply_migration(session, target_.dialect, owner, name, sql); });
  }

  void checkpoint() override {
    if (target_.dialect != Dialect::sqlite) return;
    writer_.alone([](Session& session) { session.command("PRAGMA wal_checkpoint(TRUNCATE)"); });
  }

  void backup_to(const std::string& file) override {
    if (target_.dialect != Dialect::sqlite)
      throw SqlError(ATRIUM_E_INVALID, "PostgreSQL is backed up with its own tools: run pg_dump");
    backup_sqlite(*open_session(Session::Use::reading), file);
  }

  Counters counters() const override {
    return {writer_.commits(), writer_.writes(), writer_.rollbacks(), writer_.waiting(), readers_.reads()};
  }

 private:
  std::unique_ptr<Session> open_session(Session::Use use) const {
    SessionOptions options{.target = target_.text, .use = use, .statement_cache = cache_, .grants = &grants_};
    if (use == Session::Use::writing) options.statement_limit = transaction_limit_;
    return target_.dialect == Dialect::sqlite ? open_sqlite(options) : open_postgresql(options);
  }

  const Target target_;
  const std::size_t cache_;
  const std::chrono::milliseconds transaction_limit_;
  Grants grants_;
  ReaderPool readers_;
  Writer writer_;  // ends first: what it still answers may read
};

}  // namespace

std::unique_ptr<Database> Database::open(const DatabaseOptions& options) {
  return std::make_unique<DatabaseOf>(options, parse_url(options.url));
}

std::int32_t Database::transact(Actor actor, TransactionFn function, std::chrono::milliseconds deadline) {
  if (on_committing_thread())
    throw SqlError(ATRIUM_E_INTERNAL, "transact() would wait for itself: it was called on the committing thread");
  const auto answer = std::make_shared<std::promise<std::pair<std::int32_t, std::string>>>();
  auto answered = answer->get_future();
  submit(std::move(actor), std::move(function), deadline, [answer](std::int32_t status, const std::string& why) {
    answer->set_value({status, why});
  });
  const auto [status, why] = answered.get();
  if (!why.empty()) throw SqlError(status, why);
  return status;
}

}  // namespace kernel::storage
