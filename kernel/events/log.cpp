#include "events/log.hpp"

#include "events/dispatcher.hpp"
#include "events/durable.hpp"
#include "events/retention.hpp"
#include "observability/log.hpp"

#include <atrium/types.hpp>

#include <chrono>
#include <vector>

namespace kernel::events {

namespace {

using namespace std::chrono_literals;

constexpr auto retention_period = 30s;
constexpr int retention_batches_a_round = 50;

// One process at a time opens an SQLite file, so its leases survive a restart under one name.
std::string node_name(storage::Dialect dialect) {
  return dialect == storage::Dialect::sqlite ? "embedded" : atrium::Id::make().str();
}

class DurableSubscription final : public Subscription {
 public:
  DurableSubscription(std::shared_ptr<Durable> durable, std::unique_ptr<Subscription> live)
      : durable_(std::move(durable)), live_(std::move(live)) {}
  ~DurableSubscription() override {
    live_.reset();
    durable_->close();
  }

 private:
  std::shared_ptr<Durable> durable_;
  std::unique_ptr<Subscription> live_;
};

}  // namespace

class Log::Impl {
 public:
  Impl(storage::Database& database, jobs::Jobs& jobs, Options options)
      : database_(database),
        jobs_(jobs),
        node_(node_name(database.dialect())),
        reader_(database),
        retention_(database, reader_, options.keep_events),
        dispatcher_(reader_, database.dialect() == storage::Dialect::sqlite ? 0ms : options.poll) {}

  void start() {
    database_.on_events = [this](std::vector<EventPtr> events) { dispatcher_.hand_over(std::move(events)); };
    dispatcher_.start();
    sweeper_ = jobs_.every(retention_period, [this] { sweep(); });
  }

  void stop() {
    sweeper_.reset();
    dispatcher_.stop();
  }

  std::unique_ptr<Subscription> durable(std::string name, std::string pattern,
                                        std::function<bool(const Event&)> receive) {
    auto durable = std::make_shared<Durable>(reader_, Cursor(database_, name, node_), jobs_, name, std::move(pattern),
                                             std::move(receive));
    auto live = dispatcher_.subscribe([durable](const EventPtr& event) { durable->on_live(*event); });
    durable->start();
    return std::make_unique<DurableSubscription>(std::move(durable), std::move(live));
  }

  Reader& reader() { return reader_; }
  Dispatcher& dispatcher() { return dispatcher_; }

 private:
  void sweep() {
    try {
      for (int i = 0; i < retention_batches_a_round && retention_.remove_some(); ++i) {
      }
    } catch (const std::exception& fault) {
      observability::log(observability::Level::warning, "events",
                         std::string("old events cannot be removed now, trying again: ") + fault.what());
    }
  }

  storage::Database& database_;
  jobs::Jobs& jobs_;
  const std::string node_;
  Reader reader_;
  Retention retention_;
  Dispatcher dispatcher_;
  std::unique_ptr<jobs::Timer> sweeper_;
};

Log::Log(storage::Database& database, jobs::Jobs& jobs, Options options)
    : impl_(std::make_unique<Impl>(database, jobs, options)) {}
Log::~Log() { stop(); }

void Log::start() { impl_->start(); }
void Log::stop() { impl_->stop(); }

std::unique_ptr<Subscription> Log::live(std::function<void(const EventPtr&)> receive) {
  return impl_->dispatcher().subscribe(std::move(receive));
}

std::unique_ptr<Subscription> Log::durable(std::string name, std::string pattern,
                                           std::function<bool(const Event&)> receive) {
  if (!valid_pattern(pattern)) throw std::invalid_argument("'" + pattern + "' is no event pattern: name, name.*, or *");
  return impl_->durable(std::move(name), std::move(pattern), std::move(receive));
}

std::vector<EventPtr> Log::read_after(std::int64_t after, std::size_t limit) {
  return impl_->reader().after(after, limit);
}

std::int64_t Log::oldest() {
  const auto lowest = impl_->reader().lowest();
  return lowest ? *lowest : impl_->reader().highest() + 1;
}

std::int64_t Log::newest() { return impl_->reader().highest(); }

}  // namespace kernel::events
