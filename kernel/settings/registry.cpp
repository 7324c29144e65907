#include "settings/registry.hpp"

#include "observability/log.hpp"
#include "storage/statements.hpp"

#include <algorithm>
#include <stdexcept>

namespace kernel::settings {
namespace {

using atrium::Json;
using observability::Level;

std::string name_of_setting(std::string_view category, std::string_view key) {
  return std::string(category).append(1, '.').append(key);
}
std::string binding(const Definition& definition) { return "setting:" + definition.name(); }

Json masked(const Definition& definition, const Json& value) {
  return definition.secret && value != "" ? Json(mask) : value;
}

}  // namespace

Registry::Registry(storage::Database& database, const Sealer& sealer) : database_(database), sealer_(sealer) {}
Registry::~Registry() = default;

void Registry::declare(const std::string& owner, std::vector<Definition> definitions) {
  const std::unique_lock lock(mutex_);
  for (const Definition& definition : definitions)
    for (const auto& [name, entry] : entries_)
      if (entry.owner != owner && entry.definition.category == definition.category)
        throw DefinitionError("the category " + definition.category + " belongs to " + entry.owner);
  std::erase_if(entries_, [&](const auto& item) { return item.second.owner == owner; });
  for (Definition& definition : definitions) {
    auto name = definition.name();
    Entry entry{std::move(definition), owner, {}, 0};
    apply(entry);
    if (!entries_.emplace(std::move(name), std::move(entry)).second)
      throw DefinitionError(owner + " declares a setting twice");
  }
}

/// Gives the entry its stored value, or its default. With the lock held.
void Registry::apply(Entry& entry) const {
  entry.value = entry.definition.standard;
  entry.updated_at = 0;
  const auto found = stored_.find(entry.definition.name());
  if (found == stored_.end()) return;
  auto value = opened(entry.definition, found->second.text);
  if (!value || fault_of(entry.definition, *value)) return;
  entry.value = std::move(*value);
  entry.updated_at = found->second.updated_at;
}

std::optional<Json> Registry::opened(const Definition& definition, const std::string& text) const {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  if (!definition.secret) return value;
  if (!value.is_object() || !value.contains("sealed") || !value["sealed"].is_string()) return std::nullopt;
  if (auto plain = sealer_.open(value["sealed"].get_ref<const std::string&>(), binding(definition))) return *plain;
  observability::log(Level::warning, "settings",
                     definition.name() + " was sealed by another key than DATA/keys/settings.key: set it again");
  return std::nullopt;
}

std::string Registry::closed(const Definition& definition, const Json& value) const {
  if (!definition.secret) return atrium::dump(value);
  return atrium::dump(Json{{"sealed", sealer_.seal(value.get_ref<const std::string&>(), binding(definition))}});
}

Json Registry::value(std::string_view category, std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name_of_setting(category, key));
  if (found == entries_.end()) throw std::out_of_range("nobody declared the setting " + name_of_setting(category, key));
  return found->second.value;
}

bool Registry::has(std::string_view category, std::string_view key) const {
  const std::shared_lock lock(mutex_);
  return entries_.contains(name_of_setting(category, key));
}

std::vector<Definition> Registry::definitions(std::string_view category) const {
  std::vector<Definition> found;
  const std::shared_lock lock(mutex_);
  for (const auto& [name, entry] : entries_)
    if (entry.definition.category == category) found.push_back(entry.definition);
  return found;
}

Json Registry::show() const {
  std::vector<std::pair<std::string, std::string>> names;
  {
    const std::shared_lock lock(mutex_);
    for (const auto& [name, entry] : entries_) names.emplace_back(entry.definition.category, entry.definition.key);
  }
  Json all = Json::object();
  for (const auto& [category, key] : names)
    if (auto shown = show(category, key)) all[category][key] = std::move(*shown);
  return all;
}

