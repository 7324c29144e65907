#pragma once
// Principals and issued tokens of the fake host.
#include "fake_db.hpp"
#include "fake_http.hpp"

namespace atrium::testing {

/// A token that the plugin issued; it counts from the commit of its transaction on.
struct IssuedToken {
  std::string kind, id, token;
  bool revoked = false;
};

class FakeAuth {
 public:
  explicit FakeAuth(FakeCore& core) : core_(core) {}
  std::vector<IssuedToken> tokens;

  static const atrium_auth table;

 private:
  static std::int32_t issue(const atrium_host* host, atrium_tx* tx, atrium_str kind, atrium_str id,
                            void (*token)(void*, atrium_str), void* context, atrium_err* error) {
    if (text_of(kind).empty() || text_of(id).empty())
      return fail(error, ATRIUM_E_INVALID, "a token needs a kind and an id");
    auto* auth = FakeCore::of(host).auth;
    FakeDb::check(tx);
    IssuedToken issued{string_of(kind), string_of(id), "token-" + std::to_string(++auth->made_), false};
    token(context, view(issued.token));
    tx->on_commit.push_back([auth, issued = std::move(issued)] {
      const std::lock_guard lock(auth->core_.mutex);
      auth->tokens.push_back(issued);
    });
    return ATRIUM_OK;
  }
  static std::int32_t revoke(const atrium_host* host, atrium_tx* tx, atrium_str kind, atrium_str id, atrium_err*) {
    FakeDb::check(tx);
    tx->on_commit.push_back([auth = FakeCore::of(host).auth, kind = string_of(kind), id = string_of(id)] {
      const std::lock_guard lock(auth->core_.mutex);
      for (auto& issued : auth->tokens)
        if (issued.kind == kind && issued.id == id) issued.revoked = true;
    });
    return ATRIUM_OK;
  }

  FakeCore& core_;
  int made_ = 0;
};

inline const atrium_auth FakeAuth::table{sizeof(atrium_auth),
                                         0,
                                         [](const atrium_principal* who) { return view(who->kind); },
                                         [](const atrium_principal* who) { return view(who->id); },
                                         [](const atrium_principal* who) { return view(who->role); },
                                         [](const atrium_principal* who) { return new atrium_principal(*who); },
                                         [](const atrium_host*, atrium_str kind, atrium_str id) {
                                           return new atrium_principal{string_of(kind), string_of(id), {}};
                                         },
                                         [](atrium_principal* who) { delete who; },
                                         &FakeAuth::issue,
                                         &FakeAuth::revoke,
                                         [](const atrium_host*, atrium_str path, std::int64_t expires,
                                            void (*target)(void*, atrium_str), void* context, atrium_err*) {
                                           const auto made =
                                               signed_target("/api/v1" + string_of(path), std::to_string(expires));
                                           target(context, view(made));
                                           return static_cast<std::int32_t>(ATRIUM_OK);
                                         }};

}  // namespace atrium::testing
