#pragma once
#include "auth/principal.hpp"
#include "storage/database.hpp"

#include <atrium/types.hpp>

#include <string>

namespace kernel::auth {

/// Where a request came from and when its head arrived.
struct Origin {
  std::string address, user_agent, request_id;
  atrium::Time received = atrium::Time::now();
};

/// For the audit rows of what a request changes: before anybody signed in, and afterwards.
inline storage::Actor anonymous_actor(const Origin& origin) {
  return {"anonymous", "", origin.address, origin.request_id};
}
inline storage::Actor user_actor(std::string_view user_id, const Origin& origin) {
  return {"user", std::string(user_id), origin.address, origin.request_id};
}
inline storage::Actor actor_of(const Principal& who) { return {who.kind, who.id, who.address, who.request_id}; }

}  // namespace kernel::auth
