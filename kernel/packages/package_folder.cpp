#include "packages/package_folder.hpp"

#include "auth/encoding.hpp"
#include "auth/private_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

namespace kernel::packages {
namespace {

namespace fs = std::filesystem;

constexpr const char* unpacked_name = "unpacked";

/// Whole and on the disk, or not there.
void write(const fs::path& file, std::string_view content) {
  const auto part = file.string() + ".part";
  const int descriptor = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool good = descriptor >= 0;
  while (good && !content.empty()) {
    const auto written = ::write(descriptor, content.data(), content.size());
    good = written > 0;
    if (good) content.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && fsync(descriptor) == 0;
  if (descriptor >= 0) close(descriptor);
  if (!good || rename(part.c_str(), file.c_str()) != 0) throw StorageError("cannot write " + file.string());
  auth::sync_directory(file.parent_path());
}

/// Nothing where it cannot be read, or is no package for its size.
std::string content_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error || size > max_package_bytes) return {};
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

PackageFolder::PackageFolder(const fs::path& data, Trust trust)
    : directory_(data / "plugins"), trust_(std::move(trust)) {
  auth::make_private_directory(directory_);
}

fs::path PackageFolder::file_of(const std::string& id, const std::string& sha256) const {
  return directory_ / (id + "-" + sha256 + ".atp");
}

std::optional<Package> PackageFolder::find(const std::string& id, const std::string& sha256) const {
  auto content = content_of(file_of(id, sha256));
  if (auth::sha256_hex(content) != sha256) return std::nullopt;
  return Package::parse(std::move(content), trust_);
}

void PackageFolder::put(const Package& package) const {
  write(file_of(package.manifest().id, package.sha256()), package.bytes());
}

void PackageFolder::remove(const std::string& id, const std::string& sha256) const {
  std::error_code ignored;
  fs::remove(file_of(id, sha256), ignored);
}

void PackageFolder::clear_unpacked() const {
  std::error_code ignored;  // what is left in the way of a plugin is that plugin's fault
  fs::remove_all(directory_ / unpacked_name, ignored);
}

plugins::Source PackageFolder::unpack(const Package& package) const {
  auth::make_private_directory(directory_ / unpacked_name);
  const auto folder = directory_ / unpacked_name / (package.manifest().id + "-" + package.sha256().substr(0, 16));
  std::error_code ignored;  // unpack() says what is in its way
  fs::remove_all(folder, ignored);
  return {folder, package.unpack(folder)};
}

std::set<std::string> PackageFolder::others(const std::set<std::string>& packages) const {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    const auto& file = entry.path();
    if (file.extension() == ".atp" && !packages.contains(file.stem())) names.insert(file.filename());
  }
  return names;
}

}  // namespace kernel::packages
