#include "egress/client.hpp"

#include "egress/exchange.hpp"
#include "egress/socket_tasks.hpp"

#include <atrium/abi.h>

#include <boost/asio/executor_work_guard.hpp>

#include <pthread.h>
#include <signal.h>

#include <mutex>
#include <stdexcept>
#include <thread>

namespace kernel::egress {
namespace {

constexpr std::chrono::milliseconds retry_when_full{5};
constexpr std::chrono::seconds sweep_period{5};

/// For what is over before it began.
class Nothing : public Pending {
 public:
  void cancel() override {}
};

std::function<bool(std::function<void()>)> later_on(const std::shared_ptr<Core>& core) {
  return [weak = std::weak_ptr(core)](std::function<void()> work) {
    const auto alive = weak.lock();
    if (!alive || alive->stopped) return false;
    boost::asio::post(alive->io, [core = alive.get(), work = std::move(work)] {
      auto timer = std::make_shared<boost::asio::steady_timer>(core->io, retry_when_full);
      timer->async_wait([timer, work](const boost::system::error_code&) { work(); });
    });
    return true;
  };
}

void hand_over(jobs::Jobs& jobs, const std::function<bool(std::function<void()>)>& later,
               const std::function<void()>& work) {
  if (jobs.post(work)) return;
  if (!later([&jobs, later, work] { hand_over(jobs, later, work); })) work();
}

}  // namespace

class Client::Impl {
 public:
  Impl(Options options, jobs::Jobs& jobs)
      : core_(std::make_shared<Core>(std::move(options))), jobs_(jobs), work_(core_->io.get_executor()) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // also SIGPIPE, which OpenSSL's writes would raise
    thread_ = std::thread([core = core_.get()] {
      pthread_setname_np(pthread_self(), "atrium-egress");
      core->io.run();
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    boost::asio::post(core_->io, [this] { sweep(); });
  }

  ~Impl() { stop(); }

  std::shared_ptr<Pending> send(OutRequest request, OutHandlers handlers) {
    const auto before = core_->in_flight.fetch_add(1);
    auto delivery = std::make_shared<Delivery>(counted(std::move(handlers)), jobs_, later_on(core_));
    const auto refuse = [&](std::int32_t status, const std::string& why) {
      ++core_->failed;
      delivery->done(status, why, false);
      return std::make_shared<Nothing>();
    };
    if (before >= core_->options.max_in_flight) return refuse(ATRIUM_E_UNAVAILABLE, "too many exchanges are in flight");
    try {
      egress::check(request);
      auto url = Url::parse(request.url);
      std::lock_guard lock(stopping_);
      if (core_->stopped) return refuse(ATRIUM_E_CANCELLED, "the kernel is stopping");
      return start(std::move(request), std::move(url), delivery);
    } catch (const std::invalid_argument& fault) {
      return refuse(ATRIUM_E_INVALID, fault.what());
    }
  }

  std::shared_ptr<Pending> dial(DialRequest request, ConnectedFn connected) {
    return begin(std::make_shared<Dial>(core_, deliver(), std::move(request), std::move(connected)));
  }
  std::shared_ptr<Pending> wait(int descriptor, int events, std::chrono::milliseconds timeout, ReadyFn ready) {
    return begin(std::make_shared<Wait>(core_, deliver(), descriptor, events, timeout, std::move(ready)));
  }

  void set_rules(Options options) { core_->set_rules(std::make_shared<AddressRules>(options)); }

  std::optional<std::string> check_url(std::string_view text, Trust trust, const Hosts& hosts) const {
    const auto url = Url::parse(text);
    if (auto why = refused(hosts, url.host)) return why;
    std::string why;
    if (!url.numeric || core_->rules()->allowed(boost::asio::ip::make_address(url.host), trust, &why))
      return std::nullopt;
    return why;
  }

  void stop() {
    {
      std::lock_guard lock(stopping_);  // whatever was sent before is in the queue, and ends below
      if (core_->stopped.exchange(true)) return;
    }
    boost::asio::post(core_->io, [this] {
      core_->idle.clear();
      const auto tasks = core_->tasks;  // finishing one takes it out
      for (const auto& [raw, task] : tasks) task->abort(ATRIUM_E_CANCELLED, "the kernel is stopping");
      sweeper_.cancel();
      work_.reset();
    });
    thread_.join();
    core_->io.restart();
    core_->io.poll();  // what other threads posted while the last one left
    core_->resolver.reset();
  }

  Counters counters() const { return {core_->in_flight, core_->done, core_->failed, core_->denied, core_->reused}; }

 private:
  OutHandlers counted(OutHandlers handlers) {
    handlers.done = [core = core_, done = std::move(handlers.done)](std::int32_t status, const std::string& why) {
      --core->in_flight;
      if (done) done(status, why);
    };
    return handlers;
  }

  std::shared_ptr<Pending> start(OutRequest request, Url url, const std::shared_ptr<Delivery>& delivery) {
    auto exchange = std::make_shared<Exchange>(core_, std::move(request), std::move(url), delivery);
    const auto on_io = [weak = std::weak_ptr(exchange), core = std::weak_ptr(core_)](auto work) {
      return [weak, core, work] {
        const auto alive = core.lock();
        if (!alive) return;
        boost::asio::post(alive->io, [weak, work] {
          if (const auto self = weak.lock()) work(*self);
        });
      };
    };
    delivery->on_drained = on_io([](Exchange& self) { self.resume(); });
    delivery->on_abandoned =
        on_io([](Exchange& self) { self.abort(ATRIUM_E_CANCELLED, "the receiver abandoned the answer"); });
    boost::asio::post(core_->io, [exchange, core = core_.get()] {
      core->tasks.emplace(exchange.get(), exchange);
      exchange->start();
    });
    return exchange;
  }

  /// `ended(status, why)` is what is left to say when it cannot begin.
  template <class Made>
  std::shared_ptr<Pending> begin(std::shared_ptr<Made> task) {
    std::lock_guard lock(stopping_);
    if (core_->stopped || core_->in_flight.load() >= core_->options.max_in_flight) {
      const bool full = !core_->stopped;
      task->refuse(full ? ATRIUM_E_UNAVAILABLE : ATRIUM_E_CANCELLED,
                   full ? "too many connections are in use" : "the kernel is stopping");
      return std::make_shared<Nothing>();
    }
    ++core_->in_flight;
    boost::asio::post(core_->io, [task, core = core_.get()] {
      core->tasks.emplace(task.get(), task);
      task->start();
    });
    return task;
  }

  /// Runs a callback on the pool, soon also when its queue is full.
  std::function<void(std::function<void()>)> deliver() {
    return
        [jobs = &jobs_, later = later_on(core_)](const std::function<void()>& work) { hand_over(*jobs, later, work); };
  }

  void sweep() {
    if (core_->stopped) return;
    core_->idle.close_old();
    sweeper_.expires_after(sweep_period);
    sweeper_.async_wait([this](const boost::system::error_code& error) {
      if (!error) sweep();
    });
  }

  const std::shared_ptr<Core> core_;
  jobs::Jobs& jobs_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer sweeper_{core_->io};
  std::mutex stopping_;
  std::thread thread_;
};

Client::Client(Options options, jobs::Jobs& jobs) : impl_(std::make_unique<Impl>(std::move(options), jobs)) {}

Client::~Client() = default;

std::shared_ptr<Pending> Client::dial(DialRequest request, ConnectedFn connected) {
  return impl_->dial(std::move(request), std::move(connected));
}

std::shared_ptr<Pending> Client::wait(int descriptor, int events, std::chrono::milliseconds timeout, ReadyFn ready) {
  return impl_->wait(descriptor, events, timeout, std::move(ready));
}

std::shared_ptr<Pending> Client::send(OutRequest request, OutHandlers handlers) {
  return impl_->send(std::move(request), std::move(handlers));
}

void Client::set_rules(std::vector<std::string> allow_private, std::vector<std::string> deny) {
  Options options;
  options.allow_private = std::move(allow_private);
  options.deny = std::move(deny);
  impl_->set_rules(std::move(options));
}

std::optional<std::string> Client::check(std::string_view url, Trust trust, const Hosts& hosts) const {
  return impl_->check_url(url, trust, hosts);
}

void Client::stop() { impl_->stop(); }

Client::Counters Client::counters() const { return impl_->counters(); }

}  // namespace kernel::egress
