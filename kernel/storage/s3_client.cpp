#include "storage/s3_client.hpp"

#include "egress/url.hpp"
#include "storage/digest.hpp"
#include "storage/s3_xml.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

namespace kernel::storage {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto first_pause = 100ms;
constexpr auto patience = 30s;  // no attempt begins later than this

[[noreturn]] void malformed(const std::string& what) {
  throw SqlError(ATRIUM_E_INVALID, "objects.url must be s3+https://KEY:SECRET@HOST:PORT/BUCKET?region=REGION: " + what);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) malformed("a '%' is not followed by two hexadecimal digits (write it as %25)");
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

bool made_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && made_of(name, ".-") && name.front() != '.' && name.front() != '-';
}

void read_path(S3Location& location, std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.find('/');
  location.bucket = path.substr(0, slash);
  if (!is_bucket(location.bucket)) malformed("the bucket's name is 3 to 63 of a-z, 0-9, '.' and '-'");
  const auto folder = slash == std::string_view::npos ? std::string_view("objects") : path.substr(slash + 1);
  constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (folder.size() > 512 || !made_of(folder, "/_-" + std::string(upper)) || folder.starts_with('/') ||
      folder.find("//") != folder.npos)
    malformed("what follows the bucket is letters, digits, '_', '-' and '/'");
  location.prefix = std::string(folder) + '/';
}

void read_query(S3Location& location, std::string_view query) {
  constexpr std::string_view region = "region=";
  if (!query.starts_with(region) || query.size() == region.size() || !made_of(query.substr(region.size()), "-"))
    malformed("behind '?' stands region= and the region's name, nothing else");
  location.credentials.region = query.substr(region.size());
}

bool passes(int status) { return status == 429 || status == 500 || status == 502 || status == 503 || status == 504; }

/// Doubles each time and differs between those who failed together.
std::chrono::milliseconds pause_after(int attempt) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const auto longest = (first_pause * (1 << attempt)).count();
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(longest / 2, longest)(random));
}

}  // namespace

S3Location S3Location::parse(std::string_view url) {
  constexpr std::string_view secure = "s3+https://", plain = "s3+http://";
  const bool tls = url.starts_with(secure);
  if (!tls && !url.starts_with(plain)) malformed("it begins with another scheme");
  url.remove_prefix(tls ? secure.size() : plain.size());
  // A secret may hold '/', so what names the host begins behind the last '@'.
  const auto at = url.rfind('@');
  const auto colon = url.find(':');
  if (at == std::string_view::npos || colon == 0 || colon >= at || colon + 1 == at) malformed("KEY:SECRET@ is missing");
  S3Location location;
  location.credentials.key = decoded(url.substr(0, colon));
  location.credentials.secret = decoded(url.substr(colon + 1, at - colon - 1));
  location.credentials.region = "us-east-1";
  url.remove_prefix(at + 1);
  const auto question = url.find('?');
  if (question != std::string_view::npos) read_query(location, url.substr(question + 1));
  url = url.substr(0, question);
  const auto slash = url.find('/');
  read_path(location, slash == std::string_view::npos ? std::string_view{} : url.substr(slash + 1));
  try {
    const auto host = egress::Url::parse((tls ? "https://" : "http://") + std::string(url.substr(0, slash)));
    location.authority = host.authority();
    location.endpoint = (tls ? "https://" : "http://") + location.authority;
  } catch (const std::invalid_argument& fault) {
    malformed(fault.what());
  }
  return location;
}

std::string S3Answer::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

struct S3Client::Outcome {
  std::int32_t status = ATRIUM_OK;
  std::string why;
  S3Answer answer;
};

std::string S3Client::path(const std::string& key) const {
  return '/' + location_.bucket + (key.empty() ? "" : '/' + location_.prefix + key);
}

