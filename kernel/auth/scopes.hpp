#pragma once
// What an API key was made for, of what its owner may do.
#include <string>
#include <string_view>
#include <vector>

namespace kernel::auth {

/// Each is `AREA:read` or `AREA:write`, where AREA is the first segment of a path below the base, or `*` for all; or a
/// single operation such as `POST /users/{id}/mfa`. One that names the operation is enough.
using Scopes = std::vector<std::string>;

struct Operation {
  std::string_view method, pattern;  ///< "GET", "/users/{id}"
  bool write;
};

bool covers(std::string_view scope, const Operation& operation);
bool cover(const Scopes& scopes, const Operation& operation);
/// The scopes that name this operation, the widest but `*` first: for its description.
Scopes scopes_of(const Operation& operation);

}  // namespace kernel::auth
