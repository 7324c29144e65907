#include "cli/checks.hpp"

#include <openssl/x509.h>
#include <sys/resource.h>
#include <sys/timex.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace kernel::cli {
namespace {

namespace fs = std::filesystem;
using State = Finding::State;

constexpr rlim_t enough_files = 4096;

Finding check_files() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const auto found = std::to_string(files.rlim_max) + " files may be open at once";
  if (files.rlim_max >= enough_files) return {"open files", State::ok, found, {}};
  return {"open files", State::warning, found + ", each connection is one",
          "raise the limit: `ulimit -Hn 65536`, or LimitNOFILE=65536 in the service's unit"};
}

Finding check_clock() {
  // The program cannot have been written in the future.
  std::error_code error;
  const auto written = fs::last_write_time("/proc/self/exe", error);
  if (!error && written > fs::file_time_type::clock::now() + std::chrono::hours(24)) {
    return {"clock", State::failed, "it shows a time before this program was installed",
            "set it: `timedatectl set-ntp true`; tokens, certificates and deadlines depend on it"};
  }
  timex state{};
  if (adjtimex(&state) == TIME_ERROR) {
    return {"clock", State::warning, "nothing keeps it exact",
            "install a time service, such as systemd-timesyncd or chrony, unless the host keeps this machine's clock"};
  }
  return {"clock", State::ok, "kept exact by a time service", {}};
}

bool holds_certificates(const fs::path& file) {
  std::ifstream text(file);
  std::string line;
  while (std::getline(text, line)) {
    if (line.starts_with("-----BEGIN CERTIFICATE")) return true;
  }
  return false;
}

Finding check_certificates() {
  const auto place = [](const char* variable, const char* usual) -> fs::path {
    const char* value = std::getenv(variable);
    return value && *value ? value : usual;
  };
  const auto file = place(X509_get_default_cert_file_env(), X509_get_default_cert_file());
  const auto folder = place(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  if (holds_certificates(file)) return {"TLS to other hosts", State::ok, "authorities in " + file.string(), {}};
  std::error_code error;
  if (fs::directory_iterator(folder, error) != fs::directory_iterator())
    return {"TLS to other hosts", State::ok, "authorities in " + folder.string(), {}};
  return {
      "TLS to other hosts", State::failed, "no certificate authorities in " + file.string(),
      "install them: `apt install ca-certificates`, or name a bundle by SSL_CERT_FILE; without them no LLM provider "
      "can be reached"};
}

}  // namespace

std::vector<Finding> check_machine() { return {check_files(), check_clock(), check_certificates()}; }

}  // namespace kernel::cli
