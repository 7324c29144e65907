#pragma once
// One request off the wire: Boost.Beast's parser fed by hand, with the strictness that keeps a proxy in front and this
// server from ever disagreeing about where a request ends. Internal to http/: the only header that includes Beast.
#include <utility>  // Boost 1.74 in C++20 needs it first

#include "http/head_scanner.hpp"
#include "http/message.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace kernel::http {

/// What of the head only the connection needs.
struct HeadExtras {
  bool http_1_0 = false;
  bool chunked = false;
  bool expect_continue = false;
};

class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  RequestParser();
  ~RequestParser() override = default;

  /// `text` is a complete head, as HeadScanner found it. Fills head and extras; on a fault they hold what was read.
  Fault parse_head(std::string_view text, RequestHead& head, HeadExtras& extras);

  struct Step {
    std::size_t used = 0;    ///< bytes of the input consumed
    std::string_view piece;  ///< decoded body bytes, within the input; may be empty though `used` is not 0
    bool need_more = false;  ///< call again with the unused rest and more behind it
    Fault fault;
  };
  /// Decodes the next piece of the body.
  Step next(std::string_view input);
  bool body_done() const { return is_done(); }

 private:
  using View = boost::beast::string_view;
  using ErrorCode = boost::beast::error_code;

  Fault finish_head();
  Fault check_host();
  Fault check_length_and_coding();
  Fault check_expectation();
  void take_field(boost::beast::http::field id, std::string_view name, std::string_view value);
  Fault fault_of(const ErrorCode& error, std::string_view text) const;

  void on_request_impl(boost::beast::http::verb, View method, View target, int version, ErrorCode&) override;
  void on_response_impl(int, View, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field id, View name, View value, ErrorCode&) override;
  void on_header_impl(ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(View body, ErrorCode&) override;
  void on_chunk_header_impl(std::uint64_t, View extensions, ErrorCode&) override;
  std::size_t on_chunk_body_impl(std::uint64_t, View body, ErrorCode&) override;
  void on_finish_impl(ErrorCode&) override {}

  RequestHead* head_ = nullptr;  // only while parse_head() runs
  HeadExtras* extras_ = nullptr;
  int version_ = 11;
  std::string_view target_, piece_;
  int hosts_ = 0, lengths_ = 0, codings_ = 0;
  std::string_view host_, length_, coding_, expect_;
  std::size_t extension_bytes_ = 0;
};

}  // namespace kernel::http
