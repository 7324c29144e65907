#pragma once
// The plugin's tables. Reading by id always names the principal; a change, its audit row and its event are one commit.
#include <atrium/async.hpp>
#include <atrium/host.hpp>
#include <atrium/members.hpp>

#include <optional>

namespace atrium {

/// A described object with a table: `static constexpr std::string_view table, event;` beside its members. Conventions:
/// `revision` counts changes, `created_at` and `updated_at` are kept, a `deleted_at` makes removal soft, and
/// `static constexpr bool is_private = true` with an `owner_id` shows it to its owner only, `admins_see = true` to
/// admins too.
template <class T>
concept Stored = Described<T> && requires(T value) {
  T::table;
  value.id;
};
template <class T>
concept Private = requires(T value) {
  requires T::is_private;
  value.owner_id;
};
template <class T>
concept AdminsSee = Private<T> && requires {
  requires T::admins_see;
};
template <class T>
concept SoftDeleted = requires(T value) {
  value.deleted_at;
};
template <class T>
concept Revised = requires(T value) {
  value.revision;
};

/// What an audit row says of what was tried.
enum class Outcome : std::uint8_t { success, failure };
constexpr auto names_of(Outcome) { return std::array<std::string_view, 2>{"success", "failure"}; }

/// A row while it is being read; columns in the order of the SELECT.
class Row {
 public:
  Row(const atrium_value* columns, std::size_t size) : columns_(columns), size_(size) {}
  std::size_t size() const { return size_; }
  bool is_null(std::size_t at) const { return columns_[at].type == ATRIUM_NULL; }
  std::string_view text(std::size_t at) const { return is_null(at) ? std::string_view{} : text_of(columns_[at].as.s); }
  std::int64_t integer(std::size_t at) const { return detail::number_from<std::int64_t>(text(at)); }
  template <class T>
  T get(std::size_t at) const {
    T value{};
    if (!is_null(at)) Codec<T>::load(text(at), value);
    return value;
  }
  template <Described T>
  T as() const {
    return load_columns<T>(columns_);
  }