std::optional<Json> Registry::show(std::string_view category, std::string_view key) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(name_of_setting(category, key));
  if (found == entries_.end()) return std::nullopt;
  const auto& [definition, owner, value, updated_at] = found->second;
  Json shown{{"value", masked(definition, value)},
             {"type", atrium::name_of(definition.type)},
             {"default", definition.standard},
             {"description", definition.description},
             {"updated_at", updated_at == 0 ? Json() : Json(atrium::Time{updated_at}.text())},
             {"secret", definition.secret}};
  if (definition.minimum) shown["minimum"] = *definition.minimum;
  if (definition.maximum) shown["maximum"] = *definition.maximum;
  if (!definition.choices.empty()) shown["choices"] = definition.choices;
  if (!definition.unit.empty()) shown["unit"] = definition.unit;
  return shown;
}

std::vector<std::pair<Definition, const Change*>> Registry::checked(const std::vector<Change>& changes,
                                                                    std::vector<atrium::Fault> faults) const {
  std::vector<std::pair<Definition, const Change*>> good;
  const std::shared_lock lock(mutex_);
  for (const Change& change : changes) {
    const auto found = entries_.find(name_of_setting(change.category, change.key));
    if (found == entries_.end()) {
      faults.push_back({change.pointer, "there is no such setting"});
    } else if (const auto& definition = found->second.definition; definition.secret && change.value == mask) {
      continue;
    } else if (auto fault = fault_of(definition, change.value)) {
      faults.push_back({change.pointer, std::move(*fault)});
    } else {
      good.emplace_back(definition, &change);
    }
  }
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
  // Rows are locked in this order: two nodes that set the same ones at once wait for each other only one way round.
  std::sort(good.begin(), good.end(), [](const auto& a, const auto& b) { return a.first.name() < b.first.name(); });
  return good;
}

void Registry::set(const storage::Actor& actor, const std::vector<Change>& changes, std::vector<atrium::Fault> faults) {
  const auto good = checked(changes, std::move(faults));
  if (good.empty()) return;
  storage::in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    const auto now = atrium::Time::now();
    for (const auto& [definition, change] : good) {
      storage::exec(
          transaction,
          "INSERT INTO settings (category, key, value, updated_at) VALUES (?, ?, ?, ?) "
          "ON CONFLICT (category, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
          definition.category, definition.key, closed(definition, change->value), now.microseconds);
      // Its audience is who may read settings; the log knows members and single users only, so it is for nodes alone.
      transaction.record({std::string(setting_updated_topic), "setting", definition.name(),
                          std::string(setting_updated_topic),
                          atrium::dump(Json{{"category", definition.category},
                                            {"key", definition.key},
                                            {"value", masked(definition, change->value)},
                                            {"updated_at", now.text()}}),
                          std::string(storage::sql_owner)});
    }
  });
  load();
}

void Registry::load() {
  const std::lock_guard turn(loading_);
  std::map<std::string, Stored, std::less<>> fresh;
  storage::query(database_, "SELECT category, key, value, updated_at FROM settings", [&](storage::Row row) {
    fresh[name_of_setting(storage::text_at(row, 0), storage::text_at(row, 1))] = {storage::text_at(row, 2),
                                                                                  storage::integer_at(row, 3)};
    return true;
  });
  {
    const std::unique_lock lock(mutex_);
    if (fresh == stored_) return;
    stored_ = std::move(fresh);
    for (auto& [name, entry] : entries_) apply(entry);
  }
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  for (const auto& held : listeners_)
    if (const auto listener = held.lock()) (*listener)();
}

std::shared_ptr<void> Registry::on_change(std::function<void()> listener) {
  auto held = std::make_shared<std::function<void()>>(std::move(listener));
  const std::lock_guard turn(loading_);
  listeners_.push_back(held);
  return {held.get(), [this, held](void*) mutable {
            const std::lock_guard turn(loading_);
            held.reset();
          }};
}

}  // namespace kernel::settings
