#pragma once
// Names to addresses: a few threads that may wait for the system's resolver, one lookup for all who ask the same name.
#include <boost/asio/ip/address.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kernel::egress {

struct Resolved {
  std::vector<boost::asio::ip::address> addresses;
  std::string failure;  ///< empty: it worked
};

class Resolver {
 public:
  using Done = std::function<void(const Resolved&)>;

  Resolver();
  /// Lookups that run are left to end by themselves, unheard: the system's resolver cannot be interrupted.
  ~Resolver();
  /// `done` runs on a resolver thread, or at once when too many names wait; it must not wait.
  void resolve(const std::string& host, Done done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace kernel::egress
