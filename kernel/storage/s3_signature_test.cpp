#include "storage/s3_signature.hpp"

#include <gtest/gtest.h>

namespace kernel::storage {
namespace {

using namespace std::chrono_literals;

constexpr const char* empty_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The published vectors of AWS's signing test suite (aws-sig-v4-test-suite), whose answers are the signatures of a
/// header and of a URL.
struct Vector {
  const char* name;
  S3Request request;
  std::string by_header, by_url;
};

std::ostream& operator<<(std::ostream& out, const Vector& vector) { return out << vector.name; }

const S3Credentials suite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service"};
constexpr const char* suite_time = "20150830T123600Z";

S3Request request(const char* method, const char* path, S3Fields query = {}, S3Fields headers = {}) {
  headers.emplace_back("host", "example.amazonaws.com");
  return {method, path, std::move(query), std::move(headers), empty_sha256};
}

class SignatureSuite : public testing::TestWithParam<Vector> {};

TEST_P(SignatureSuite, AHeaderIsSignedAsPublished) {
  auto signed_request = GetParam().request;
  signed_request.headers.emplace_back("x-amz-date", suite_time);
  const auto value = s3_authorization(signed_request, suite, suite_time);
  EXPECT_TRUE(value.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "));
  EXPECT_TRUE(value.ends_with(", Signature=" + GetParam().by_header)) << value;
}

TEST_P(SignatureSuite, AUrlIsSignedAsPublished) {
  const auto query = s3_presigned_query(GetParam().request, suite, suite_time, 3600s);
  EXPECT_TRUE(query.ends_with("&X-Amz-Signature=" + GetParam().by_url)) << query;
}

INSTANTIATE_TEST_SUITE_P(
    Aws, SignatureSuite,
    testing::Values(Vector{"get-vanilla", request("GET", "/"),
                           "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                           "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"},
                    Vector{"get-vanilla-query-order-key-case",
                           request("GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}),
                           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                           "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5"},
                    Vector{"get-vanilla-query-unreserved", request("GET", "/", {{unreserved, unreserved}}),
                           "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
                           "8e76a88a7433637b12778d5592799b29ad21ecd6cf6325051c21d86f0acda2bf"},
                    Vector{"get-vanilla-empty-query-key", request("GET", "/", {{"Param1", "value1"}}),
                           "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
                           "49096700cbbaa5753443850f40df10f904fc2fdb544dc9512203cc77c471a9de"},
                    Vector{"get-utf8", request("GET", "/\u1234"),
                           "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
                           "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44"},
                    Vector{"get-header-value-trim",
                           request("GET", "/", {}, {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}),
                           "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
                           "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
                    Vector{"post-header-key-sort", request("POST", "/", {}, {{"my-header1", "value1"}}),
                           "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
                           "c09d07e0d55871f10f2a6d350d994acf6825a3cae70673d7def55616e6119dd7"}),
    [](const auto& info) {
      std::string name = info.param.name;
      std::erase(name, '-');
      return name;
    });

// The examples of Amazon S3's API reference: "Signature Calculations for the Authorization Header" and "Authenticating
// Requests: Using Query Parameters".
const S3Credentials documented{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};
constexpr const char* documented_time = "20130524T000000Z";
const std::pair<std::string, std::string> documented_host{"host", "examplebucket.s3.amazonaws.com"};

S3Request documented_request(const char* method, const char* path, const char* payload, S3Fields headers) {
  headers.push_back(documented_host);
  headers.emplace_back("x-amz-content-sha256", payload);
  headers.emplace_back("x-amz-date", documented_time);
  return {method, path, {}, std::move(headers), payload};
}

TEST(S3Signature, ARangeIsReadAsDocumented) {
  const auto get = documented_request("GET", "/test.txt", empty_sha256, {{"range", "bytes=0-9"}});
  EXPECT_EQ(s3_authorization(get, documented, documented_time),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Signature, AnObjectIsPutAsDocumented) {
  const auto put =
      documented_request("PUT", "/test$file.text", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                         {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}});
  EXPECT_TRUE(s3_authorization(put, documented, documented_time)
                  .ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(S3Signature, ASubresourceAndAListAreAskedForAsDocumented) {
  auto get = documented_request("GET", "/", empty_sha256, {});
  get.query = {{"lifecycle", ""}};
  EXPECT_TRUE(s3_authorization(get, documented, documented_time)
                  .ends_with("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
  get.query = {{"max-keys", "2"}, {"prefix", "J"}};
  EXPECT_TRUE(s3_authorization(get, documented, documented_time)
                  .ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(S3Signature, AUrlIsPresignedAsDocumented) {
  const S3Request get{"GET", "/test.txt", {}, {documented_host}, "UNSIGNED-PAYLOAD"};
  EXPECT_EQ(s3_presigned_query(get, documented, documented_time, 86400s),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_"
            "request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
            "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(S3Signature, TimeIsWrittenInUtc) {
  EXPECT_EQ(s3_timestamp(std::chrono::system_clock::from_time_t(1440938160)), suite_time);
}

}  // namespace
}  // namespace kernel::storage
