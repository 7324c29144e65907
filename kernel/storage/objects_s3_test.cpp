// What holds for S3 alone. Where ATRIUM_TEST_S3 names a store, its answers are the real ones.
#include "storage/objects_s3.hpp"

#include "storage/digest.hpp"
#include "storage/s3_client.hpp"
#include "storage/testing/database_fixture.hpp"
#include "storage/testing/object_store.hpp"

#include <boost/asio.hpp>

#include <poll.h>

#include <array>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <thread>

namespace kernel::storage {
namespace {

using namespace testing;

std::string fault_of(const std::function<void()>& call) {
  try {
    call();
    return {};
  } catch (const SqlError& error) {
    return error.what();
  }
}

TEST(S3Location, AUrlNamesHostBucketFolderAndKey) {
  const auto plain = S3Location::parse("s3+https://KEY:SE%2FC+RET/=@S3.example.com:443/bucket.one?region=eu-1");
  EXPECT_EQ(plain.endpoint, "https://s3.example.com");
  EXPECT_EQ(plain.authority, "s3.example.com");
  EXPECT_EQ(plain.bucket, "bucket.one");
  EXPECT_EQ(plain.prefix, "objects/");
  EXPECT_EQ(plain.credentials.key, "KEY");
  EXPECT_EQ(plain.credentials.secret, "SE/C+RET/=");
  EXPECT_EQ(plain.credentials.region, "eu-1");
  const auto folder = S3Location::parse("s3+http://KEY:SECRET@[::1]:9000/bucket/some/Folder_1/");
  EXPECT_EQ(folder.endpoint, "http://[::1]:9000");
  EXPECT_EQ(folder.prefix, "some/Folder_1/");
  EXPECT_EQ(folder.credentials.region, "us-east-1");
}

TEST(S3Location, AMalformedUrlIsRefusedWithoutBeingShown) {
  for (const auto* url :
       {"s3+https://", "s3+ftp://KEY:SECRET@host/bucket", "s3+https://host/bucket", "s3+https://KEY@host/bucket",
        "s3+https://:SECRET@host/bucket", "s3+https://KEY:@host/bucket", "s3+https://KEY:SECRET@host",
        "s3+https://KEY:SECRET@host/", "s3+https://KEY:SECRET@host/Bucket", "s3+https://KEY:SECRET@host/b",
        "s3+https://KEY:SECRET@/bucket", "s3+https://KEY:SECRET@host:0/bucket", "s3+https://KEY:SECRET%2@host/bucket",
        "s3+https://KEY:SECRET%zz@host/bucket", "s3+https://KEY:SECRET@host/bucket/../x",
        "s3+https://KEY:SECRET@host/bucket//x", "s3+https://KEY:SECRET@host/bucket?region=",
        "s3+https://KEY:SECRET@host/bucket?zone=x", "s3+https://KEY:SECRET@host/bucket?region=x&y=z"}) {
    EXPECT_EQ(code_of([&] { S3Location::parse(url); }), ATRIUM_E_INVALID) << url;
    const auto fault = fault_of([&] { S3Location::parse(url); });
    EXPECT_EQ(fault.find("SECRET@host"), std::string::npos) << fault;
  }
}

TEST(S3OutOfReach, AStoreThatIsNotThereIsNoReasonNotToStart) {
  Outside outside;
  const auto objects = open_s3_objects("s3+http://KEY:SECRET@127.0.0.1:1/bucket", outside.egress);
  EXPECT_EQ(code_of([&] { objects->check(); }), ATRIUM_E_UNAVAILABLE);
  const auto fault = fault_of([&] { objects->get("abc"); });
  EXPECT_NE(fault.find("127.0.0.1:1"), std::string::npos) << fault;
  EXPECT_EQ(fault.find("SECRET"), std::string::npos) << fault;
}

class S3ObjectsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (url_.empty()) GTEST_SKIP() << "ATRIUM_TEST_S3 is not set: tests/support/ceph.py sets it";
    location_ = S3Location::parse(url_);
    objects_ = open_s3_objects(url_, outside_.egress);
  }

