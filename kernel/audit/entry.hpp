#pragma once
// One row of the audit log, as it is listed and exported.
#include <atrium/members.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace kernel::audit {

struct Entry {
  std::int64_t sequence = 0;
  atrium::Time created_at;
  std::string actor_kind, actor_id, action, resource, resource_id, address, request_id, outcome, code;

  static constexpr auto members = atrium::members(
      atrium::member("sequence", &Entry::sequence).read_only().description("The row's place in the chain, from 1"),
      atrium::member("created_at", &Entry::created_at).read_only(),
      atrium::member("actor_kind", &Entry::actor_kind).read_only(),
      atrium::member("actor_id", &Entry::actor_id).read_only(), atrium::member("action", &Entry::action).read_only(),
      atrium::member("resource", &Entry::resource).read_only(),
      atrium::member("resource_id", &Entry::resource_id).read_only(),
      atrium::member("address", &Entry::address).read_only().description("Where the request came from"),
      atrium::member("request_id", &Entry::request_id).read_only(),
      atrium::member("outcome", &Entry::outcome).read_only().description("success, or failure: tried, but not done"),
      atrium::member("code", &Entry::code)
          .read_only()
          .description("Covers this row and the code of the one before; made with a key outside the database"));
};

/// The columns of the table `audit` in the order of the members.
inline constexpr std::string_view columns =
    "sequence, time_us, actor_kind, actor_id, action, resource, resource_id, address, request_id, outcome, mac";

}  // namespace kernel::audit