 private:
  const atrium_value* columns_;
  std::size_t size_;
};

namespace detail {

/// A failed statement inside a transaction: unwinds to the transaction's function, which hands the code to the kernel.
struct StatementFailed {
  std::int32_t code;
  std::string message;
};

struct RowSink {
  std::function<void(const Row&)> take;
  std::exception_ptr failure;
  static std::int32_t call(void* self, const atrium_value* columns, std::size_t n) {
    auto* sink = static_cast<RowSink*>(self);
    try {
      sink->take(Row(columns, n));
      return 0;
    } catch (...) {
      sink->failure = std::current_exception();
      return 1;
    }
  }
};

template <Stored T>
std::string select_where(std::string_view condition) {
  std::string sql = "SELECT " + columns<T>() + " FROM ";
  sql.append(T::table).append(" WHERE ").append(condition);
  return sql;
}
/// What a private resource's row must meet; bind_owner() binds its parameters.
template <Private T>
constexpr std::string_view owner_condition = AdminsSee<T> ? " AND (owner_id = ? OR ? = 'admin')" : " AND owner_id = ?";
template <Private T>
void bind_owner(Parameters& parameters, const Principal& who) {
  parameters.own_text(std::string(who.id()));
  if constexpr (AdminsSee<T>) parameters.own_text(std::string(who.role()));
}
template <Stored T>
const std::string& select_by_id() {
  static const std::string sql = [] {
    std::string condition = "id = ?";
    if constexpr (SoftDeleted<T>) condition += " AND deleted_at IS NULL";
    if constexpr (Private<T>) condition += owner_condition<T>;
    return select_where<T>(condition);
  }();
  return sql;
}
template <Stored T>
Parameters by_id(const Principal& who, const Id& id) {
  Parameters parameters;
  parameters.text(id.text());
  if constexpr (Private<T>) bind_owner<T>(parameters, who);
  return parameters;
}
template <Stored T>
const std::string& insert_sql() {
  static const std::string sql = [] {
    std::string marks;
    for_each_member<T>([&](const auto& m) {
      if (m.is_stored) marks += marks.empty() ? "?" : ", ?";
    });
    std::string out = "INSERT INTO ";
    return out.append(T::table).append(" (").append(columns<T>()).append(") VALUES (").append(marks).append(")");
  }();
  return sql;
}
template <Stored T>
const std::string& update_sql() {
  static const std::string sql = [] {
    std::string sets;
    for_each_member<T>([&](const auto& m) {
      if (m.is_stored) sets.append(sets.empty() ? "" : ", ").append(m.name).append(" = ?");
    });
    std::string out = "UPDATE ";
    out.append(T::table).append(" SET ").append(sets).append(" WHERE id = ?");
    if constexpr (Revised<T>) out += " AND revision = ?";
    return out;
  }();
  return sql;
}

}  // namespace detail

/// What both the store and a transaction can ask.
template <class Self>
class Reader {
 public:
  /// Every row of a SELECT, in order.
  template <class F, class... Ts>
  void query(std::string_view sql, F&& take, const Ts&... values) const {
    self().run(sql, Parameters::of(values...), std::function<void(const Row&)>(std::forward<F>(take)));
  }
  /// The first row's first column, or nullopt.
  template <class V, class... Ts>
  std::optional<V> value(std::string_view sql, const Ts&... values) const {
    std::optional<V> found;
    query(
        sql,
        [&](const Row& row) {
          if (!found && !row.is_null(0)) found = row.get<V>(0);
        },
        values...);
    return found;
  }
  /// The first column of every row; NULLs are passed over.
  template <class V, class... Ts>
  std::vector<V> values(std::string_view sql, const Ts&... values) const {
    std::vector<V> found;
    query(
        sql,
        [&](const Row& row) {
          if (!row.is_null(0)) found.push_back(row.get<V>(0));
        },
        values...);
    return found;
  }
  /// Objects by a condition of the plugin's own: "status = ? ORDER BY id LIMIT 10".
  template <Stored T, class... Ts>
  std::vector<T> find(std::string_view condition, const Ts&... values) const {
    std::vector<T> found;
    query(
        detail::select_where<T>(condition), [&](const Row& row) { found.push_back(row.as<T>()); }, values...);
    return found;
  }
  /// The object as this principal may see it; 404 otherwise.
  template <Stored T>
  T get(const Principal& who, const Id& id) const {
    std::optional<T> found;
    self().run(detail::select_by_id<T>(), detail::by_id<T>(who, id), [&](const Row& row) { found = row.as<T>(); });
    if (!found) throw not_found();
    return std::move(*found);
  }

 private:
  const Self& self() const { return static_cast<const Self&>(*this); }
};

/// Valid inside its function only. The function may run again, so it does nothing but SQL and publish().
class Transaction : public Reader<Transaction> {
 public:
  Transaction(const Host& host, atrium_tx* raw) : host_(&host), raw_(raw) {}
  atrium_tx* raw() const { return raw_; }

  /// Rows changed.
  template <class... Ts>
  std::int64_t exec(std::string_view sql, const Ts&... values) const {
    return run(sql, Parameters::of(values...), {});
  }

  /// Fills in id, revision and times where they are empty.
  template <Stored T>
  void insert(T& value) const {
    const auto now = Time::now();
    if constexpr (std::same_as<decltype(value.id), Id>) {
      if (value.id.empty()) value.id = Id::make();
    }
    if constexpr (Revised<T>) value.revision = 1;
    if constexpr (requires { value.created_at.microseconds; }) {
      if (value.created_at.microseconds == 0) value.created_at = now;
    }
    if constexpr (requires { value.updated_at.microseconds; }) value.updated_at = now;
    Parameters parameters;
    bind_columns(parameters, value);
    run(detail::insert_sql<T>(), parameters, {});
  }
  /// Writes the whole row if nobody changed it since it was read (409 otherwise), and counts the revision up.
  template <Stored T>
  void update(T& value) const {
    [[maybe_unused]] std::int64_t before = 0;
    if constexpr (Revised<T>) before = value.revision++;
    if constexpr (requires { value.updated_at.microseconds; }) value.updated_at = Time::now();
    Parameters parameters;
    bind_columns(parameters, value);
    parameters.text(value.id.text());
    if constexpr (Revised<T>) parameters.integer(before);
    if (run(detail::update_sql<T>(), parameters, {}) == 0)
      throw conflict("Somebody changed it at the same time; read it again.");
  }
  /// 404 when somebody else just did.
  template <Stored T>
  void erase(const T& value) const {
    static const std::string sql = [] {
      std::string out = "DELETE FROM ";
      return out.append(T::table).append(" WHERE id = ?");
    }();
    Parameters parameters;
    parameters.text(value.id.text());
    if (run(sql, parameters, {}) == 0) throw not_found();
  }

