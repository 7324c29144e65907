#pragma once
// The plugin: who may do what to webhooks, and which events become deliveries.
#include "housekeeping.hpp"
#include "secrets.hpp"

#include <optional>

namespace webhooks {

class Webhooks final : public atrium::Plugin {
 public:
  void start() override;

 private:
  struct Interest {
    atrium::Id webhook;
    std::string owner;
    std::vector<std::string> patterns;
  };

  // routes.cpp
  void declare_webhooks();
  void declare_deliveries();
  void check_url(const Webhook& webhook, std::vector<atrium::Fault>& faults) const;
  atrium::Async<atrium::Reply> test(const atrium::Request& request);
  atrium::Reply rotate(const atrium::Request& request);
  atrium::Reply replay(const atrium::Request& request);
  atrium::Reply show(const atrium::Request& request) const;
  /// The delivery in the path, with its webhook as the caller may see it.
  template <class Reader>
  std::pair<Webhook, Delivery> delivery_of(const Reader& reader, const atrium::Principal& who,
                                           const atrium::Request& request) const;
  void end_former_secrets();

  // webhooks.cpp
  void on_event(const atrium::Event& event);
  void know_interests();
  void owner_changed(const atrium::Event& event);

  // sending.cpp
  /// Something may be there to send.
  void wake();
  atrium::Async<void> distribute();
  atrium::Async<void> serve(Lane lane);
  atrium::Async<std::vector<Outcome>> send_round(Round round);
  /// nullopt: the plugin is being stopped.
  atrium::Async<std::optional<Outcome>> attempt(const Webhook& webhook, const Delivery& delivery, std::string body);
  Capacity capacity();
  void lane_ended(const Lane& lane);
  void renew_leases();

  Settings settings_;
  std::optional<Outbox> outbox_;
  std::optional<Housekeeping> housekeeping_;
  std::optional<Secrets> secrets_;

  // Of the one durable subscriber, whose calls come one after another.
  std::vector<Interest> interests_;
  std::int64_t last_sequence_ = -1;
  bool known_ = false;

  std::mutex mutex_;
  std::int64_t healthy_ = 0, failing_ = 0;  ///< lanes being served
  bool distributing_ = false, woken_ = false, full_ = false;
};

}  // namespace webhooks
