#include "storage/s3_signature.hpp"

#include "storage/digest.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace kernel::storage {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~").find(c) != std::string_view::npos;
}

/// Without white space around it, and one space where there were several.
std::string trimmed(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c != ' ' && c != '\t') {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

S3Fields sorted(S3Fields fields) {
  std::stable_sort(fields.begin(), fields.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return fields;
}

std::string signed_headers(const S3Request& request) {
  std::string names;
  for (const auto& [name, value] : sorted(request.headers)) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string scope(const S3Credentials& credentials, const std::string& timestamp) {
  return timestamp.substr(0, 8) + '/' + credentials.region + '/' + credentials.service + "/aws4_request";
}

std::string signature(const S3Request& request, const S3Credentials& credentials, const std::string& timestamp) {
  auto key = hmac_sha256("AWS4" + credentials.secret, timestamp.substr(0, 8));
  for (const std::string_view part :
       {std::string_view(credentials.region), std::string_view(credentials.service), std::string_view("aws4_request")})
    key = hmac_sha256(key, part);
  const auto text = std::string(algorithm) + '\n' + timestamp + '\n' + scope(credentials, timestamp) + '\n' +
                    sha256_hex(s3_canonical_request(request));
  return to_hex(hmac_sha256(key, text));
}

}  // namespace

std::string s3_encoded(std::string_view text, bool keep_slashes) {
  std::string result;
  for (const char c : text) {
    if (unreserved(c) || (keep_slashes && c == '/')) {
      result += c;
    } else {
      result += '%';
      result += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
      result += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
    }
  }
  return result;
}

std::string s3_query(const S3Fields& query) {
  S3Fields encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(s3_encoded(name), s3_encoded(value));
  std::sort(encoded.begin(), encoded.end());
  std::string result;
  for (const auto& [name, value] : encoded) result += (result.empty() ? "" : "&") + name + '=' + value;
  return result;
}

std::string s3_canonical_request(const S3Request& request) {
  auto text = request.method + '\n' + s3_encoded(request.path, true) + '\n' + s3_query(request.query) + '\n';
  for (const auto& [name, value] : sorted(request.headers)) text += name + ':' + trimmed(value) + '\n';
  return text + '\n' + signed_headers(request) + '\n' + request.payload_sha256;
}

std::string s3_timestamp(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts)};
}

std::string s3_authorization(const S3Request& request, const S3Credentials& credentials, const std::string& timestamp) {
  return std::string(algorithm) + " Credential=" + credentials.key + '/' + scope(credentials, timestamp) +
         ", SignedHeaders=" + signed_headers(request) + ", Signature=" + signature(request, credentials, timestamp);
}

std::string s3_presigned_query(S3Request request, const S3Credentials& credentials, const std::string& timestamp,
                               std::chrono::seconds valid) {
  for (const auto& [name, value] : S3Fields{{"X-Amz-Algorithm", std::string(algorithm)},
                                            {"X-Amz-Credential", credentials.key + '/' + scope(credentials, timestamp)},
                                            {"X-Amz-Date", timestamp},
                                            {"X-Amz-Expires", std::to_string(valid.count())},
                                            {"X-Amz-SignedHeaders", signed_headers(request)}})
    request.query.emplace_back(name, value);
  return s3_query(request.query) + "&X-Amz-Signature=" + signature(request, credentials, timestamp);
}

}  // namespace kernel::storage
