#include "vault.hpp"

namespace secrets {

using atrium::Id;
using atrium::Json;

namespace {

constexpr int most_readings = 3;  // a key may be wrapped anew between reading and unwrapping it
constexpr std::size_t most_remembered = 10'000;
constexpr std::int64_t minute_us = 60'000'000;

std::string place_of(const Id& id, std::int64_t version) { return id.str() + ":" + std::to_string(version); }

atrium::Problem damaged(const Id& id, const std::string& what) {
  return {500, "secret-damaged", "The stored secret was changed or damaged",
          what + " of the secret " + id.str() + " is not what the vault wrote."};
}

std::optional<atrium::Problem> refusal(const Secret& secret, std::string_view plugin) {
  if (!secret.is_open_to(plugin))
    return atrium::forbidden("The secret is not granted to the plugin " + std::string(plugin) +
                             ": an admin adds it to granted_to.");
  if (secret.has_expired())
    return atrium::Problem(410, "expired", "The secret has expired", "An admin rotates it or moves its expires_at.");
  return std::nullopt;
}

void require_transaction(const atrium::Call& call) {
  if (!call.in_transaction())
    throw atrium::bad_request(std::string(call.method()) + " belongs into the transaction that it is one commit with.");
}

}  // namespace

void hold_master(const atrium::Transaction& tx, bool is_postgresql, bool alone) {
  if (!is_postgresql) return;
  tx.query(alone ? "SELECT id FROM secret_master WHERE id = 1 FOR UPDATE"
                 : "SELECT id FROM secret_master WHERE id = 1 FOR SHARE",
           [](const atrium::Row&) {});
}

DataKey Vault::data_key(const Id& id, std::string_view wrapped) const {
  try {
    if (auto key = DataKey::take(keys_->unwrap(id.text(), wrapped))) return std::move(*key);
  } catch (const atrium::Problem& problem) {
    if (problem.status != 403 && problem.status != 422) throw;
  }
  throw damaged(id, "The data key");
}

void Vault::add(const atrium::Transaction& tx, const Secret& secret) const {
  hold_master(tx, store_->is_postgresql(), false);
  const DataKey key = DataKey::make();
  const std::string wrapped = keys_->wrap(secret.id.text(), key.bytes());
  tx.exec("INSERT INTO secret_keys (secret_id, master_id, wrapped) VALUES (?, ?, ?)", secret.id,
          wrapped.substr(0, wrapped.find('.')), wrapped);
  insert_version(tx, secret, key, secret.created_by);
}

void Vault::append(const atrium::Transaction& tx, const Secret& secret, const atrium::Principal& who) const {
  hold_master(tx, store_->is_postgresql(), false);
  const auto wrapped = tx.value<std::string>("SELECT wrapped FROM secret_keys WHERE secret_id = ?", secret.id);
  if (!wrapped) throw damaged(secret.id, "The data key");
  insert_version(tx, secret, data_key(secret.id, *wrapped), Id::parse(who.id()));
  tx.exec("DELETE FROM secret_versions WHERE secret_id = ? AND version <= ?", secret.id,
          secret.version - versions_kept_);
}

void Vault::insert_version(const atrium::Transaction& tx, const Secret& secret, const DataKey& key,
                           const std::optional<Id>& author) const {
  tx.exec(
      "INSERT INTO secret_versions (id, secret_id, version, sealed, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      Id::make(), secret.id, secret.version, key.seal(secret.value, place_of(secret.id, secret.version)), author,
      atrium::Time::now());
}

void Vault::shred(const atrium::Transaction& tx, const Id& id) const {
  tx.exec("DELETE FROM secret_keys WHERE secret_id = ?", id);
  tx.exec("DELETE FROM secret_versions WHERE secret_id = ?", id);
  tx.exec("DELETE FROM secret_uses WHERE secret_id = ?", id);
}

Vault::Opened Vault::open(const Id& id, std::optional<std::int64_t> version) const {
  static const std::string of_newest =
      "SELECT k.wrapped, v.sealed, v.version FROM secrets s JOIN secret_keys k ON k.secret_id = s.id"
      " JOIN secret_versions v ON v.secret_id = s.id WHERE s.id = ? AND v.version = ";
  for (int reading = 1;; ++reading) {
    std::string wrapped, sealed;
    std::int64_t found = 0;
    const auto take = [&](const atrium::Row& row) {
      wrapped = row.text(0);
      sealed = row.text(1);
      found = row.integer(2);
    };
    if (version)
      store_->query(of_newest + "?", take, id, *version);
    else
      store_->query(of_newest + "s.version", take, id);
    if (found == 0) throw atrium::not_found(version ? "There is no such version." : "");
    try {
      if (auto value = data_key(id, wrapped).open(sealed, place_of(id, found))) return {std::move(*value), found};
    } catch (const atrium::Problem& problem) {
      if (problem.status != 404) throw;
      if (reading < most_readings) continue;
      throw atrium::Problem(500, "master-key-missing", "The master key of this secret is not here", problem.detail);
    }
    throw damaged(id, "Version " + std::to_string(found));
  }
}

template <class Reader>
Secret Vault::find(const Reader& reader, const std::string& reference) const {
  const bool is_id = Id::parse(reference).has_value();
  auto found = reader.template find<Secret>(is_id ? "id = ?" : "name = ? AND owner_plugin IS NULL", reference);
  if (found.empty()) throw atrium::not_found("There is no secret " + reference + ".");
  return std::move(found.front());
}

Json Vault::keep(const atrium::Call& call) const {
  require_transaction(call);
  auto arguments = call.arguments<atrium::VaultKeep>();
  if (arguments.value.size() > Confidential::max_bytes)
    throw atrium::invalid("/value", "must have at most 65536 bytes");
  const auto tx = call.transaction();
  Secret secret;
  secret.name = std::move(arguments.name);
  secret.value = Confidential(std::move(arguments.value));
  secret.owner_plugin = std::string(call.caller());
  secret.version = 1;
  if (const auto who = call.principal(); who.kind() == "user") secret.created_by = Id::parse(who.id());
  tx.insert(secret);
  add(tx, secret);
  tx.audit("secret.created", Secret::event, secret.id.text());
  return {{"id", secret.id.str()}};
}

Json Vault::forget(const atrium::Call& call) const {
  require_transaction(call);
  const auto tx = call.transaction();
  const auto found = tx.find<Secret>("id = ?", call.arguments<atrium::VaultReference>().reference);
  if (found.empty()) return Json::object();
  const auto& secret = found.front();
  if (secret.owner_plugin != call.caller()) throw atrium::forbidden("Only the plugin that keeps a secret forgets it.");
  shred(tx, secret.id);
  tx.erase(secret);
  tx.audit("secret.deleted", Secret::event, secret.id.text());
  return Json::object();
}

Json Vault::check(const atrium::Call& call) const {
  const auto reference = call.arguments<atrium::VaultReference>().reference;
  const Secret secret = call.in_transaction() ? find(call.transaction(), reference) : find(*store_, reference);
  if (const auto refused = refusal(secret, call.caller())) throw *refused;
  return Json::object();
}

atrium::Async<Json> Vault::take(atrium::Call call) {
  if (call.in_transaction())
    throw atrium::bad_request("take answers after a commit of its own: call it outside of a transaction.");
  const auto reference = call.arguments<atrium::VaultReference>().reference;
  const std::string plugin(call.caller());
  const Secret secret = find(*store_, reference);
  const auto refused = refusal(secret, plugin);
  auto auditing = audit_use(secret, plugin, !refused);
  co_await auditing;
  if (refused) throw *refused;
  const Opened opened = open(secret.id);
  Json answer = Json::object();
  answer["value"] = opened.value.reveal();
  answer["version"] = opened.version;
  co_return answer;
}

atrium::Async<void> Vault::audit_use(const Secret& secret, std::string plugin, bool granted) {
  const std::int64_t minute = atrium::Time::now().microseconds / minute_us;
  const std::string use = secret.id.str() + (granted ? '+' : '-') + plugin;
  {
    const std::lock_guard lock(mutex_);
    if (const auto last = audited_.find(use); last != audited_.end() && last->second == minute) co_return;
  }
  auto writing = store_->commit(atrium::Principal::act_as(*host_, "plugin", plugin), [&secret, &plugin, granted,
                                                                                      minute](atrium::Transaction& tx) {
    if (!tx.value<std::string>("SELECT id FROM secrets WHERE id = ?", secret.id)) throw atrium::not_found();
    const auto is_first = tx.exec(
        "INSERT INTO secret_uses (secret_id, plugin, granted, minute) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (secret_id, plugin, granted) DO UPDATE SET minute = excluded.minute"
        " WHERE secret_uses.minute < excluded.minute",
        secret.id, plugin, granted, minute);
    if (is_first == 0) return;
    if (granted)
      tx.exec("UPDATE secrets SET last_used_at = ? WHERE id = ?", atrium::Time{minute * minute_us}, secret.id);
    tx.audit(granted ? "secret.used" : "secret.refused", Secret::event, secret.id.text(),
             granted ? atrium::Outcome::success : atrium::Outcome::failure);
  });
  co_await writing;
  const std::lock_guard lock(mutex_);
  if (audited_.size() >= most_remembered) audited_.clear();
  audited_[use] = minute;
}

}  // namespace secrets
