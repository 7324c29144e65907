#pragma once
// From which addresses requests are taken: the rules of /security/ip-rules, read from memory for every request.
#include "routing/address.hpp"
#include "storage/database.hpp"

#include <atrium/members.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kernel::routing {

inline constexpr std::string_view ip_rules_updated_topic = "ip_rules.updated";
inline constexpr std::size_t max_ip_rules = 1000;

enum class IpAction : std::uint8_t { allow, block };
constexpr auto names_of(IpAction) { return std::array<std::string_view, 2>{"allow", "block"}; }

struct IpRule {
  std::string cidr;
  IpAction action = IpAction::block;
  std::string description;

  static constexpr auto members =
      atrium::members(atrium::member("cidr", &IpRule::cidr)
                          .length(2, 49)
                          .required()
                          .description("A range such as 10.0.0.0/8 or 2001:db8::/32, or one address"),
                      atrium::member("action", &IpRule::action).required(),
                      atrium::member("description", &IpRule::description).length(0, 500));
};

/// A list of rules made ready: the first that names an address decides. What none names is taken, unless there is a
/// rule that allows: then the list says who may come.
class IpDecision {
 public:
  /// Throws a 422 with every malformed range.
  explicit IpDecision(const std::vector<IpRule>& rules);
  bool takes(const AddressBytes& address) const;

 private:
  std::vector<std::pair<Cidr, IpAction>> rules_;
  bool otherwise_ = true;
};

class IpRules {
 public:
  struct Stored {
    std::vector<IpRule> rules;
    std::int64_t revision = 1;
  };

  explicit IpRules(storage::Database& database) : database_(database) {}

  /// [any thread] From memory. Text that is no address (a local socket) is taken.
  bool takes(const std::string& address) const;

  Stored stored() const;
  /// Replaces them all, in effect here when it returns. Throws 422 for malformed ones, 409 where they would lock out
  /// `caller`, and 412 where `revision` is given and is not the stored one's. Waits: pool threads only.
  Stored replace(const storage::Actor& actor, const std::vector<IpRule>& rules, const std::string& caller,
                 std::optional<std::int64_t> revision);

  /// Reads what is stored. Waits.
  void load();

 private:
  storage::Database& database_;
  std::mutex loading_;  ///< so that what was read first is not put in place last
  std::atomic<bool> any_ = false;
  mutable std::mutex deciding_;
  std::shared_ptr<const IpDecision> decision_;  ///< null: there are no rules
};

}  // namespace kernel::routing
