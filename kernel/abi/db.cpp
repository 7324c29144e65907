// atrium.db: SQL, and transactions that the kernel runs.
#include "abi/host_state.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

namespace kernel::abi {
namespace {

using storage::SqlError;
using storage::Value;

Value to_value(const atrium_value& value) {
  switch (value.type) {
    case ATRIUM_NULL:
      return storage::Null{};
    case ATRIUM_BOOL:
      return std::int64_t{value.as.i != 0 ? 1 : 0};
    case ATRIUM_INT:
      return value.as.i;
    case ATRIUM_REAL:
      return value.as.d;
    case ATRIUM_TEXT:
      return view(value.as.s);
    default:
      throw SqlError(ATRIUM_E_INVALID, "a parameter has the unknown type " + std::to_string(value.type));
  }
}

/// Parameters on the stack, as nearly every statement has few.
class Parameters {
 public:
  Parameters(const atrium_value* values, std::size_t count) : count_(count) {
    if (count > few_.size()) many_.resize(count);
    Value* target = data();
    for (std::size_t at = 0; at < count; ++at) target[at] = to_value(values[at]);
  }
  storage::Values values() { return {data(), count_}; }

 private:
  Value* data() { return many_.empty() ? few_.data() : many_.data(); }
  std::array<Value, 12> few_;
  std::vector<Value> many_;
  std::size_t count_;
};

atrium_value to_column(const std::optional<std::string_view>& column) {
  atrium_value value{};
  value.type = column ? ATRIUM_TEXT : ATRIUM_NULL;
  if (column) value.as.s = text(*column);
  return value;
}

storage::RowFn to_row_function(HostState& host, atrium_row_fn row, void* context, std::vector<atrium_value>& columns) {
  if (row == nullptr) return {};
  return [&host, row, context, &columns](storage::Row from) {
    columns.clear();
    for (const auto& column : from) columns.push_back(to_column(column));
    return call_plugin(host, "a row function", [&] { return row(context, columns.data(), columns.size()); }) == 0;
  };
}

storage::Actor actor_of(const HostState& host, const atrium_principal* handle) {
  const auto& principal = principal_of(handle);
  if (!principal) return {"plugin", host.owner, {}, {}};
  return {principal->kind, principal->id, principal->address, principal->request_id};
}

storage::TransactionFn to_transaction_function(std::shared_ptr<HostState> host, atrium_tx_fn function, void* context) {
  return [host = std::move(host), function, context](storage::Transaction& transaction) -> std::int32_t {
    const Inside inside(*host);
    if (!inside) return ATRIUM_E_CANCELLED;
    const TransactionScope scope(&transaction);
    return call_plugin(*host, "a transaction's function",
                       [&] { return function(context, TransactionScope::handle(&transaction)); });
  };
}

Milliseconds deadline_of(std::int64_t timeout_ms) {
  constexpr std::int64_t longest = 10 * 60 * 1000;
  if (timeout_ms <= 0) throw std::invalid_argument("a transaction's timeout_ms must be above 0");
  return Milliseconds(std::min(timeout_ms, longest));
}

atrium_str dialect(const atrium_host* handle) {
  const bool sqlite = HostState::of(handle).parts.database.dialect() == storage::Dialect::sqlite;
  return text(sqlite ? "sqlite" : "postgresql");
}

std::int32_t exec(const atrium_host* handle, atrium_tx* tx, atrium_str sql, const atrium_value* values, std::size_t n,
                  atrium_row_fn row, void* context, std::int64_t* affected, atrium_err* error) {
  return guard(error, [&] {
    HostState& host = HostState::of(handle);
    Parameters parameters(values, n);
    std::vector<atrium_value> columns;
    const auto on_row = to_row_function(host, row, context, columns);
    std::int64_t changed = 0;
    if (tx != nullptr) {
      changed = TransactionScope::check(tx).exec(host.owner, view(sql), parameters.values(), on_row);
    } else {
      host.parts.database.read(host.owner, view(sql), parameters.values(), on_row);
    }
    if (affected != nullptr) *affected = changed;
    return ATRIUM_OK;
  });
}

std::int32_t transact(const atrium_host* handle, const atrium_principal* principal, atrium_tx_fn function,
                      void* context, std::int64_t timeout_ms, atrium_err* error) {
  return guard(error, [&]() -> std::int32_t {
    HostState& host = HostState::of(handle);
    if (TransactionScope::current() != nullptr) {
      return fail(error, ATRIUM_E_INVALID,
                  "transact() inside a transaction's function would wait for itself: use the transaction at hand");
    }
    auto wrapped = to_transaction_function(host.shared_from_this(), function, context);
    const auto status =
        host.parts.database.transact(actor_of(host, principal), std::move(wrapped), deadline_of(timeout_ms));
    return status < 0 ? fail(error, status, "the transaction's function refused, so it was rolled back") : status;
  });
}

void report(HostState& host, atrium_done_fn done, void* context, std::int32_t status, const std::string& why) {
  const Inside inside(host);
  if (!inside) return;
  atrium_err error{};
  fail(&error, status, why);
  notify_plugin(host, "a transaction's done function", [&] { done(context, status, status < 0 ? &error : nullptr); });
}

void transact_async(const atrium_host* handle, const atrium_principal* principal, atrium_tx_fn function, void* context,
                    std::int64_t timeout_ms, atrium_done_fn done) {
  HostState& host = HostState::of(handle);
  atrium_err error{};
  const auto status = guard(&error, [&]() -> std::int32_t {
    auto promise = Promise::make(host);
    if (!promise) return fail(&error, ATRIUM_E_CANCELLED, "the plugin is being stopped");
    auto state = host.shared_from_this();
    auto wrapped = to_transaction_function(state, function, context);
    host.parts.database.submit(actor_of(host, principal), std::move(wrapped), deadline_of(timeout_ms),
                               [state, promise, done, context](std::int32_t outcome, const std::string& why) {
                                 report(*state, done, context, outcome, why);
                               });
    return ATRIUM_OK;
  });
  if (status < 0) report(host, done, context, status, error.message);
}

}  // namespace

const atrium_db db_table = {sizeof(atrium_db), 0, dialect, exec, transact, transact_async};

}  // namespace kernel::abi
