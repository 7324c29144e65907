#include "plugins/services.hpp"

#include <atrium/abi.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>

namespace kernel::plugins {
namespace {

using namespace std::chrono_literals;

class ServicesTest : public ::testing::Test {
 protected:
  struct Answer {
    std::int32_t status = 0;
    std::string json;
  };

  void provide(const std::string& service, std::function<void(const CallPtr&)> serve, std::string owner = "provider") {
    const void* holder = holder_of(owner);
    services_.provide({std::move(owner), service, "{}", holder, std::move(serve), nullptr});
  }
  const void* holder_of(const std::string& owner) { return &holders_[owner]; }
  std::shared_ptr<CallHandle> call(const std::string& service, std::chrono::milliseconds timeout = 30s) {
    Services::Request request;
    request.caller = "caller";
    request.service = service;
    request.method = "run";
    request.timeout = timeout;
    request.chunk = [this](std::string_view piece) { pieces_ += piece; };
    request.reply = [this](std::int32_t status, std::string_view json) {
      if (++replies_ == 1) answer_.set_value({status, std::string(json)});
    };
    return services_.call(std::move(request));
  }
  Answer answer() {
    auto future = answer_.get_future();
    if (future.wait_for(60s) != std::future_status::ready) return {ATRIUM_E_INTERNAL, "no answer came"};
    return future.get();
  }

  jobs::Jobs jobs_{{.threads = 4}};
  std::map<std::string, int> holders_;
  Services services_{jobs_};
  std::promise<Answer> answer_;
  std::atomic<int> replies_{0};
  std::string pieces_;
};

TEST_F(ServicesTest, DeliversPiecesAndThenTheReply) {
  provide("k/a", [](const CallPtr& call) {
    EXPECT_TRUE(call->emit("1"));
    EXPECT_TRUE(call->emit("2"));
    call->reply(ATRIUM_OK, "done");
  });
  ASSERT_TRUE(call("k/a"));
  EXPECT_EQ(answer().json, "done");
  EXPECT_EQ(pieces_, "12");
}

TEST_F(ServicesTest, HasNoCallWhereNobodyProvides) { EXPECT_FALSE(call("k/none")); }

TEST_F(ServicesTest, RepliesOnceHoweverOftenTheProviderDoes) {
  provide("k/a", [](const CallPtr& call) {
    call->reply(ATRIUM_OK, "first");
    call->reply(ATRIUM_OK, "second");
  });
  call("k/a");
  EXPECT_EQ(answer().json, "first");
  jobs_.stop();
  EXPECT_EQ(replies_, 1);
}

TEST_F(ServicesTest, EndsAtTheDeadlineAndIgnoresTheLateReply) {
  CallPtr late;
  std::promise<void> told;
  provide("k/slow", [&](const CallPtr& call) {
    late = call;
    call->on_cancel([&] { told.set_value(); });
  });
  call("k/slow", 1ms);
  EXPECT_EQ(answer().status, ATRIUM_E_TIMEOUT);
  jobs_.stop();
  ASSERT_TRUE(late);
  EXPECT_EQ(told.get_future().wait_for(0s), std::future_status::ready);
  EXPECT_TRUE(late->cancelled());
  EXPECT_FALSE(late->emit("too late"));
  late->reply(ATRIUM_OK, "too late");
  EXPECT_EQ(replies_, 1);
}

TEST_F(ServicesTest, CancelRepliesAtOnce) {
  provide("k/never", [](const CallPtr&) {});
  call("k/never")->cancel();
  EXPECT_EQ(answer().status, ATRIUM_E_CANCELLED);
}

TEST_F(ServicesTest, AProviderThatThrowsBecomesAnErrorReply) {
  provide("k/bad", [](const CallPtr&) { throw std::runtime_error("secret detail"); });
  call("k/bad");
  const auto got = answer();
  EXPECT_EQ(got.status, ATRIUM_E_INTERNAL);
  EXPECT_EQ(got.json.find("secret"), std::string::npos);
}

TEST_F(ServicesTest, RefusesTakenAndMalformedNames) {
  provide(
      "k/a", [](const CallPtr&) {}, "one");
  EXPECT_THROW(provide(
                   "k/a", [](const CallPtr&) {}, "two"),
               std::invalid_argument);
  EXPECT_THROW(provide("no-kind", [](const CallPtr&) {}), std::invalid_argument);
  EXPECT_THROW(provide("k/a/b", [](const CallPtr&) {}), std::invalid_argument);
}

TEST_F(ServicesTest, FindsByKindAndForgetsWhatIsWithdrawn) {
  provide(
      "k/a", [](const CallPtr&) {}, "one");
  provide(
      "k/b", [](const CallPtr&) {}, "two");
  provide(
      "kk/c", [](const CallPtr&) {}, "two");
  EXPECT_EQ(services_.find("k").size(), 2U);
  EXPECT_EQ(services_.find("k/b").size(), 1U);
  services_.withdraw(holder_of("two"));
  EXPECT_EQ(services_.find("k").size(), 1U);
  EXPECT_TRUE(services_.find("kk").empty());
}

TEST_F(ServicesTest, AnotherHolderOfTheSameOwnerTakesOverUntilItIsWithdrawn) {
  const auto asked = [this] {
    std::string answer;
    Services::Request request;
    request.service = "k/a";
    std::promise<std::string> promise;
    request.reply = [&](std::int32_t, std::string_view json) { promise.set_value(std::string(json)); };
    services_.call(std::move(request));
    return promise.get_future().get();
  };
  const auto provide_by = [this](const std::string& holder, std::string json) {
    services_.provide({"one", "k/a", "{}", holder_of(holder),
                       [json = std::move(json)](const CallPtr& call) { call->reply(ATRIUM_OK, json); }, nullptr});
  };
  provide_by("old", "1");
  provide_by("new", "2");
  EXPECT_EQ(asked(), "2");
  EXPECT_EQ(services_.find("k").size(), 1U);
  EXPECT_THROW(provide_by("new", "3"), std::invalid_argument);
  services_.withdraw(holder_of("new"));
  EXPECT_EQ(asked(), "1");
  provide_by("new", "4");
  services_.withdraw(holder_of("old"));
  EXPECT_EQ(asked(), "4");
}

TEST_F(ServicesTest, ManyCallersEachGetTheirOneReply) {
  provide("k/a", [](const CallPtr& call) { call->reply(ATRIUM_OK, call->json()); });
  constexpr int callers = 500;
  std::atomic<int> wrong{0}, left{callers};
  std::promise<void> all;
  for (int number = 0; number < callers; ++number) {
    Services::Request request;
    request.service = "k/a";
    request.json = std::to_string(number);
    request.reply = [&, number](std::int32_t, std::string_view json) {
      if (json != std::to_string(number)) ++wrong;
      if (--left == 0) all.set_value();
    };
    services_.call(std::move(request));
  }
  EXPECT_EQ(all.get_future().wait_for(60s), std::future_status::ready);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kernel::plugins
