#include "plugins/switches.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace kernel::plugins {

Switches::Switches(const std::filesystem::path& data) : file_(data / "plugins-disabled.json") {
  std::ifstream stream(file_);
  if (!stream) return;
  const auto ids = nlohmann::json::parse(stream, nullptr, false);
  if (!ids.is_array()) throw std::runtime_error(file_.string() + ": must be a JSON array of ids; mend or remove it");
  for (const auto& id : ids) {
    if (id.is_string()) off_.insert(id.get<std::string>());
  }
}

void Switches::set(const std::string& id, bool off) {
  auto next = off_;
  if (off ? !next.insert(id).second : next.erase(id) == 0) return;
  const std::string text = nlohmann::json(next).dump() + "\n";
  const std::string fresh = file_.string() + ".new";
  const int handle = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool kept = handle >= 0 && write(handle, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  kept = kept && fsync(handle) == 0;
  if (handle >= 0) close(handle);
  if (!kept || rename(fresh.c_str(), file_.c_str()) != 0) {
    throw std::runtime_error(file_.string() + " cannot be written: " + std::strerror(errno));
  }
  off_ = std::move(next);
}

}  // namespace kernel::plugins
