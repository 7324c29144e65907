// atrium.auth: who is asking, and tokens for principals of a plugin's own.
#include "abi/host_state.hpp"

#include <memory>

namespace kernel::abi {
namespace {

atrium_str kind(const atrium_principal* principal) {
  return principal == nullptr ? nothing() : text(principal_of(principal)->kind);
}
atrium_str id(const atrium_principal* principal) {
  return principal == nullptr ? nothing() : text(principal_of(principal)->id);
}
atrium_str role(const atrium_principal* principal) {
  return principal == nullptr ? nothing() : text(principal_of(principal)->role);
}

atrium_principal* owned(auth::PrincipalPtr principal) {
  return reinterpret_cast<atrium_principal*>(new auth::PrincipalPtr(std::move(principal)));
}

atrium_principal* copy(const atrium_principal* principal) {
  return principal == nullptr ? nullptr : owned(principal_of(principal));
}

atrium_principal* act_as(const atrium_host* handle, atrium_str kind, atrium_str id) {
  if (kind.len == 0 || id.len == 0 || kind.len > 64 || id.len > 200) {
    observability::log(observability::Level::warning, HostState::of(handle).owner, "act_as() needs a kind and an id");
    return nullptr;
  }
  auth::Principal principal;
  principal.kind = view(kind);
  principal.id = view(id);
  return owned(std::make_shared<const auth::Principal>(std::move(principal)));
}

void release(atrium_principal* principal) { delete reinterpret_cast<auth::PrincipalPtr*>(principal); }

/// Accounts and plugins never sign in with an issued token, so nobody becomes one by it.
void check_subject(std::string_view kind, std::string_view id) {
  if (kind.empty() || kind.size() > 64 || kind == "user" || kind == "plugin" || kind == "system") {
    throw std::invalid_argument("a token's kind is the plugin's own, such as \"worker\"; not user, plugin or system");
  }
  if (id.empty() || id.size() > 200) throw std::invalid_argument("a token needs an id of at most 200 bytes");
}

std::int32_t issue_token(const atrium_host* handle, atrium_tx* tx, atrium_str kind, atrium_str id,
                         void (*token)(void*, atrium_str), void* context, atrium_err* error) {
  return guard(error, [&] {
    HostState& host = HostState::of(handle);
    check_subject(view(kind), view(id));
    auto& transaction = TransactionScope::check(tx);
    const auto issued = host.parts.tokens.issue(transaction, std::string(view(kind)), std::string(view(id)));
    notify_plugin(host, "a function for a token", [&] { token(context, text(issued)); });
    return ATRIUM_OK;
  });
}

std::int32_t revoke_tokens(const atrium_host* handle, atrium_tx* tx, atrium_str kind, atrium_str id,
                           atrium_err* error) {
  return guard(error, [&] {
    check_subject(view(kind), view(id));
    auto& transaction = TransactionScope::check(tx);
    HostState::of(handle).parts.tokens.revoke(transaction, std::string(view(kind)), std::string(view(id)));
    return ATRIUM_OK;
  });
}

std::int32_t sign_path(const atrium_host* handle, atrium_str path, std::int64_t expires_us,
                       void (*target)(void*, atrium_str), void* context, atrium_err* error) {
  return guard(error, [&] {
    HostState& host = HostState::of(handle);
    if (path.len == 0 || *path.data != '/' || path.len > 2000 || view(path).find_first_of("?#") != std::string::npos)
      return fail(error, ATRIUM_E_INVALID, "sign_path() takes a route's path, such as /notes/ID, without a query");
    if (target == nullptr) return fail(error, ATRIUM_E_INVALID, "sign_path() needs a function for the target");
    const auto whole = std::string("/api/v1").append(view(path));
    const auto signed_ = host.parts.links.sign(host.owner, whole, expires_us);
    notify_plugin(host, "a function for a target", [&] { target(context, text(signed_)); });
    return static_cast<std::int32_t>(ATRIUM_OK);
  });
}

}  // namespace

const atrium_auth auth_table = {sizeof(atrium_auth), 0,        kind, id, role, copy, act_as, release, issue_token,
                                revoke_tokens,       sign_path};

}  // namespace kernel::abi
