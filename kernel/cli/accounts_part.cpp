#include "cli/accounts_part.hpp"

#include "abi/built_in_table.hpp"
#include "abi/request_pool.hpp"
#include "auth/accounts.hpp"

#include <memory>

namespace kernel::cli {
namespace {

auth::Caller caller_of(const atrium::Request& request) {
  auto* held = abi::RequestPool::instance().find(request.raw());
  if (!held) throw std::logic_error("the request was answered already");
  const auto& context = *held->context;
  return {context.principal,
          {.address = context.client_address,
           .user_agent = std::string(held->exchange->head().headers.get("user-agent")),
           .request_id = context.request_id}};
}

}  // namespace

const atrium_plugin& accounts_table(auth::Auth& auth) {
  return abi::built_in_table<auth::Accounts>("accounts",
                                             [&auth] { return std::make_unique<auth::Accounts>(auth, caller_of); });
}

}  // namespace kernel::cli
