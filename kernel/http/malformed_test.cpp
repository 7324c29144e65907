#include "http/testing/harness.hpp"

#include <vector>

namespace kernel::http::testing {
namespace {

struct Bad {
  const char* name;
  std::string raw;
  const char* status;
};

const std::string host = "Host: a\r\n";

std::vector<Bad> corpus() {
  const std::string post = "POST /echo HTTP/1.1\r\n" + host;
  const std::string get = "GET /hello HTTP/1.1\r\n";
  return {
      {"length and chunked", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"chunked and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "400"},
      {"two lengths", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"},
      {"differing lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
      {"a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", "400"},
      {"signed length", post + "Content-Length: +5\r\n\r\nhello", "400"},
      {"negative length", post + "Content-Length: -5\r\n\r\nhello", "400"},
      {"length with letters", post + "Content-Length: 5abc\r\n\r\nhello", "400"},
      {"hex length", post + "Content-Length: 0x5\r\n\r\nhello", "400"},
      {"empty length", post + "Content-Length:\r\n\r\nhello", "400"},
      {"overflowing length", post + "Content-Length: 99999999999999999999\r\n\r\n", "400"},
      {"other coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
      {"doubled coding", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"coding on 1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
      {"bare LF", "GET /hello HTTP/1.1\nHost: a\n\n", "400"},
      {"bare LF in a field", get + "Host: a\nX: b\r\n\r\n", "400"},
      {"bare CR in a value", get + "Host: a\r\nX: b\rc\r\n\r\n", "400"},
      {"NUL in a value", get + host + std::string("X: b\0c\r\n\r\n", 10), "400"},
      {"folded field", get + host + "X: b\r\n c\r\n\r\n", "400"},
      {"blank before the colon", get + host + "X : b\r\n\r\n", "400"},
      {"coding with a blank", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400"},
      {"no host", get + "\r\n", "400"},
      {"two hosts", get + host + host + "\r\n", "400"},
      {"bad host", get + "Host: a b\r\n\r\n", "400"},
      {"no slash", "GET hello HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"star for GET", "GET * HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"fragment", "GET /a#b HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"cut escape", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"raw byte in target", "GET /\xff HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"space in target", "GET /a b HTTP/1.1\r\n" + host + "\r\n", "400"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\n" + host + "\r\n", "505"},
      {"no version", "GET /\r\n" + host + "\r\n", "400"},
      {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\n", 8), "400"},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" + host + "\r\n", "501"},
      {"expectation", post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", "417"},
      {"chunk size", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk longer than its size", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk with bare LF", post + "Transfer-Encoding: chunked\r\n\r\n5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", "400"},
      {"chunk size overflow", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n0\r\n\r\n", "400"},
      {"endless chunk header", post + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(9000, 'x'), "400"},
      {"huge target", "GET /" + std::string(40'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", "414"},
      {"huge head", get + host + "X: " + std::string(40'000, 'a') + "\r\n\r\n", "431"},
      {"cut head", get + "Ho", "400"},
      {"cut body", post + "Content-Length: 50\r\n\r\nhello", "400"},
      {"body too large", post + "Content-Length: 5000\r\n\r\n", "413"},
      {"chunks too large",
       post + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n", "413"},
  };
}

using Malformed = HttpTest;

TEST_F(Malformed, EachIsAnsweredOnceAndNothingBehindItRuns) {
  start();
  for (const auto& bad : corpus()) {
    const int handled = dispatch->handled;
    const auto reply = talk(bad.raw + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of(reply), bad.status) << bad.name;
    EXPECT_NE(reply.find("application/problem+json"), std::string::npos) << bad.name;
    EXPECT_EQ(reply.find("HTTP/1.1 200"), std::string::npos) << bad.name;
    EXPECT_NE(reply.find("connection: close"), std::string::npos) << bad.name;
    EXPECT_EQ(dispatch->handled, handled) << bad.name;
  }
  EXPECT_EQ(status_of(talk("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")), "200");
}

}  // namespace
}  // namespace kernel::http::testing
