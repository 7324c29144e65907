#pragma once
// Every command, written down before it is run and again when it has ended.
#include "connection.hpp"

namespace ssh {

class Journal {
 public:
  explicit Journal(const atrium::Store& store) : store_(&store) {}

  /// The intent: committed before anything is sent.
  atrium::Async<void> begin(Execution& execution, const atrium::Principal& who) const;
  /// One that is not let through.
  atrium::Async<void> refuse(Execution& execution, const atrium::Principal& who) const;
  atrium::Async<void> end(Execution& execution, const atrium::Principal& who) const;

  /// Closes what a process that died left open: all of it that began before `since` where this is the only process,
  /// else what should have ended long ago.
  void close_left_over(std::optional<atrium::Time> since) const;
  void forget_before(atrium::Time when) const;

 private:
  const atrium::Store* store_;
};

}  // namespace ssh
