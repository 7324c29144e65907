#include "probes/probes.hpp"

#include "probes/health_checks.hpp"
#include "probes/mail.hpp"
#include "probes/redis.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>

namespace kernel::probes {
namespace {

using namespace std::chrono_literals;

class ProbesTest : public ::testing::Test {
 protected:
  ~ProbesTest() override { jobs_.stop(); }
  atrium::Json ask(std::vector<Probe> list, std::chrono::milliseconds deadline = 30s) {
    return Probes(jobs_, [&] { return list; }, {.deadline = deadline}).ask();
  }
  static Probe found(const std::string& name, Status status, bool vital = false) {
    return {name, [status] { return Finding{status, "so it is"}; }, vital};
  }
  jobs::Jobs jobs_{{.threads = 4}};
};

TEST_F(ProbesTest, the_whole_is_as_its_parts_are) {
  EXPECT_EQ(ask({found("a", Status::ok, true), found("b", Status::disabled)})["status"], "ok");
  EXPECT_EQ(ask({found("a", Status::ok, true), found("b", Status::down)})["status"], "degraded");
  EXPECT_EQ(ask({found("a", Status::ok, true), found("b", Status::degraded)})["status"], "degraded");
  EXPECT_EQ(ask({found("a", Status::down, true), found("b", Status::ok)})["status"], "down");
  EXPECT_EQ(ask({found("a", Status::degraded, true)})["status"], "degraded");
}

TEST_F(ProbesTest, each_says_how_it_is_and_what_it_took) {
  const auto answer =
      ask({found("a", Status::ok), {"b", []() -> Finding { throw std::runtime_error("no such thing"); }}});
  EXPECT_EQ(answer["checks"]["a"]["detail"], "so it is");
  EXPECT_TRUE(answer["checks"]["a"]["latency_ms"].is_number());
  EXPECT_EQ(answer["checks"]["b"]["status"], "down");
  EXPECT_EQ(answer["checks"]["b"]["detail"], "no such thing");
}

TEST_F(ProbesTest, one_that_hangs_is_told_at_the_deadline_and_not_asked_twice) {
  std::latch go_on(1);
  std::atomic<int> asked = 0;
  const Probe hanging{"slow", [&] {
                        ++asked;
                        go_on.wait();
                        return Finding{};
                      }};
  Probes probes(jobs_, [&] { return std::vector{hanging, found("quick", Status::ok)}; }, {.deadline = 50ms});
  for (int i = 0; i < 3; ++i) {
    const auto answer = probes.ask();
    EXPECT_EQ(answer["checks"]["slow"]["status"], "down");
    EXPECT_EQ(answer["checks"]["quick"]["status"], "ok");
  }
  EXPECT_EQ(asked, 1);
  go_on.count_down();
  jobs_.stop();  // the job has let go of what stands on this stack
}

TEST_F(ProbesTest, checks_of_plugins_are_asked_and_say_what_to_do) {
  plugins::Services services(jobs_);
  const auto provide = [&](const std::string& name, std::function<void(const plugins::CallPtr&)> serve) {
    plugins::Provider provider;
    provider.owner = "a-plugin";
    provider.service = "health.check/" + name;
    provider.serve = std::move(serve);
    services.provide(std::move(provider));
  };
  const auto saying = [](std::int32_t status, std::string answer) {
    return [status, answer](const plugins::CallPtr& call) { call->reply(status, answer); };
  };
  provide("well", saying(ATRIUM_OK, R"({"status":"healthy","message":"so it is","from_the_future":1})"));
  provide("less", saying(ATRIUM_OK, R"({"status":"degraded","message":"little room","cure":"make room"})"));
  provide("off", saying(ATRIUM_OK, R"({"status":"disabled"})"));
  provide("broken", saying(ATRIUM_E_INTERNAL, R"({"message":"it threw"})"));
  provide("odd", saying(ATRIUM_OK, R"({"status":"fine"})"));
  plugins::CallPtr unanswered;
  provide("silent", [&](const plugins::CallPtr& call) { unanswered = call; });
  const auto checks = ask(health_check_probes(services, 50ms))["checks"];
  const auto status = [&](const char* name) { return checks.at(std::string("health.check/") + name)["status"]; };
  EXPECT_EQ(status("well"), "ok");
  EXPECT_EQ(status("less"), "degraded");
  EXPECT_EQ(checks["health.check/less"]["cure"], "make room");
  EXPECT_EQ(status("off"), "disabled");
  EXPECT_EQ(checks["health.check/broken"]["detail"], "it threw");
  EXPECT_EQ(status("broken"), "down");
  EXPECT_EQ(status("odd"), "down");
  EXPECT_EQ(status("silent"), "down");
  EXPECT_TRUE(unanswered->cancelled());
}

TEST_F(ProbesTest, what_is_not_configured_is_disabled) {
  EXPECT_EQ(probe_redis("memory:", 1s).status, Status::disabled);
  EXPECT_EQ(probe_mail("", 1s).status, Status::disabled);
}

TEST_F(ProbesTest, nobody_there_is_down_and_the_password_is_not_told) {
  for (const auto& found :
       {probe_redis("redis://user:hunter2@127.0.0.1:1", 1s), probe_mail("smtp://user:hunter2@127.0.0.1:1", 1s),
        probe_mail("smtps://user:hunter2@127.0.0.1:1", 1s)}) {
    EXPECT_EQ(found.status, Status::down);
    EXPECT_NE(found.detail.find("127.0.0.1:1"), std::string::npos) << found.detail;
    EXPECT_EQ(found.detail.find("hunter2"), std::string::npos) << found.detail;
  }
}

}  // namespace
}  // namespace kernel::probes