  StoredObject store(const std::string& id, const std::string& content) {
    auto writer = objects_->put(id);
    writer->append(content);
    return writer->finish();
  }
  std::string load(const std::string& id, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
    auto reader = objects_->get(id, offset, length);
    std::string content;
    std::vector<char> buffer(100'000);
    while (const auto got = reader->read(buffer)) content.append(buffer.data(), got);
    return content;
  }
  std::string with_secret(const std::string& secret) const {
    auto url = url_;
    const auto colon = url.find(':', url.find("://") + 3);
    return url.replace(colon + 1, url.find('@') - colon - 1, secret);
  }

  /// As anybody with a link: no credentials.
  S3Answer visit(const std::string& url) {
    auto answer = std::make_shared<S3Answer>();
    auto done = std::make_shared<std::promise<std::int32_t>>();
    auto status = done->get_future();
    egress::OutRequest request;
    request.url = url;
    request.trust = egress::Trust::operator_;
    egress::OutHandlers handlers;
    handlers.head = [answer](int code, std::map<std::string, std::string> headers) {
      answer->status = code;
      answer->headers = std::move(headers);
    };
    handlers.data = [answer](std::string_view piece) {
      answer->body += piece;
      return true;
    };
    handlers.done = [done](std::int32_t code, const std::string&) { done->set_value(code); };
    outside_.egress.send(std::move(request), std::move(handlers));
    EXPECT_EQ(status.get(), ATRIUM_OK);
    return *answer;
  }

  Outside outside_;
  const std::string url_ = s3_url_or_empty();
  S3Location location_;
  std::unique_ptr<Objects> objects_;
};

/// Between us and the store: the first answer to a request whose line holds `text` is lost.
class LosesAnAnswer {
 public:
  LosesAnAnswer(const S3Location& store, std::string text) : text_(std::move(text)) {
    const auto port = store.authority.substr(store.authority.rfind(':') + 1);
    store_ = {boost::asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoi(port))};
    thread_ = std::thread([this] { accept(); });
  }
  ~LosesAnAnswer() {
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
    for (auto& connection : connections_) connection.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  bool lost() const { return lost_; }

 private:
  using Socket = boost::asio::ip::tcp::socket;

  void accept() {
    for (;;) {
      auto client = std::make_shared<Socket>(io_);
      boost::system::error_code error;
      acceptor_.accept(*client, error);
      if (error) return;
      connections_.emplace_back([this, client] { serve(*client); });
    }
  }

  void serve(Socket& client) {
    Socket store(io_);
    store.connect(store_);
    bool asking = false, marked = false;
    std::array<char, 65536> buffer;
    for (boost::system::error_code error; !error;) {
      pollfd both[] = {{client.native_handle(), POLLIN, 0}, {store.native_handle(), POLLIN, 0}};
      if (poll(both, 2, -1) < 0) return;
      auto& from = both[0].revents != 0 ? client : store;
      const auto bytes = from.read_some(boost::asio::buffer(buffer), error);
      if (error) return;
      const std::string_view piece(buffer.data(), bytes);
      if (&from == &client && !asking) marked = piece.substr(0, piece.find('\r')).find(text_) != piece.npos;
      asking = &from == &client;
      if (!asking && marked && !lost_.exchange(true)) return;
      boost::asio::write(asking ? store : client, boost::asio::buffer(piece), error);
    }
  }

  const std::string text_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}};
  boost::asio::ip::tcp::endpoint store_;
  std::atomic<bool> lost_ = false;
  std::vector<std::thread> connections_;
  std::thread thread_;
};

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (auto& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

TEST_F(S3ObjectsTest, AnObjectOfManyPartsComesBackWhole) {
  const auto content = pattern((20 << 20) + 12345);
  const auto stored = store("large", content);
  EXPECT_EQ(stored.size, content.size());
  Sha256 sha256;
  sha256.update(content);
  EXPECT_EQ(stored.sha256, sha256.hex());
  EXPECT_TRUE(load("large") == content);
  constexpr std::size_t seam = (8 << 20) - 10;
  EXPECT_EQ(load("large", seam, 20), content.substr(seam, 20));
  EXPECT_TRUE(load("large", 1'000'000, 3'000'000) == content.substr(1'000'000, 3'000'000));
}

TEST_F(S3ObjectsTest, OfTwoLargeOnesWithOneIdTheSecondIsRefused) {
  const auto content = pattern(9 << 20);
  auto second = objects_->put("large");
  second->append(content);
  store("large", content);
  EXPECT_EQ(code_of([&] { second->finish(); }), ATRIUM_E_CONFLICT);
  EXPECT_EQ(load("large", 0, 10), content.substr(0, 10));
}

TEST_F(S3ObjectsTest, OpeningEndsOldUploadsOfACrashAndKeepsTheYoung) {
  const auto content = pattern(9 << 20);
  auto young = objects_->put("young");
  young->append(content);
  open_s3_objects(url_, outside_.egress);
  EXPECT_EQ(young->finish().size, content.size());

  auto old = objects_->put("old");
  old->append(content);
  open_s3_objects(url_, outside_.egress, 0s);
  EXPECT_EQ(code_of([&] { old->finish(); }), ATRIUM_E_UNAVAILABLE);
  EXPECT_EQ(code_of([&] { load("old"); }), ATRIUM_E_NOT_FOUND);
}

TEST_F(S3ObjectsTest, ALostAnswerIsNoConflictAndNoLoss) {
  if (location_.authority.find("127.0.0.1:") != 0) GTEST_SKIP() << "the store is on another machine";
  const auto large = pattern(9 << 20);
  for (const auto& [request, content] : std::map<std::string, std::string>{
           {"PUT ", "small"}, {"/id?uploads=", large}, {"?partNumber=2", large}, {"?uploadId=", large}}) {
    LosesAnAnswer between(location_, request);
    auto url = url_;
    url.replace(url.find(location_.authority), location_.authority.size(),
                "127.0.0.1:" + std::to_string(between.port()));
    {
      Outside outside;
      const auto objects = open_s3_objects(url, outside.egress);
      auto writer = objects->put("id");
      writer->append(content);
      EXPECT_EQ(writer->finish().size, content.size()) << request;
    }
    EXPECT_TRUE(between.lost()) << request;
    EXPECT_TRUE(load("id") == content) << request;
    EXPECT_TRUE(objects_->remove("id"));
  }
}

TEST_F(S3ObjectsTest, AListingGoesOnBeyondOnePage) {
  constexpr int more_than_a_page = 1005;
  for (int i = 0; i < more_than_a_page; ++i) store("id-" + std::to_string(i), "");
  int seen = 0;
  objects_->list([&](const std::string&, std::uint64_t, std::chrono::seconds) { return ++seen > 0; });
  EXPECT_EQ(seen, more_than_a_page);
}

TEST_F(S3ObjectsTest, AWrongKeyIsRefusedAndNotShown) {
  const auto fault = fault_of([&] { open_s3_objects(with_secret("wrong-secret"), outside_.egress); });
  EXPECT_NE(fault.find("correct KEY and SECRET"), std::string::npos) << fault;
  EXPECT_EQ(fault.find("wrong-secret"), std::string::npos) << fault;
}

TEST_F(S3ObjectsTest, AMissingBucketIsNamed) {
  auto url = url_;
  const auto bucket = "/" + location_.bucket;
  url.replace(url.find(bucket, url.find('@')), bucket.size(), "/no-such-bucket");
  const auto fault = fault_of([&] { open_s3_objects(url, outside_.egress); });
  EXPECT_NE(fault.find("no bucket no-such-bucket"), std::string::npos) << fault;
}

TEST_F(S3ObjectsTest, APresignedUrlWorksWithoutCredentialsAndAnswersAsAsked) {
  store("abc", "hello");
  const auto url = objects_->presign("abc", 1h, {"text/plain", "attachment; filename=\"a b+\xc3\xa9.txt\""});
  ASSERT_TRUE(url);
  const auto answer = visit(*url);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.header("content-type"), "text/plain");
  EXPECT_EQ(answer.header("content-disposition"), "attachment; filename=\"a b+\xc3\xa9.txt\"");
}

