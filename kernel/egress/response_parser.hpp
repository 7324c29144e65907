#pragma once
// Beast's parser of a response, with body pieces handed on as they come.
#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>

namespace kernel::egress {

class ResponseParser : public boost::beast::http::basic_parser<false> {
 public:
  /// Stops behind the head until eager(true): a body that came with it is not handed on before it.
  explicit ResponseParser(std::function<void(std::string_view)> body) : body_(std::move(body)) {
    header_limit(64 * 1024);
    body_limit(std::numeric_limits<std::uint64_t>::max());  // none would refuse every announced length; max_bytes bounds it
  }
  int status() const { return status_; }
  std::map<std::string, std::string>& headers() { return headers_; }

 private:
  using Code = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Field = boost::beast::http::field;
  using Verb = boost::beast::http::verb;

  void on_request_impl(Verb, Text, Text, int, Code&) override {}
  void on_response_impl(int code, Text, int, Code& error) override {
    error = {};
    status_ = code;
  }
  void on_field_impl(Field, Text name, Text value, Code& error) override {
    error = {};
    std::string key(name);
    for (char& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    auto& kept = headers_[key];
    if (!kept.empty()) kept += ", ";
    kept.append(value.data(), value.size());
  }
  void on_header_impl(Code& error) override { error = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code& error) override { error = {}; }
  std::size_t on_body_impl(Text body, Code& error) override {
    error = {};
    body_({body.data(), body.size()});
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Code& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, Code& error) override { return on_body_impl(body, error); }
  void on_finish_impl(Code& error) override { error = {}; }

  std::function<void(std::string_view)> body_;
  int status_ = 0;
  std::map<std::string, std::string> headers_;
};

}  // namespace kernel::egress
