#pragma once
// One request to an S3 store at a time: signed, sent through egress, tried again where that helps, judged.
#include "egress/client.hpp"
#include "storage/database.hpp"
#include "storage/s3_signature.hpp"

#include <map>
#include <string>
#include <string_view>

namespace kernel::storage {

/// Where objects.url leads. The bucket is the first part of the path (MinIO's, Ceph's and AWS's "path style").
struct S3Location {
  std::string endpoint;   ///< "https://HOST:PORT"
  std::string authority;  ///< the Host header
  std::string bucket;
  std::string prefix;  ///< of every key; ends in '/'
  S3Credentials credentials;

  /// Throws SqlError (ATRIUM_E_INVALID) saying what is wrong, without a value.
  static S3Location parse(std::string_view url);
};

/// The store has answered, and trying again will not help: the key, its rights, the bucket, the region.
class S3Refused : public SqlError {
 public:
  explicit S3Refused(const std::string& message) : SqlError(ATRIUM_E_UNAVAILABLE, message) {}
};

struct S3Call {
  std::string method = "GET", key;  ///< no key: the bucket itself
  S3Fields query, headers;          ///< header names in lower case
  std::string body;
  int attempts = 4;
};

struct S3Answer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;

  bool ok() const { return status / 100 == 2; }
  std::string header(const std::string& name) const;
};

/// [any thread]
class S3Client {
 public:
  S3Client(S3Location location, egress::Client& egress) : location_(std::move(location)), egress_(egress) {}

  /// Waits for the answer: 2xx, or one that is the caller's to judge (404 of a key, 409, 412, 416). Anything else
  /// throws, as S3Refused or ATRIUM_E_UNAVAILABLE with what to do. Whatever is sent here may arrive twice.
  S3Answer call(const S3Call& call) const;
  std::string presigned_url(const std::string& key, S3Fields query, std::chrono::seconds valid,
                            std::chrono::system_clock::time_point now) const;
  const S3Location& location() const { return location_; }

 private:
  struct Outcome;
  Outcome exchange(const S3Call& call) const;
  std::string path(const std::string& key) const;
  [[noreturn]] void refuse(const S3Call& call, const S3Answer& answer) const;

  const S3Location location_;
  egress::Client& egress_;
};

}  // namespace kernel::storage
