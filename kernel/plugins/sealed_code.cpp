#include "plugins/sealed_code.hpp"

#include "auth/encoding.hpp"
#include "plugins/loader.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace kernel::plugins {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  throw LoadError(file.filename().string() + ": " + why);
}

/// Kernels from 6.3 on want to be told that it will be executed; older ones do not know the flag.
int make_memory_file(const char* name) {
  constexpr unsigned executable = 0x10, flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int made = memfd_create(name, flags | executable);
  return made < 0 && errno == EINVAL ? memfd_create(name, flags) : made;
}

bool fill(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const auto written = write(descriptor, content.data(), content.size());
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return fcntl(descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
}

}  // namespace

SealedCode::SealedCode(const std::filesystem::path& file, const std::string& sha256) {
  std::ifstream stream(file, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(stream), {});
  if (auth::sha256_hex(content) != sha256) refuse(file, "is not what the package holds; install the plugin again");
  descriptor_ = make_memory_file(file.filename().c_str());
  if (descriptor_ < 0 || !fill(descriptor_, content)) {
    const std::string why = std::strerror(errno);
    if (descriptor_ >= 0) close(descriptor_);
    refuse(file, "no memory to load it from: " + why);
  }
  path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

SealedCode::~SealedCode() { close(descriptor_); }

}  // namespace kernel::plugins
