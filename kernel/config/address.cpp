#include "config/config.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <charconv>

namespace kernel::config {

HostPort parse_host_port(std::string_view text) {
  const auto fail = [] { throw std::invalid_argument("HOST:PORT such as `127.0.0.1:8000` or `[::1]:8000`"); };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) fail();
  HostPort result;
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), result.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) fail();
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  result.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  unsigned char bytes[16];
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, result.host.c_str(), bytes) != 1) fail();
  return result;
}

bool is_loopback(std::string_view host) { return host == "::1" || host.starts_with("127."); }

std::filesystem::path default_plugin_directory() {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  const auto prefix = program.parent_path().parent_path();
  // A build keeps bin/ and plugins/ side by side; an installed prefix has bin/ and lib/atrium/plugins.
  if (fs::is_directory(prefix / "plugins", error)) return prefix / "plugins";
  return prefix / "lib" / "atrium" / "plugins";
}

}  // namespace kernel::config
