#pragma once
// Text that must not be seen: shown as a mask wherever a resource is written, never bound to SQL, wiped at its end.
#include <atrium/members.hpp>

#include <sodium.h>

namespace secrets {

class Confidential {
 public:
  static constexpr std::string_view mask = "********";
  static constexpr std::size_t max_bytes = 65'536;

  Confidential() = default;
  explicit Confidential(std::string text) : text_(std::move(text)) {}
  Confidential(const Confidential&) = default;
  Confidential(Confidential&& other) noexcept : text_(other.text_) { other.wipe(); }
  Confidential& operator=(Confidential other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~Confidential() { wipe(); }

  /// Nothing was given, or only the mask that an answer had shown.
  bool empty() const { return text_.empty(); }
  const std::string& reveal() const { return text_; }

 private:
  void wipe() noexcept {
    sodium_memzero(text_.data(), text_.size());
    text_.clear();
  }
  std::string text_;
};

}  // namespace secrets

template <>
struct atrium::Codec<secrets::Confidential> {
  static void write(std::string& out, const secrets::Confidential&) {
    write_json_string(out, secrets::Confidential::mask);
  }
  /// The mask stands for "as it is", so that what GET gave can be PUT.
  static bool read(const Json& json, secrets::Confidential& out, const Bounds&, const FaultSink& faults) {
    if (!json.is_string()) return faults.refuse("must be a string");
    const auto& text = json.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return faults.refuse("must not contain U+0000");
    if (text.empty() || text.size() > secrets::Confidential::max_bytes)
      return faults.refuse("must have 1 to " + std::to_string(secrets::Confidential::max_bytes) + " bytes");
    out = secrets::Confidential(text == secrets::Confidential::mask ? std::string() : text);
    return true;
  }
  static Json schema(const Bounds&) {
    return {{"type", "string"}, {"minLength", 1}, {"maxLength", secrets::Confidential::max_bytes}};
  }
  static void bind(Parameters& to, const secrets::Confidential&) { to.null(); }
  static void load(std::string_view, secrets::Confidential&) {}
};