S3Client::Outcome S3Client::exchange(const S3Call& call) const {
  const auto timestamp = s3_timestamp(std::chrono::system_clock::now());
  S3Request request{call.method, path(call.key), call.query, call.headers, sha256_hex(call.body)};
  request.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  request.headers.emplace_back("x-amz-date", timestamp);

  egress::OutRequest out;
  out.method = call.method;
  out.headers = request.headers;
  out.url = location_.endpoint + s3_encoded(request.path, true);
  if (!call.query.empty()) out.url += '?' + s3_query(call.query);
  out.body = call.body;
  out.trust = egress::Trust::operator_;
  request.headers.emplace_back("host", location_.authority);
  out.headers.emplace_back("authorization", s3_authorization(request, location_.credentials, timestamp));

  const auto outcome = std::make_shared<Outcome>();
  const auto done = std::make_shared<std::promise<void>>();
  auto waiting = done->get_future();
  egress::OutHandlers handlers;
  handlers.at_once = true;  // the pool's threads may all be waiting here
  handlers.head = [outcome](int status, std::map<std::string, std::string> headers) {
    outcome->answer.status = status;
    outcome->answer.headers = std::move(headers);
  };
  handlers.data = [outcome](std::string_view piece) {
    outcome->answer.body += piece;
    return true;
  };
  handlers.done = [outcome, done](std::int32_t status, const std::string& why) {
    outcome->status = status;
    outcome->why = why;
    done->set_value();
  };
  egress_.send(std::move(out), std::move(handlers));
  waiting.wait();
  return std::move(*outcome);
}

S3Answer S3Client::call(const S3Call& call) const {
  const auto begun = Clock::now();
  for (int attempt = 1;; ++attempt) {
    auto [status, why, answer] = exchange(call);
    const bool lost = status == ATRIUM_E_UNAVAILABLE || status == ATRIUM_E_TIMEOUT;
    const bool passing = lost || (status == ATRIUM_OK && passes(answer.status));
    if (!passing && status != ATRIUM_OK) throw SqlError(ATRIUM_E_UNAVAILABLE, "the object store: " + why);
    if (!passing) {
      const bool absent = answer.status == 404 && s3_xml_field(answer.body, "Error/Code") != "NoSuchBucket";
      const bool judged = absent || answer.status == 409 || answer.status == 412 || answer.status == 416;
      if (answer.ok() || (judged && !call.key.empty())) return answer;
      refuse(call, answer);
    }
    if (attempt >= call.attempts || Clock::now() - begun > patience) {
      const auto code = s3_xml_field(answer.body, "Error/Code").value_or("");
      throw SqlError(
          ATRIUM_E_UNAVAILABLE,
          "the object store cannot be used now: " +
              (lost ? why : "it answers " + std::to_string(answer.status) + (code.empty() ? "" : " " + code)));
    }
    std::this_thread::sleep_for(pause_after(attempt));
  }
}

void S3Client::refuse(const S3Call& call, const S3Answer& answer) const {
  const auto code = s3_xml_field(answer.body, "Error/Code").value_or("");
  const auto said = std::to_string(answer.status) + (code.empty() ? "" : " " + code);
  if (code == "NoSuchBucket" || (answer.status == 404 && call.key.empty()))
    throw S3Refused("the object store has no bucket " + location_.bucket + ": make it, or correct objects.url");
  if (code == "RequestTimeTooSkewed")
    throw S3Refused("the object store's clock and this machine's differ by too much: set them (" + said + ")");
  if (code == "AuthorizationHeaderMalformed" || answer.status / 100 == 3)
    throw S3Refused("the object store does not answer for this region or address: correct region= in objects.url (" +
                    said + ")");
  if (code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" || answer.status == 401)
    throw S3Refused("the object store refuses the key of objects.url: correct KEY and SECRET (" + said + ")");
  if (answer.status == 403)
    throw S3Refused("the object store refuses " + call.method + " with the key of objects.url: let it list, read, " +
                    "write and delete in the bucket " + location_.bucket + " (" + said + ")");
  if (answer.status == 507 || code == "QuotaExceeded")
    throw S3Refused("the object store is full: free some space or raise its quota (" + said + ")");
  throw S3Refused("the object store answers " + said + " to " + call.method);
}

std::string S3Client::presigned_url(const std::string& key, S3Fields query, std::chrono::seconds valid,
                                    std::chrono::system_clock::time_point now) const {
  const S3Request request{"GET", path(key), std::move(query), {{"host", location_.authority}}, "UNSIGNED-PAYLOAD"};
  return location_.endpoint + s3_encoded(request.path, true) + '?' +
         s3_presigned_query(request, location_.credentials, s3_timestamp(now), valid);
}

}  // namespace kernel::storage
