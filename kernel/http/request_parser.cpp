#include "http/request_parser.hpp"

#include "http/target.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <charconv>

namespace kernel::http {
namespace {

namespace beast = boost::beast;
using beast::http::error;
using beast::http::field;

constexpr std::size_t max_chunk_line = 4096;
constexpr std::size_t max_extension_bytes = 16 * 1024;
constexpr std::size_t max_length_digits = 18;  // always fits an int64

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

bool equals_no_case(std::string_view text, std::string_view other) {
  return beast::iequals({text.data(), text.size()}, {other.data(), other.size()});
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

Method method_of(std::string_view name) {
  if (name == "GET") return Method::get;
  if (name == "POST") return Method::post;
  if (name == "PUT") return Method::put;
  if (name == "PATCH") return Method::patch;
  if (name == "DELETE") return Method::del;
  if (name == "HEAD") return Method::head;
  if (name == "OPTIONS") return Method::options;
  return Method::other;
}

bool names_other_version(std::string_view head) {
  const auto line = head.substr(0, head.find('\r'));
  const auto version = line.substr(line.rfind(' ') + 1);
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::count(line.begin(), line.end(), ' ') == 2 && version.size() == 8 && version.starts_with("HTTP/") &&
         digit(version[5]) && version[6] == '.' && digit(version[7]);
}

}  // namespace

RequestParser::RequestParser() {
  eager(false);
  body_limit(UINT64_MAX);  // the connection counts: its limit comes from the route
  header_limit(UINT32_MAX);
}

Fault RequestParser::parse_head(std::string_view text, RequestHead& head, HeadExtras& extras) {
  head_ = &head;
  extras_ = &extras;
  head.headers.reserve(12);
  ErrorCode error;
  put(boost::asio::const_buffer(text.data(), text.size()), error);
  Fault fault = error ? fault_of(error, text) : finish_head();
  head_ = nullptr;
  extras_ = nullptr;
  return fault;
}

Fault RequestParser::finish_head() {
  head_->keep_alive = keep_alive();
  extras_->http_1_0 = version_ == 10;
  if (head_->method_name == "CONNECT") return {501, "CONNECT is not supported."};
  std::string_view authority;
  if (auto fault = read_target(target_, *head_, authority)) return fault;
  if (auto fault = check_host()) return fault;
  if (!authority.empty()) head_->headers.set("host", std::string(authority));
  if (auto fault = check_length_and_coding()) return fault;
  return check_expectation();
}

Fault RequestParser::check_host() {
  if (hosts_ > 1) return {400, "There is more than one Host field."};
  if (hosts_ == 0 && version_ == 11) return {400, "The Host field is missing; HTTP/1.1 requires it."};
  if (!valid_authority(host_)) return {400, "The Host field is not a host with an optional port."};
  return {};
}

Fault RequestParser::check_length_and_coding() {
  if (codings_ > 0) {
    if (lengths_ > 0) return {400, "A request has either Content-Length or Transfer-Encoding, not both."};
    if (version_ == 10) return {400, "HTTP/1.0 has no Transfer-Encoding."};
    if (codings_ > 1) return {400, "There is more than one Transfer-Encoding field."};
    if (!equals_no_case(coding_, "chunked")) return {501, "The only transfer coding supported is 'chunked'."};
    head_->has_body = extras_->chunked = true;
    return {};
  }
  if (lengths_ == 0) return {};
  if (lengths_ > 1) return {400, "There is more than one Content-Length field."};
  const char* const end = length_.data() + length_.size();
  if (length_.empty() || length_.size() > max_length_digits ||
      length_.find_first_not_of("0123456789") != std::string_view::npos) {
    return {400, "Content-Length is not a decimal number of bytes."};
  }
  std::from_chars(length_.data(), end, head_->content_length);
  head_->has_body = head_->content_length > 0;
  return {};
}

Fault RequestParser::check_expectation() {
  if (expect_.empty()) return {};
  if (!equals_no_case(expect_, "100-continue")) return {417, "The only expectation supported is '100-continue'."};
  extras_->expect_continue = version_ == 11 && head_->has_body;
  return {};
}

RequestParser::Step RequestParser::next(std::string_view input) {
  Step step;
  if (input.empty()) {
    step.need_more = true;
    return step;
  }
  piece_ = {};
  ErrorCode error;
  step.used = put(boost::asio::const_buffer(input.data(), input.size()), error);
  step.piece = piece_;
  if (error == error::need_more) {
    step.need_more = true;
    if (input.size() - step.used > max_chunk_line) step.fault = {400, "A chunk header or trailer is too long."};
  } else if (error) {
    step.fault = {400, "The chunked body is malformed: " + error.message() + "."};
  }
  return step;
}

Fault RequestParser::fault_of(const ErrorCode& error, std::string_view text) const {
  if (error == error::bad_version && names_other_version(text)) return {505, "HTTP/1.1 and HTTP/1.0 are supported."};
  if (error == error::bad_version) return {400, "The request line does not end with an HTTP version."};
  if (error == error::bad_method) return {400, "The request does not begin with a method name."};
  if (error == error::bad_target) return {400, "The request line has no valid target."};
  if (error == error::bad_field) return {400, "A header field's name holds a character that is not allowed."};
  if (error == error::bad_value) return {400, "A header field's value holds a character that is not allowed."};
  if (error == error::bad_content_length) return {400, "Content-Length is not a single decimal number of bytes."};
  if (error == error::bad_transfer_encoding) return {400, "Transfer-Encoding is doubled, or beside a Content-Length."};
  return {400, "The request head is malformed: " + error.message() + "."};
}

void RequestParser::on_request_impl(beast::http::verb, View method, View target, int version, ErrorCode&) {
  version_ = version;
  head_->method_name = view(method);
  head_->method = method_of(head_->method_name);
  target_ = view(target);
}

void RequestParser::on_field_impl(field id, View name, View value, ErrorCode&) {
  if (head_) take_field(id, view(name), view(value));  // else a trailer: read and dropped
}

void RequestParser::take_field(field id, std::string_view name, std::string_view value) {
  switch (id) {
    case field::host:
      ++hosts_;
      host_ = value;
      break;
    case field::content_length:
      ++lengths_;
      length_ = value;
      break;
    case field::transfer_encoding:
      ++codings_;
      coding_ = value;
      break;
    case field::expect:
      expect_ = value;
      break;
    default:
      break;
  }
  head_->headers.add(lower_case(name), std::string(value));
}

std::size_t RequestParser::on_body_impl(View body, ErrorCode&) {
  piece_ = view(body);
  return body.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, View extensions, ErrorCode& error) {
  extension_bytes_ += extensions.size();
  const bool hostile = view(extensions).find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos;
  if (hostile || extension_bytes_ > max_extension_bytes) error = error::bad_chunk_extension;
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) {
  piece_ = view(body);
  return body.size();
}

}  // namespace kernel::http
