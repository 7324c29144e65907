#include "probes/health_checks.hpp"

#include <atrium/health_check.hpp>

namespace kernel::probes {
namespace {

namespace health = atrium::health;

Status status_of(health::Status said) {
  switch (said) {
    case health::Status::healthy:
      return Status::ok;
    case health::Status::degraded:
      return Status::degraded;
    case health::Status::disabled:
      return Status::disabled;
    case health::Status::unhealthy:
      break;
  }
  return Status::down;
}

Finding finding_of(std::int32_t status, std::string_view answer) {
  try {
    if (status < 0) return {Status::down, atrium::detail::problem_of(status, answer).what()};
    const auto report = atrium::from_message<health::Report>(atrium::parse_object(answer));
    return {status_of(report.status), report.message, report.cure};
  } catch (const std::exception& fault) {
    return {Status::down, std::string("its answer does not fit its kind: ") + fault.what()};
  }
}

}  // namespace

std::vector<Probe> health_check_probes(plugins::Services& services, std::chrono::milliseconds patience) {
  std::vector<Probe> probes;
  for (const auto& provider : services.find(health::check_kind)) {
    const auto ask = [&services, patience, service = provider->service](const std::function<void(Finding)>& done) {
      plugins::Services::Request request;
      request.caller = "kernel";
      request.service = service;
      request.method = "check";
      request.json = "{}";
      request.timeout = patience;
      request.reply = [done](std::int32_t status, std::string_view answer) { done(finding_of(status, answer)); };
      if (!services.call(std::move(request))) done({Status::disabled, "its plugin has ended"});
    };
    probes.push_back({.name = provider->service, .ask = {}, .begin = ask});
  }
  return probes;
}

}  // namespace kernel::probes
