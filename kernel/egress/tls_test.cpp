#include "egress/egress_fixture.hpp"

#include <boost/asio/ssl.hpp>

#include <filesystem>

namespace kernel::egress {
namespace {

using namespace testing;

/// A certificate for "localhost" that signs itself.
class EgressTls : public Egress {
 protected:
  EgressTls() {
    auto pattern = (std::filesystem::temp_directory_path() / "egressXXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
        "-addext subjectAltName=DNS:localhost -keyout " +
        key() + " -out " + certificate() + " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0);
    tls_.use_certificate_chain_file(certificate());
    tls_.use_private_key_file(key(), boost::asio::ssl::context::pem);
  }
  ~EgressTls() override { std::filesystem::remove_all(directory_); }
  std::string key() const { return directory_ + "/key.pem"; }
  std::string certificate() const { return directory_ + "/cert.pem"; }
  void serve(tcp::socket& socket) {
    boost::asio::ssl::stream<tcp::socket&> stream(socket, tls_);
    stream.handshake(boost::asio::ssl::stream_base::server);
    while (true) {
      read_head(stream);
      say(stream, reply(std::string(100'000, 's')));
    }
  }

  std::string directory_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  Server server_{[this](tcp::socket& socket, int) { serve(socket); }};
  std::string url(const std::string& host) const { return "https" + server_.url("/", host).substr(4); }
};

TEST_F(EgressTls, ATrustedPeerIsReadAndItsConnectionReused) {
  options_.ca_file = certificate();
  for (int i = 0; i < 2; ++i) {
    const auto answer = get(url("localhost"));
    EXPECT_EQ(answer.status, ATRIUM_OK) << answer.why;
    EXPECT_EQ(answer.body.size(), 100'000u);
  }
  EXPECT_EQ(client().counters().reused, 1u);
}

TEST_F(EgressTls, AnUntrustedPeerIsRefused) {
  const auto answer = get(url("localhost"));
  EXPECT_EQ(answer.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_NE(answer.why.find("certificate"), std::string::npos) << answer.why;
}

TEST_F(EgressTls, AWrongNameIsRefused) {
  options_.ca_file = certificate();
  const auto answer = get(url("127.0.0.1"));
  EXPECT_EQ(answer.status, ATRIUM_E_UNAVAILABLE);
  EXPECT_NE(answer.why.find("mismatch"), std::string::npos) << answer.why;
}

TEST_F(EgressTls, AnUnreadableCaFileStopsTheStart) {
  options_.ca_file = directory_ + "/none.pem";
  EXPECT_THROW(client(), std::runtime_error);
}

}  // namespace
}  // namespace kernel::egress
