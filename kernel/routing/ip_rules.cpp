#include "routing/ip_rules.hpp"

#include "storage/statements.hpp"

#include <atrium/problem.hpp>

#include <stdexcept>

namespace kernel::routing {
namespace {

template <class Source>
IpRules::Stored read(Source& source) {
  IpRules::Stored found;
  storage::query(source, "SELECT rules, revision FROM ip_rules WHERE id = 1", [&](storage::Row row) {
    for (const auto& rule : atrium::Json::parse(storage::text_at(row, 0)))
      found.rules.push_back(atrium::parse<IpRule>(atrium::dump(rule)));
    found.revision = storage::integer_at(row, 1);
    return false;
  });
  return found;
}

}  // namespace

IpDecision::IpDecision(const std::vector<IpRule>& rules) {
  std::vector<atrium::Fault> faults;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    try {
      rules_.emplace_back(Cidr(rules[i].cidr), rules[i].action);
    } catch (const std::invalid_argument&) {
      faults.push_back({"/rules/" + std::to_string(i) + "/cidr", "must be an address or a range such as 10.0.0.0/8"});
    }
    if (rules[i].action == IpAction::allow) otherwise_ = false;
  }
  if (!faults.empty()) throw atrium::invalid(std::move(faults));
}

bool IpDecision::takes(const AddressBytes& address) const {
  for (const auto& [range, action] : rules_)
    if (range.contains(address)) return action == IpAction::allow;
  return otherwise_;
}

bool IpRules::takes(const std::string& address) const {
  if (!any_.load(std::memory_order_relaxed)) return true;
  std::shared_ptr<const IpDecision> decision;
  {
    const std::lock_guard lock(deciding_);
    decision = decision_;
  }
  if (!decision) return true;
  const auto bytes = parse_address(address);
  return !bytes || decision->takes(*bytes);
}

IpRules::Stored IpRules::stored() const { return read(database_); }

IpRules::Stored IpRules::replace(const storage::Actor& actor, const std::vector<IpRule>& rules,
                                 const std::string& caller, std::optional<std::int64_t> revision) {
  const IpDecision decision(rules);
  if (const auto bytes = parse_address(caller); bytes && !decision.takes(*bytes))
    throw atrium::conflict("These rules would lock you out: your own address is " + caller + ".");
  atrium::Json list = atrium::Json::array();
  for (const auto& rule : rules) list.push_back(atrium::Json::parse(atrium::to_json(rule)));
  const std::string text = atrium::dump(list);
  auto changed = storage::in_transaction(database_, actor, [&](storage::Transaction& transaction) {
    const auto now = read(transaction);
    if (revision && *revision != now.revision) throw atrium::stale();
    storage::exec(transaction,
                  "INSERT INTO ip_rules (id, rules, revision) VALUES (1, ?, ?) "
                  "ON CONFLICT (id) DO UPDATE SET rules = excluded.rules, revision = ip_rules.revision + 1",
                  text, now.revision + 1);
    transaction.record({std::string(ip_rules_updated_topic), "ip_rules", "1", std::string(ip_rules_updated_topic),
                        atrium::dump(atrium::Json{{"rules", list}}), std::string(storage::sql_owner)});
    return read(transaction);
  });
  load();
  return changed;
}

void IpRules::load() {
  const std::lock_guard turn(loading_);
  const auto found = stored();
  auto decision = found.rules.empty() ? nullptr : std::make_shared<const IpDecision>(found.rules);
  const std::lock_guard lock(deciding_);
  any_ = decision != nullptr;
  decision_ = std::move(decision);
}

}  // namespace kernel::routing
