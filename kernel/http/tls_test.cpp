#include "http/testing/harness.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>

namespace kernel::http::testing {
namespace {

/// A self-signed certificate in a directory of its own.
class Certificate {
 public:
  Certificate() {
    auto* pair = EVP_EC_gen("P-256");
    auto* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, pair);
    X509_sign(certificate, pair, EVP_sha256());
    std::string pattern = (std::filesystem::temp_directory_path() / "http_test_XXXXXX").string();
    directory = ::mkdtemp(pattern.data());
    auto* file = std::fopen(path("cert.pem").c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(path("key.pem").c_str(), "w");
    PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(pair);
  }
  ~Certificate() { std::filesystem::remove_all(directory); }
  std::string path(const std::string& name) const { return directory + "/" + name; }

 private:
  std::string directory;
};

std::string https_get(std::uint16_t port, const std::string& target, int highest_version) {
  auto* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, highest_version);
  auto* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  std::string got;
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  if (BIO_write(bio, request.data(), static_cast<int>(request.size())) > 0) {
    char bytes[16384];
    for (int count = 0; (count = BIO_read(bio, bytes, sizeof bytes)) > 0;) got.append(bytes, count);
  }
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return got;
}

struct Tls : HttpTest {
  Certificate certificate;
  Tls() {
    options.io_threads = 1;
    options.tls_certificate = certificate.path("cert.pem");
    options.tls_key = certificate.path("key.pem");
  }
};

TEST_F(Tls, AMuteClientHoldsUpNobody) {
  Client mute(start());
  Client half(server->port());
  half.send("\x16\x03\x01");
  EXPECT_EQ(status_of(https_get(server->port(), "/hello", TLS1_3_VERSION)), "200");
  EXPECT_EQ(status_of(https_get(server->port(), "/later?x", TLS1_2_VERSION)), "200");
}

TEST_F(Tls, ALongStreamArrivesWhole) {
  start();
  const auto reply = https_get(server->port(), "/stream", TLS1_3_VERSION);
  EXPECT_GT(reply.size(), 3'200'000U);
  EXPECT_TRUE(reply.ends_with("0\r\n\r\n"));
}

TEST_F(Tls, OldVersionsAndPlainHttpAreRefused) {
  start();
  EXPECT_EQ(https_get(server->port(), "/hello", TLS1_1_VERSION), "");
  EXPECT_EQ(talk("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(Tls, AMissingCertificateIsNamed) {
  options.tls_certificate = "/nowhere/cert.pem";
  try {
    start();
    FAIL() << "started without a certificate";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/cert.pem"), std::string::npos);
  }
}

}  // namespace
}  // namespace kernel::http::testing
