#pragma once
// The answering side of require(): a resource that other plugins may refer to.
#include <atrium/services.hpp>

namespace atrium {

/// The method "get" of a directory: {"id"} answers the resource as the caller may see it, 404 otherwise; inside the
/// caller's transaction when there is one.
///
///   provide("notes/directory").on("get", [this](const Call& call) { return look_up<Note>(store(), call); });
template <Stored T>
Json look_up(const Store& store, const Call& call) {
  const Json arguments = call.json();
  const auto given = arguments.is_object() ? arguments.value("id", Json()) : Json();
  const auto id = given.is_string() ? Id::parse(given.get_ref<const std::string&>()) : std::nullopt;
  if (!id) throw not_found();
  const T found =
      call.in_transaction() ? call.transaction().get<T>(call.principal(), *id) : store.get<T>(call.principal(), *id);
  return Json::parse(to_json(found));
}

}  // namespace atrium
