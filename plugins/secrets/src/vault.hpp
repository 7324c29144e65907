#pragma once
// Values under lock and key: what is sealed where, and what other plugins may have of it.
#include "sealing.hpp"
#include "secret.hpp"

#include <atrium/keys.hpp>
#include <atrium/vault.hpp>

#include <unordered_map>

namespace secrets {

/// Keeps whoever wraps a data key and whoever forgets a master key apart until the transaction ends. On SQLite
/// transactions are one after another anyway.
void hold_master(const atrium::Transaction& tx, bool is_postgresql, bool alone);

class Vault {
 public:
  static constexpr std::int64_t default_versions_kept = 10, most_versions_kept = 100;

  struct Opened {
    Confidential value;
    std::int64_t version = 0;
  };

  /// What the others refer to outlives the vault.
  Vault(const atrium::Host& host, const atrium::Store& store, const atrium::Keys& keys, std::int64_t versions_kept)
      : host_(&host), store_(&store), keys_(&keys), versions_kept_(versions_kept) {}

  /// A data key and the first version, after the secret's row is there.
  void add(const atrium::Transaction& tx, const Secret& secret) const;
  /// The secret's value as its version, after its row says so; versions beyond the bound go.
  void append(const atrium::Transaction& tx, const Secret& secret, const atrium::Principal& who) const;
  /// Everything of a secret but its row.
  void shred(const atrium::Transaction& tx, const atrium::Id& id) const;
  /// The value of a version, by default of the newest. Throws 404 when there is none, 500 when it was changed.
  Opened open(const atrium::Id& id, std::optional<std::int64_t> version = {}) const;

  // The methods of the service "secrets/vault", see atrium/vault.hpp.
  atrium::Json keep(const atrium::Call& call) const;
  atrium::Json forget(const atrium::Call& call) const;
  atrium::Json check(const atrium::Call& call) const;
  atrium::Async<atrium::Json> take(atrium::Call call);

 private:
  template <class Reader>
  Secret find(const Reader& reader, const std::string& reference) const;
  DataKey data_key(const atrium::Id& id, std::string_view wrapped) const;
  void insert_version(const atrium::Transaction& tx, const Secret& secret, const DataKey& key,
                      const std::optional<atrium::Id>& author) const;
  atrium::Async<void> audit_use(const Secret& secret, std::string plugin, bool granted);

  const atrium::Host* host_;
  const atrium::Store* store_;
  const atrium::Keys* keys_;
  const std::int64_t versions_kept_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::int64_t> audited_;  ///< the minute of the last row of each use; guarded
};

}  // namespace secrets
