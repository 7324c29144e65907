#pragma once
// RFC 9457 problems: thrown where a request goes wrong, answered as application/problem+json.
#include <atrium/abi.h>
#include <atrium/types.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atrium {

/// One thing wrong with a request's body or query. pointer: RFC 6901 into the body ("/title"), or "?limit".
struct Fault {
  std::string pointer, detail;
};

/// Collects what is wrong with a value and with those inside it, each fault with its pointer.
class FaultSink {
 public:
  enum class Unknown : std::uint8_t { refused, ignored };
  /// root: the pointer of the outermost value; empty for a body. unknown: what becomes of members that nobody declared.
  explicit FaultSink(std::vector<Fault>& faults, std::string_view root = {}, Unknown unknown = Unknown::refused)
      : faults_(&faults), name_(root), unknown_(unknown) {}
  /// The sink of a member or item; valid as long as this one.
  FaultSink member(std::string_view name) const { return {*this, name, no_index}; }
  FaultSink item(std::size_t index) const { return {*this, {}, index}; }
  /// Adds a fault; always false, so that a reader can return it.
  bool refuse(std::string detail) const {
    faults_->push_back({pointer(), std::move(detail)});
    return false;
  }
  bool ignores_unknown() const { return unknown_ == Unknown::ignored; }
  std::string pointer() const {
    if (!parent_) return std::string(name_);
    std::string out = parent_->pointer() + '/';
    if (index_ != no_index) return out + std::to_string(index_);
    for (const char c : name_) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
    return out;
  }

 private:
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);
  FaultSink(const FaultSink& parent, std::string_view name, std::size_t index)
      : faults_(parent.faults_), parent_(&parent), name_(name), index_(index), unknown_(parent.unknown_) {}
  std::vector<Fault>* faults_;
  const FaultSink* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = no_index;
  Unknown unknown_ = Unknown::refused;
};

class Problem : public std::exception {
 public:
  Problem(int status, std::string slug, std::string title, std::string detail = {})
      : status(status), type("/problems/" + slug), title(std::move(title)), detail(std::move(detail)) {}

  int status;
  std::string type, title, detail;
  std::vector<Fault> errors;
  std::vector<std::pair<std::string, std::string>> headers;

  const char* what() const noexcept override { return (detail.empty() ? title : detail).c_str(); }

  /// Whether the same request may succeed later: the other side is busy, away or broken. Else it has to be changed.
  bool is_temporary() const { return status == 408 || status == 429 || (status >= 500 && status != 501); }
  /// How long the other side asks to be left alone, if it says so.
  std::optional<std::chrono::seconds> retry_after() const {
    for (const auto& [name, value] : headers) {
      std::int64_t seconds = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (name == "retry-after" && read.ec == std::errc() && seconds >= 0) return std::chrono::seconds(seconds);
    }
    return std::nullopt;
  }
  Problem& retry_in(std::chrono::seconds pause) {
    std::erase_if(headers, [](const auto& header) { return header.first == "retry-after"; });
    headers.emplace_back("retry-after", std::to_string(pause.count()));
    return *this;
  }

  std::string body(std::string_view instance, std::string_view request_id) const {
    Json json{{"type", type}, {"title", title}, {"status", status}, {"instance", instance}, {"request_id", request_id}};
    if (!detail.empty()) json["detail"] = detail;
    for (const auto& fault : errors) json["errors"].push_back({{"pointer", fault.pointer}, {"detail", fault.detail}});
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
};

inline Problem bad_request(std::string detail) {
  return {400, "bad-request", "The request cannot be read", std::move(detail)};
}
inline Problem forbidden(std::string detail) { return {403, "forbidden", "You may not do this", std::move(detail)}; }
inline Problem not_found(std::string detail = {}) {
  return {404, "not-found", "There is no such resource", std::move(detail)};
}
inline Problem conflict(std::string detail) {
  return {409, "conflict", "The resource is in the way", std::move(detail)};
}
inline Problem stale(std::string detail = "The resource has changed since you read it; read it again.") {
  return {412, "stale", "The resource has changed", std::move(detail)};
}
inline Problem unavailable(std::string detail) {
  Problem problem{503, "unavailable", "Not available right now", std::move(detail)};
  problem.headers.emplace_back("retry-after", "1");
  return problem;
}
inline Problem invalid(std::vector<Fault> faults) {
  Problem problem{422, "validation", "The request is not valid"};
  problem.detail = faults.size() == 1 ? faults.front().pointer + ": " + faults.front().detail
                                      : std::to_string(faults.size()) + " members are not valid";
  problem.errors = std::move(faults);
  return problem;
}
inline Problem invalid(std::string pointer, std::string detail) {
  return invalid(std::vector<Fault>{{std::move(pointer), std::move(detail)}});
}

/// The problem that a status of the boundary stands for.
inline Problem problem_for(std::int32_t code, std::string detail) {
  switch (code) {
    case ATRIUM_E_INVALID:
      return {422, "validation", "The request is not valid", std::move(detail)};
    case ATRIUM_E_NOT_FOUND:
      return not_found(std::move(detail));
    case ATRIUM_E_DENIED:
      return forbidden(std::move(detail));
    case ATRIUM_E_CONFLICT:
      return conflict(std::move(detail));
    case ATRIUM_E_UNAVAILABLE:
      return unavailable(std::move(detail));
    case ATRIUM_E_TIMEOUT:
      return {504, "timeout", "It took too long", std::move(detail)};
    case ATRIUM_E_CANCELLED:
      return {499, "cancelled", "It was cancelled", std::move(detail)};
    default:
      return {500, "internal", "Something went wrong inside", std::move(detail)};
  }
}

/// The boundary's status for a problem's HTTP status.
inline std::int32_t code_for(int http_status) {
  switch (http_status) {
    case 400:
    case 415:
    case 422:
      return ATRIUM_E_INVALID;
    case 401:
    case 403:
      return ATRIUM_E_DENIED;
    case 404:
      return ATRIUM_E_NOT_FOUND;
    case 409:
    case 412:
      return ATRIUM_E_CONFLICT;
    case 429:
    case 503:
      return ATRIUM_E_UNAVAILABLE;
    case 499:
      return ATRIUM_E_CANCELLED;
    case 504:
      return ATRIUM_E_TIMEOUT;
    default:
      return ATRIUM_E_INTERNAL;
  }
}

}  // namespace atrium
