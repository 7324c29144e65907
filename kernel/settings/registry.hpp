#pragma once
// The settings of this installation: declared by the kernel and by plugins, changed at run time, read from memory.
#include "settings/definition.hpp"
#include "storage/database.hpp"

#include <atrium/problem.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::settings {

inline constexpr std::string_view setting_updated_topic = "setting.updated";
/// Stands for a secret in answers and events; sent back it changes nothing.
inline constexpr std::string_view mask = "********";

/// Encrypts the values of secrets. `bound_to` keeps a sealed text from being moved to another setting.
class Sealer {
 public:
  virtual ~Sealer() = default;
  virtual std::string seal(std::string_view plain, std::string_view bound_to) const = 0;
  virtual std::optional<std::string> open(std::string_view sealed, std::string_view bound_to) const = 0;
};

/// A new value, and where in the request it stood.
struct Change {
  std::string category, key;
  atrium::Json value;
  std::string pointer;
};

class Registry {
 public:
  /// `sealer` outlives this object.
  Registry(storage::Database& database, const Sealer& sealer);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Replaces what this owner declared. Throws DefinitionError when another owner has the category. [any thread]
  void declare(const std::string& owner, std::vector<Definition> definitions);

  /// From memory, never waits. Throws std::out_of_range when nobody declared it. [any thread]
  atrium::Json value(std::string_view category, std::string_view key) const;
  bool has(std::string_view category, std::string_view key) const;
  std::vector<Definition> definitions(std::string_view category) const;

  /// As GET shows them: {category: {key: {"value", "type", "default", "description", "updated_at", "secret", ...}}}.
  atrium::Json show() const;
  /// One of them; nullopt when nobody declared it.
  std::optional<atrium::Json> show(std::string_view category, std::string_view key) const;

  /// All or nothing, in one transaction with audit rows and events; in effect here when it returns, on other nodes when
  /// they hear of it. Throws a 422 with every fault, those that the caller found among them. Waits: pool threads only.
  void set(const storage::Actor& actor, const std::vector<Change>& changes, std::vector<atrium::Fault> faults = {});

  /// Reads what is stored. Waits. Values that no longer suit their declaration count as not set.
  void load();
  /// Called after values may have changed, on the thread that loaded them, until the result is let go (which waits for
  /// a running call); must not wait. The registry outlives the result.
  [[nodiscard]] std::shared_ptr<void> on_change(std::function<void()> listener);

 private:
  struct Stored {
    std::string text;  ///< JSON, or {"sealed": ...} of a secret
    std::int64_t updated_at = 0;
    bool operator==(const Stored&) const = default;
  };
  struct Entry {
    Definition definition;
    std::string owner;
    atrium::Json value;
    std::int64_t updated_at = 0;  ///< 0: has its default
  };
  void apply(Entry& entry) const;
  std::optional<atrium::Json> opened(const Definition& definition, const std::string& text) const;
  std::string closed(const Definition& definition, const atrium::Json& value) const;
  std::vector<std::pair<Definition, const Change*>> checked(const std::vector<Change>& changes,
                                                            std::vector<atrium::Fault> faults) const;

  storage::Database& database_;
  const Sealer& sealer_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  ///< by "category.key"
  std::map<std::string, Stored, std::less<>> stored_;  ///< also those that nobody declares at present
  std::mutex loading_;                                 ///< so that what was read first is not put in place last
  std::vector<std::weak_ptr<std::function<void()>>> listeners_;
};

}  // namespace kernel::settings