  /// The audit row of a change and its event, `data` being the whole resource as JSON. owner: who alone may see the
  /// event; empty: every member.
  void publish(std::string_view topic, std::string_view resource, std::string_view id, std::string_view data,
               std::string_view owner = {}) const {
    record(topic, resource, id, topic, data, owner);
  }
  template <Stored T>
  void publish(std::string_view topic, const T& value) const {
    std::string owner;
    if constexpr (Private<T>) owner = std::string(Id(value.owner_id).text());
    publish(topic, T::event, value.id.text(), to_json(value), owner);
  }
  /// The audit row of what nobody needs to hear of: a change, or an attempt that was refused or failed.
  void audit(std::string_view action, std::string_view resource, std::string_view id,
             Outcome outcome = Outcome::success) const {
    record(action, resource, id, {}, {}, {}, outcome);
  }

  /// A bearer token for a principal of this plugin's own, such as a worker; shown once. It works from the commit on.
  std::string issue_token(std::string_view kind, std::string_view id) const {
    std::string token;
    Failure failure;
    const auto status = host_->auth().issue_token(
        host_->raw(), raw_, view(kind), view(id),
        [](void* out, atrium_str text) { *static_cast<std::string*>(out) = text_of(text); }, &token, failure);
    if (status < 0) throw detail::StatementFailed{status, failure.raw.message};
    return token;
  }

  /// A service inside this transaction; throws the problem it answers with.
  Json call(std::string_view service, std::string_view method, const Json& arguments, const Principal& who = {}) const;

  std::int64_t run(std::string_view sql, const Parameters& parameters, std::function<void(const Row&)> take) const {
    detail::RowSink sink{std::move(take), nullptr};
    Failure failure;
    std::int64_t affected = 0;
    const auto status = host_->db().exec(host_->raw(), raw_, view(sql), parameters.data(), parameters.size(),
                                         sink.take ? &detail::RowSink::call : nullptr, &sink, &affected, failure);
    if (sink.failure) std::rethrow_exception(sink.failure);
    if (status < 0) throw detail::StatementFailed{status, failure.raw.message};
    return affected;
  }

 private:
  void record(std::string_view action, std::string_view resource, std::string_view id, std::string_view topic,
              std::string_view data, std::string_view owner, Outcome outcome = Outcome::success) const {
    const atrium_change change{.size = sizeof(atrium_change),
                               .reserved = 0,
                               .action = view(action),
                               .resource = view(resource),
                               .resource_id = view(id),
                               .topic = view(topic),
                               .data_json = view(data),
                               .owner = view(owner),
                               .outcome = view(name_of(outcome))};
    Failure failure;
    const auto status = host_->events().record(raw_, &change, failure);
    if (status < 0) throw detail::StatementFailed{status, failure.raw.message};
  }
  const Host* host_;
  atrium_tx* raw_;
};

namespace detail {

/// One transaction on its way: the function, what it gave, and what went wrong in it.
template <class F, class R>
struct Work {
  const Host* host;
  F function;
  std::conditional_t<std::is_void_v<R>, bool, std::optional<R>> result{};
  std::exception_ptr failure{};

