#pragma once
// The master keys of the fake host: they bind and tell apart as the kernel's do, and hide nothing.
#include "fake_core.hpp"

#include <map>

namespace atrium::testing {

class FakeKeys {
 public:
  explicit FakeKeys(FakeCore&) {}
  bool granted = true;  ///< as plugin.json asks for it
  int current = 1;      ///< number of the master key
  int previous = 0;     ///< 0: none

  static const atrium_keys table;

 private:
  static FakeKeys& of(const atrium_host* host) { return *FakeCore::of(host).keys; }
  static std::string id(int number) { return "key-" + std::to_string(number); }
  static std::string hex(std::string_view bytes) {
    std::string out;
    for (const unsigned char c : bytes) out.append(1, "0123456789abcdef"[c >> 4]).append(1, "0123456789abcdef"[c & 15]);
    return out;
  }
  static std::string unhex(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at + 1 < text.size(); at += 2)
      out += static_cast<char>(std::stoi(std::string(text.substr(at, 2)), nullptr, 16));
    return out;
  }
};

inline const atrium_keys FakeKeys::table{
    sizeof(atrium_keys),
    0,
    [](const atrium_host* host, atrium_str context, atrium_str plain, atrium_text_fn take, void* self,
       atrium_err* error) -> std::int32_t {
      if (plain.len == 0 || plain.len > 64) return fail(error, ATRIUM_E_INVALID, "a key to wrap has 1 to 64 bytes");
      const auto made = id(of(host).current) + "." + hex(text_of(context)) + "-" + hex(text_of(plain));
      take(self, view(made));
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_str context, atrium_str wrapped, atrium_text_fn take, void* self,
       atrium_err* error) -> std::int32_t {
      const auto text = string_of(wrapped);
      const auto key = text.substr(0, text.find('.'));
      const auto& keys = of(host);
      const auto bound = key + "." + hex(text_of(context)) + "-";
      if (!text.starts_with(bound)) return fail(error, ATRIUM_E_DENIED, "it was wrapped for something else");
      if (key != id(keys.current) && (keys.previous == 0 || key != id(keys.previous)))
        return fail(error, ATRIUM_E_NOT_FOUND, "the master key " + key + " is not here");
      const auto plain = unhex(std::string_view(text).substr(bound.size()));
      take(self, view(plain));
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_text_fn take, void* self) {
      const auto name = id(of(host).current);
      take(self, view(name));
    },
    [](const atrium_host* host, atrium_err*) -> std::int32_t {
      auto& keys = of(host);
      if (keys.previous != 0) return ATRIUM_OK;
      keys.previous = keys.current++;
      return ATRIUM_OK;
    },
    [](const atrium_host* host, atrium_err*) -> std::int32_t {
      of(host).previous = 0;
      return ATRIUM_OK;
    }};

}  // namespace atrium::testing
