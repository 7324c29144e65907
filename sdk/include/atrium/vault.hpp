#pragma once
// The service "secrets/vault": how a plugin uses a secret without keeping it. A secret is named by its id, or by its name
// if an admin made it; the vault answers only for what the calling plugin itself put there, or what an admin granted to
// it.
#include <atrium/services.hpp>

namespace atrium {

struct VaultKeep {
  std::string name, value;

  static constexpr auto members = atrium::members(
      member("name", &VaultKeep::name).length(1, 200).required().description("What an admin sees of it"),
      member("value", &VaultKeep::value).length(1, 65'536).required().description("At most 64 KiB"));
};
struct VaultReference {
  std::string reference;

  static constexpr auto members =
      atrium::members(member("reference", &VaultReference::reference).length(1, 200).required());
};
struct VaultValue {
  std::string value;
  std::int64_t version = 0;

  static constexpr auto members =
      atrium::members(member("value", &VaultValue::value).required(), member("version", &VaultValue::version));
};

namespace vault {

inline constexpr std::string_view service = "secrets/vault";

/// Keeps a value that a user handed to this plugin, which alone may take it; answers its id. One commit with what else
/// the transaction does. To change it, keep the new one and forget the old. 404 when no plugin provides the vault.
inline Id keep(const Transaction& tx, std::string name, std::string value) {
  VaultKeep secret{std::move(name), std::move(value)};
  const Json answer = tx.call(service, "keep", Json::parse(to_json(secret)));
  return Id::parse(answer.at("id").get<std::string>()).value_or(Id{});
}
/// Forgets what keep() kept; nothing happens when it is gone already.
inline void forget(const Transaction& tx, const Id& id) { tx.call(service, "forget", {{"reference", id.text()}}); }

/// Awaitable through services().call(): the value, for this moment's use only. 404: there is none, 403: it is not
/// granted to this plugin, 410: it has expired.
inline Async<VaultValue> take(const Services& services, std::string reference) {
  const Json arguments{{"reference", std::move(reference)}};
  const Json answer = co_await services.call(std::string(service), "take", arguments);
  co_return from_message<VaultValue>(answer);
}
/// Whether take() would answer, without the value: for the check of a resource that names a secret. Throws as take().
inline void require(const Transaction& tx, std::string_view reference, std::string pointer) {
  try {
    tx.call(service, "check", {{"reference", reference}});
  } catch (const Problem& problem) {
    if (problem.status >= 500) throw;
    throw invalid(std::move(pointer), problem.detail);
  }
}

}  // namespace vault
}  // namespace atrium