  static std::int32_t run(void* self, atrium_tx* raw) {
    auto* work = static_cast<Work*>(self);
    work->failure = nullptr;
    try {
      Transaction transaction(*work->host, raw);
      if constexpr (std::is_void_v<R>) {
        work->function(transaction);
      } else {
        work->result = work->function(transaction);
      }
      return ATRIUM_OK;
    } catch (const StatementFailed& failed) {
      work->failure =
          std::make_exception_ptr(failed.code == ATRIUM_E_CONFLICT ? conflict("It clashes with what is already there.")
                                                                   : problem_for(failed.code, failed.message));
      return failed.code;
    } catch (const Problem& problem) {
      work->failure = std::current_exception();
      return code_for(problem.status);
    } catch (...) {
      work->failure = std::current_exception();
      return ATRIUM_E_INTERNAL;
    }
  }
  /// Throws unless it committed.
  R outcome(std::int32_t status, std::string_view why) {
    if (status != ATRIUM_OK && failure) std::rethrow_exception(failure);
    if (status < 0) throw problem_for(status, std::string(why));
    if constexpr (!std::is_void_v<R>) return std::move(*result);
  }
};

template <class F>
using WorkResult = std::invoke_result_t<F&, Transaction&>;

}  // namespace detail

class Store : public Reader<Store> {
 public:
  static constexpr std::int64_t default_timeout_ms = 10'000;

  Store() = default;
  explicit Store(const Host& host) : host_(&host) {}

  bool is_postgresql() const { return text_of(host_->db().dialect(host_->raw())) == "postgresql"; }

  /// Runs `function(Transaction&)` in one transaction and waits for its commit; not on I/O threads.
  template <class F>
  detail::WorkResult<F> transaction(const Principal& who, F function) const {
    detail::Work<F, detail::WorkResult<F>> work{host_, std::move(function)};
    Failure failure;
    const auto status = host_->db().transact(host_->raw(), who.raw(), work.run, &work, default_timeout_ms, failure);
    return work.outcome(status, failure.raw.message);
  }

  /// Never waits: `done(get)` is called once after the commit; get() gives the result or throws. It must only hand
  /// over.
  template <class F, class Done>
  void submit(const Principal& who, F function, Done done) const {
    using Work = detail::Work<F, detail::WorkResult<F>>;
    struct Held {
      Work work;
      Done done;
    };
    auto* held = new Held{Work{host_, std::move(function)}, std::move(done)};
    const auto run = [](void* self, atrium_tx* raw) { return Work::run(&static_cast<Held*>(self)->work, raw); };
    const auto finish = [](void* self, std::int32_t status, const atrium_err* why) {
      const std::unique_ptr<Held> held(static_cast<Held*>(self));
      held->done([&] { return held->work.outcome(status, why ? why->message : ""); });
    };
    host_->db().transact_async(host_->raw(), who.raw(), run, held, default_timeout_ms, finish);
  }

  /// Awaitable: the transaction's result, on a pool thread.
  template <class F>
  auto commit(const Principal& who, F function) const {
    using R = detail::WorkResult<F>;
    struct Committing {
      const Store* store;
      Principal who;
      detail::Work<F, R> work;
      std::int32_t status = ATRIUM_OK;
      std::string why{};
      std::coroutine_handle<> waiting{};

      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> handle) {
        waiting = handle;
        const auto run = [](void* self, atrium_tx* raw) {
          return detail::Work<F, R>::run(&static_cast<Committing*>(self)->work, raw);
        };
        const auto finish = [](void* self, std::int32_t status, const atrium_err* why) {
          auto* committing = static_cast<Committing*>(self);
          committing->status = status;
          if (why) committing->why = why->message;
          const auto waiting = committing->waiting;
          if (!committing->store->host_->post([waiting] { waiting.resume(); })) waiting.resume();
        };
        store->host_->db().transact_async(store->host_->raw(), who.raw(), run, this, default_timeout_ms, finish);
      }
      R await_resume() { return work.outcome(status, why); }
    };
    return Committing{this, who, detail::Work<F, R>{host_, std::move(function)}};
  }

  std::int64_t run(std::string_view sql, const Parameters& parameters, std::function<void(const Row&)> take) const {
    detail::RowSink sink{std::move(take), nullptr};
    Failure failure;
    const auto status = host_->db().exec(host_->raw(), nullptr, view(sql), parameters.data(), parameters.size(),
                                         &detail::RowSink::call, &sink, nullptr, failure);
    if (sink.failure) std::rethrow_exception(sink.failure);
    return failure.check(status);
  }

 private:
  const Host* host_ = nullptr;
};

}  // namespace atrium
