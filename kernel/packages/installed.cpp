#include "packages/installed.hpp"

#include "auth/private_file.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

namespace kernel::packages {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view list_name = "installed.json", unpacked_name = "unpacked";

std::string file_name(const Package& package) {
  return package.manifest().id + "-" + package.manifest().version + "-" + package.sha256() + ".atp";
}

/// Whole and on the disk, or not there.
void put(const fs::path& file, std::string_view content) {
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

}  // namespace

Installed::Installed(const fs::path& data, Trust trust) : directory_(data / "plugins"), trust_(std::move(trust)) {
  auth::make_private_directory(directory_);
  const auto file = directory_ / list_name;
  if (!fs::exists(file)) return;
  std::ifstream stream(file);
  const auto list = nlohmann::json::parse(stream, nullptr, false);
  if (!list.is_object()) throw PackageError(file.string() + " is damaged; restore it, or remove it and install again");
  for (const auto& [id, name] : list.items())
    if (name.is_string()) in_use_[id] = name.get<std::string>();
}

std::vector<Installed::Unpacked> Installed::unpack_all() const {
  std::error_code ignored;  // what is left in the way of a plugin is that plugin's fault below
  fs::remove_all(directory_ / unpacked_name, ignored);
  std::vector<Unpacked> all;
  for (const auto& [id, name] : in_use_) {
    Unpacked& one = all.emplace_back(Unpacked{id, {}, {}});
    try {
      // A name in the list that leads elsewhere would be a file that nobody installed.
      const auto package = Package::open(directory_ / fs::path(name).filename(), trust_);
      if (package.manifest().id != id) throw PackageError(name + " holds the plugin " + package.manifest().id);
      one.source = unpack(package);
    } catch (const std::exception& fault) {
      one.fault = fault.what();
    }
  }
  return all;
}

std::optional<std::string> Installed::sha256(const std::string& id) const {
  const auto found = in_use_.find(id);
  if (found == in_use_.end()) return std::nullopt;
  const auto stem = fs::path(found->second).stem().string();
  return stem.substr(stem.rfind('-') + 1);
}

std::vector<std::string> Installed::ids() const {
  std::vector<std::string> all;
  for (const auto& [id, name] : in_use_) all.push_back(id);
  return all;
}

plugins::Source Installed::unpack(const Package& package) const {
  auth::make_private_directory(directory_ / unpacked_name);
  const auto folder = directory_ / unpacked_name / (package.manifest().id + "-" + package.sha256().substr(0, 16));
  std::error_code ignored;  // unpack() says what is in its way
  fs::remove_all(folder, ignored);
  return {folder, package.unpack(folder)};
}

void Installed::use(const Package& package) {
  put(directory_ / file_name(package), package.bytes());
  auto list = in_use_;
  list[package.manifest().id] = file_name(package);
  store(list);
}

void Installed::remove(const std::string& id) {
  auto list = in_use_;
  list.erase(id);
  store(list);
}

void Installed::store(const std::map<std::string, std::string>& in_use) {
  put(directory_ / list_name, nlohmann::json(in_use).dump(2) + "\n");
  for (const auto& [id, name] : in_use_) {
    const auto still = in_use.find(id);
    std::error_code ignored;
    if (still == in_use.end() || still->second != name) fs::remove(directory_ / name, ignored);
  }
  in_use_ = in_use;
}

}  // namespace kernel::packages
