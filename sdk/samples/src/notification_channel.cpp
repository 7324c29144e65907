// A channel that posts each notification to a URL. The other side tells repetitions by the Idempotency-Key.
#include "samples.hpp"

#include <atrium/notification_channel.hpp>

namespace samples {
namespace {

struct Post {
  std::string url, token;
  static constexpr auto members =
      atrium::members(atrium::member("url", &Post::url).length(1, 2000).required().format("uri"),
                      atrium::member("token", &Post::token).length(0, 1000).secret().description("Sent as the bearer"));
};

}  // namespace

void Samples::add_notification_channel() {
  using namespace atrium::notification;
  provide_channel<Post>(*this, "post", "A POST to a URL", [this](Sending<Post> sending) -> atrium::Async<Receipt> {
    const auto& request = sending.request;
    atrium::OutRequest out{.method = "POST", .url = sending.config.url};
    out.body = atrium::dump({{"title", request.title},
                             {"body", request.body},
                             {"severity", atrium::name_of(request.severity)},
                             {"url", request.url}});
    out.headers = {{"content-type", "application/json"}, {"idempotency-key", request.idempotency_key}};
    if (!sending.config.token.empty()) out.headers.emplace_back("authorization", "Bearer " + sending.config.token);
    out.cancellation = sending.call.cancellation();
    auto posting = fetch(std::move(out));
    const atrium::Answer answer = co_await posting;
    check_delivery(answer);
    co_return Receipt{.external_id = answer.header("x-request-id")};
  });
}

}  // namespace samples
