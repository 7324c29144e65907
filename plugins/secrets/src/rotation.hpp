#pragma once
// The rotation of the master key while the vault is in use: every data key is wrapped anew, batch by batch, then the
// former master key is forgotten. It may die anywhere and goes on at the next start.
#include "vault.hpp"

namespace secrets {

class MasterRotation {
 public:
  static constexpr std::int64_t default_batch = 100, most_in_batch = 1'000;
  using Sleep = std::function<atrium::Async<void>(std::chrono::milliseconds)>;
  /// Runs a coroutine to its end in the background.
  using Spawn = std::function<void(atrium::Async<void>)>;

  /// What the others refer to outlives the rotation.
  MasterRotation(const atrium::Host& host, const atrium::Store& store, const atrium::Keys& keys,
                 atrium::Cancellation stopping, std::int64_t batch, Sleep sleep, Spawn spawn)
      : host_(&host),
        store_(&store),
        keys_(&keys),
        stopping_(std::move(stopping)),
        batch_(batch),
        sleep_(std::move(sleep)),
        spawn_(std::move(spawn)) {}

  /// Starts a rotation in somebody's name, or goes on with the one under way; answers once it runs.
  atrium::Async<void> begin(atrium::Principal who);
  /// Goes on where a process that died or a changed configuration left off.
  atrium::Async<void> resume();
  RotationProgress progress() const;

 private:
  struct Row {
    atrium::Id id;
    std::string before, after;
  };
  struct State {
    std::optional<std::string> from_key;
    std::optional<atrium::Time> started_at, finished_at;
    std::int64_t total = 0;
    bool under_way() const { return started_at && !finished_at; }
  };

  template <class Reader>
  static State read(const Reader& reader);
  template <class Reader>
  static std::int64_t remaining(const Reader& reader, const std::string& current);
  /// In the master's row; false when a rotation is under way already.
  bool mark_started(const atrium::Transaction& tx, const std::string& current) const;
  /// Makes the next master key where that is still from_key, and runs unless it runs already.
  void run_once(const std::string& from_key);
  /// False: another rotation was asked for just before the last one ended.
  bool stop_unless_asked_again();
  atrium::Async<void> run();
  /// True: nothing more can be done now, and running_ is off.
  atrium::Async<bool> run_pass(bool is_last);
  /// One look at every key that is not under the current master; answers how many could not be unwrapped.
  atrium::Async<std::int64_t> rewrap_all();
  std::vector<Row> next_batch(const std::string& current, const atrium::Id& after) const;
  bool rewrap(Row& row);
  /// Answers how many are left; with none left the rotation has ended.
  atrium::Async<std::int64_t> finish();

  const atrium::Host* host_;
  const atrium::Store* store_;
  const atrium::Keys* keys_;
  const atrium::Cancellation stopping_;
  const std::int64_t batch_;
  const Sleep sleep_;
  const Spawn spawn_;
  mutable std::mutex mutex_;
  bool running_ = false;                ///< guarded by mutex_
  std::vector<atrium::Id> unreadable_;  ///< guarded by mutex_: of the last look at all
};

}  // namespace secrets
