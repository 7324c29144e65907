// Whom a request reaches: addresses, hosts, and where redirects lead.
#include "egress/egress_fixture.hpp"

namespace kernel::egress {
namespace {

using namespace testing;

TEST_F(Egress, UsersDoNotReachLoopbackByNumberNameOrRedirect) {
  Server inner([](tcp::socket& socket, int) { read_head(socket), say(socket, reply("secret")); });
  for (const auto* host : {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]"}) {
    const auto answer = fetch({.url = inner.url("/", host)});
    EXPECT_EQ(answer.status, ATRIUM_E_DENIED) << host << answer.why;
  }
  Server outer([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 302 Found\r\nLocation: " + inner.url() + "\r\nContent-Length: 0\r\n\r\n");
  });
  const auto answer = fetch({.url = outer.url(), .redirects = 3, .trust = Trust::operator_});
  EXPECT_EQ(answer.status, ATRIUM_E_DENIED) << answer.why;
  EXPECT_EQ(inner.accepted(), 0);
  EXPECT_EQ(get(inner.url("/", "localhost")).body, "secret");
}

TEST_F(Egress, TellsOfAUrlWithoutALookupWhatItCan) {
  const auto fault = [this](const char* url) { return client().check(url, Trust::user).value_or(""); };
  EXPECT_NE(fault("http://127.0.0.1/").find("loopback"), std::string::npos);
  EXPECT_NE(fault("https://[::ffff:10.0.0.1]:8443/x").find("10.0.0.1"), std::string::npos);
  EXPECT_EQ(fault("http://localhost/"), "");
  EXPECT_EQ(fault("https://1.1.1.1/"), "");
  EXPECT_EQ(client().check("http://127.0.0.1/", Trust::operator_), std::nullopt);
  EXPECT_THROW(fault("ftp://example.org/"), std::invalid_argument);
  client().set_rules({"127.0.0.0/8"}, {});
  EXPECT_EQ(fault("http://127.0.0.1/"), "");
}

TEST_F(Egress, ChangedRulesHoldForWhatIsSentAfterwards) {
  Server server([](tcp::socket& socket, int) {
    while (true) read_head(socket), say(socket, reply("here"));
  });
  EXPECT_EQ(fetch({.url = server.url()}).status, ATRIUM_E_DENIED);
  client().set_rules({"127.0.0.0/8"}, {});
  EXPECT_EQ(fetch({.url = server.url()}).body, "here");
  client().set_rules({"127.0.0.0/8"}, {"127.0.0.1"});
  EXPECT_EQ(fetch({.url = server.url()}).status, ATRIUM_E_DENIED);
  EXPECT_EQ(get(server.url()).status, ATRIUM_E_DENIED);
  EXPECT_THROW(client().set_rules({"127.0.0.0/99"}, {}), std::invalid_argument);
}

TEST_F(Egress, RedirectsAreFollowedOnlyWhenAskedAndWithoutCredentials) {
  options_.allow_private = {"127.0.0.0/8"};
  std::promise<std::string> seen;
  Server other([&](tcp::socket& socket, int) {
    seen.set_value(read_head(socket));
    say(socket, reply("there"));
  });
  Server first([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 303 See Other\r\nLocation: " + other.url("/x") +
                    "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  OutRequest request{.method = "POST",
                     .url = first.url(),
                     .body = "b",
                     .headers = {{"Authorization", "s3cret"}, {"Cookie", "s3cret"}, {"X-Api-Key", "s3cret"}}};
  EXPECT_EQ(fetch(request).http, 303);
  EXPECT_EQ(other.accepted(), 0);
  request.redirects = 1;
  EXPECT_EQ(fetch(request).body, "there");
  const auto text = seen.get_future().get();
  EXPECT_TRUE(text.starts_with("GET /x ")) << text;
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
}

TEST_F(Egress, EndlessRedirectsEnd) {
  options_.allow_private = {"127.0.0.1"};
  Server server([](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 307 Again\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_EQ(fetch({.url = server.url(), .redirects = 4}).status, ATRIUM_E_UNAVAILABLE);
  EXPECT_EQ(server.accepted(), 5);
}

class EgressHosts : public Egress {
 protected:
  Answer fetch_within(std::vector<std::string> hosts, const std::string& url, int redirects = 0) {
    return fetch({.url = url,
                  .redirects = redirects,
                  .trust = Trust::operator_,
                  .hosts = std::make_shared<const std::vector<std::string>>(std::move(hosts))});
  }
  Server server{[](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, reply("hello"));
  }};
};

TEST_F(EgressHosts, OnlyThoseThatAreListedAreReached) {
  EXPECT_EQ(fetch_within({"localhost"}, server.url("/", "LOCALHOST")).body, "hello");
  for (const auto* host : {"127.0.0.1", "localhost.localhost"}) {
    const auto answer = fetch_within({"localhost"}, server.url("/", host));
    EXPECT_EQ(answer.status, ATRIUM_E_DENIED) << answer.why;
    EXPECT_EQ(answer.why.find(host), 0U) << answer.why;
  }
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(EgressHosts, ARedirectLeadsToNoOther) {
  Server outer([&](tcp::socket& socket, int) {
    read_head(socket);
    say(socket, "HTTP/1.1 302 Found\r\nLocation: " + server.url() + "\r\nContent-Length: 0\r\n\r\n");
  });
  client().set_rules({"127.0.0.0/8"}, {});
  EXPECT_EQ(fetch_within({"localhost"}, outer.url("/", "localhost"), 3).status, ATRIUM_E_DENIED);
  EXPECT_EQ(server.accepted(), 0);
  EXPECT_EQ(fetch_within({"localhost", "127.0.0.1"}, outer.url("/", "localhost"), 3).body, "hello");
}

TEST_F(EgressHosts, ASocketAndAUrlThatIsOnlyAskedForGoByTheSameList) {
  const auto hosts = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"*.example.org"});
  for (const auto* host : {"127.0.0.1", "::ffff:127.0.0.1%.example.org"}) {
    std::promise<std::int32_t> dialled;
    client().dial({.host = host, .port = 1, .trust = Trust::operator_, .hosts = hosts},
                  [&](int, const std::string&, std::int32_t status, const std::string&) { dialled.set_value(status); });
    EXPECT_EQ(dialled.get_future().get(), ATRIUM_E_DENIED) << host;
  }
  EXPECT_TRUE(client().check("https://example.org/", Trust::user, hosts));
  EXPECT_FALSE(client().check("https://api.example.org/", Trust::user, hosts));
}

}  // namespace
}  // namespace kernel::egress
