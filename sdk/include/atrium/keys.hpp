#pragma once
// Envelope encryption: the master key stays inside the kernel, a plugin has its own data keys wrapped under it. For the
// one plugin that keeps secrets for all others; plugin.json asks with "keys": true.
#include <atrium/host.hpp>

namespace atrium {

class Keys {
 public:
  Keys() = default;
  explicit Keys(const Host& host) : host_(&host) {}

  /// At most 64 bytes, bound to this plugin and to `context`: "KEYID.BASE64".
  std::string wrap(std::string_view context, std::string_view plain) const {
    std::string wrapped;
    Failure failure;
    failure.check(table().wrap(host_->raw(), view(context), view(plain), &take, &wrapped, failure));
    return wrapped;
  }
  /// Throws 403 for one that was changed or belongs elsewhere, 404 when its master key is gone.
  std::string unwrap(std::string_view context, std::string_view wrapped) const {
    std::string plain;
    Failure failure;
    failure.check(table().unwrap(host_->raw(), view(context), view(wrapped), &take, &plain, failure));
    return plain;
  }
  /// The KEYID that wrap() uses now.
  std::string current() const {
    std::string id;
    table().current(host_->raw(), &take, &id);
    return id;
  }
  /// Makes the next master key; the former still unwraps until retire(). Goes on with a rotation that is under way.
  void rotate() const {
    Failure failure;
    failure.check(table().rotate(host_->raw(), failure));
  }
  /// Forgets the former key: when nothing is wrapped by it any more.
  void retire() const {
    Failure failure;
    failure.check(table().retire(host_->raw(), failure));
  }

 private:
  const atrium_keys& table() const { return host_->keys(); }
  static void take(void* out, atrium_str text) { *static_cast<std::string*>(out) = text_of(text); }
  const Host* host_ = nullptr;
};

}  // namespace atrium