TEST_F(S3ObjectsTest, APresignedUrlWithOneByteChangedIsForbidden) {
  store("abc", "hello");
  store("abd", "other");
  const auto url = objects_->presign("abc", 1h, {"text/plain", ""}).value();
  auto signature = url;
  signature.back() = signature.back() == '0' ? '1' : '0';
  EXPECT_EQ(visit(signature).status, 403);
  for (const auto& [from, to] : std::map<std::string, std::string>{
           {"/abc?", "/abd?"}, {"X-Amz-Expires=3600", "X-Amz-Expires=3601"}, {"text%2Fplain", "text%2Fplait"}}) {
    auto changed = url;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    EXPECT_EQ(visit(changed.replace(changed.find(from), from.size(), to)).status, 403) << to;
  }
  EXPECT_EQ(visit(url.substr(0, url.find('?'))).status, 403);
}

TEST_F(S3ObjectsTest, APresignedUrlThatHasExpiredIsForbidden) {
  store("abc", "hello");
  const S3Client client(location_, outside_.egress);
  const auto before = std::chrono::system_clock::now() - 2h;
  EXPECT_EQ(visit(client.presigned_url("abc", {}, 3h, before)).status, 200);
  EXPECT_EQ(visit(client.presigned_url("abc", {}, 1h, before)).status, 403);
}

TEST_F(S3ObjectsTest, AUrlIsPresignedForSevenDaysAtMost) {
  EXPECT_TRUE(objects_->presign("abc", 7 * 24h, {}));
  EXPECT_EQ(code_of([&] { objects_->presign("abc", 7 * 24h + 1s, {}); }), ATRIUM_E_INVALID);
  EXPECT_EQ(code_of([&] { objects_->presign("abc", 0s, {}); }), ATRIUM_E_INVALID);
}

}  // namespace
}  // namespace kernel::storage
