#pragma once
// How many may do something at once: taken or refused, or waited for.
#include <atrium/async.hpp>
#include <atrium/host.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ssh {

/// Counts by name, each up to a bound of its own, and all together.
class Places {
 public:
  class Place {
   public:
    Place(Places* places, std::string name) : places_(places), name_(std::move(name)) {}
    Place(Place&& other) noexcept : places_(std::exchange(other.places_, nullptr)), name_(std::move(other.name_)) {}
    ~Place() {
      if (places_) places_->give_back(name_);
    }

   private:
    Places* places_;
    std::string name_;
  };

  void limit(std::int64_t most) { most_ = most; }
  /// Throws 503 when they are all taken.
  Place take(const std::string& name, std::int64_t most);
  std::int64_t taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  void give_back(const std::string& name);
  mutable std::mutex mutex_;
  std::int64_t most_ = 0, taken_ = 0;
  std::map<std::string, std::int64_t> by_name_;
};

/// A door that a few pass at once, by name; the others wait in order. sshd drops connections at random where more than
/// ten have not signed in yet (MaxStartups).
class Doors {
 public:
  using Pause = std::function<atrium::Async<void>(std::chrono::milliseconds, atrium::Cancellation)>;
  class Pass {
   public:
    Pass(Doors* doors, std::string name) : doors_(doors), name_(std::move(name)) {}
    Pass(Pass&& other) noexcept : doors_(std::exchange(other.doors_, nullptr)), name_(std::move(other.name_)) {}
    ~Pass() {
      if (doors_) doors_->leave(name_);
    }

   private:
    Doors* doors_;
    std::string name_;
  };

  Doors(int width, Pause pause) : width_(width), pause_(std::move(pause)) {}
  /// Throws 504 when it is not its turn in time, 499 when stopped.
  atrium::Async<Pass> pass(std::string name, std::chrono::milliseconds patience, atrium::Cancellation stop);

 private:
  struct Waiter {
    atrium::Cancellation wake;
    bool let_in = false;
  };
  struct Door {
    int inside = 0;
    std::deque<std::shared_ptr<Waiter>> queue;
  };
  void leave(const std::string& name);

  const int width_;
  const Pause pause_;
  std::mutex mutex_;
  std::map<std::string, Door> doors_;
};

}  // namespace ssh
