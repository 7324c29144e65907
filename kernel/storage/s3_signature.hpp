#pragma once
// AWS Signature Version 4: what is signed is the canonical request, byte by byte as the store will rebuild it.
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kernel::storage {

using S3Fields = std::vector<std::pair<std::string, std::string>>;

struct S3Credentials {
  std::string key, secret, region, service = "s3";
};

/// The path, the query and the values as they are, not encoded; header names in lower case, `host` among them.
struct S3Request {
  std::string method, path;
  S3Fields query, headers;
  std::string payload_sha256;  ///< in hex, or "UNSIGNED-PAYLOAD"
};

/// RFC 3986's unreserved characters stay, as does '/' where said.
std::string s3_encoded(std::string_view text, bool keep_slashes = false);
/// Encoded and sorted, which serves as the query of the URL too.
std::string s3_query(const S3Fields& query);
std::string s3_canonical_request(const S3Request& request);

/// "20150830T123600Z", the x-amz-date header.
std::string s3_timestamp(std::chrono::system_clock::time_point time);
/// The value of the authorization header; `request` has the headers that are to be signed, x-amz-date among them.
std::string s3_authorization(const S3Request& request, const S3Credentials& credentials, const std::string& timestamp);
/// The query that carries the signature of a URL which works without credentials for so long.
std::string s3_presigned_query(S3Request request, const S3Credentials& credentials, const std::string& timestamp,
                               std::chrono::seconds valid);

}  // namespace kernel::storage
