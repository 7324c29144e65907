#include "samples_fixture.hpp"

#include <atrium/configuration.hpp>

namespace samples {
namespace {

using atrium::Json;

Json notice() {
  return {{"notification_id", atrium::Id::make().text()},
          {"idempotency_key", "n-1"},
          {"config", {{"url", "https://hook.test/in"}, {"token", "hush"}}},
          {"title", "Frost"},
          {"created_at", "2026-01-31T08:00:00.000Z"}};
}

TEST_F(SamplesTest, the_channel_posts_with_its_secret_and_key) {
  host.egress.answer_next({.status = 204, .headers = {{"x-request-id", "r-9"}}});
  const auto sent = host.call("notification.channel/post", "send", notice());
  ASSERT_EQ(sent.status, ATRIUM_OK) << sent.json;
  EXPECT_EQ(sent.json["external_id"], "r-9");
  const auto& request = host.egress.sent.at(0);
  EXPECT_EQ(request.url, "https://hook.test/in");
  EXPECT_EQ(request.headers.at("authorization"), "Bearer hush");
  EXPECT_EQ(request.headers.at("idempotency-key"), "n-1");
}

TEST_F(SamplesTest, the_channel_tells_what_is_worth_another_attempt) {
  const auto send = [&](int status, const Json& headers) {
    host.egress.answer_next({.status = status, .headers = headers});
    return atrium::detail::problem_of(ATRIUM_E_INTERNAL,
                                      atrium::dump(host.call("notification.channel/post", "send", notice()).json));
  };
  const auto busy = send(429, {{"retry-after", "17"}});
  EXPECT_TRUE(busy.is_temporary());
  EXPECT_EQ(busy.retry_after(), std::chrono::seconds(17));
  EXPECT_FALSE(send(410, Json::object()).is_temporary());
}

TEST_F(SamplesTest, the_channel_marks_its_secret) {
  const auto metadata = host.services.metadata("notification.channel/post");
  EXPECT_EQ(atrium::secret_members(metadata["configuration"]), std::vector<std::string>{"token"});
  EXPECT_EQ(host.call("notification.channel/post", "check", {{"config", Json::object()}}).json["errors"][0]["pointer"],
            "/config/url");
}

}  // namespace
}  // namespace samples
