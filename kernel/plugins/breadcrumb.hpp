#pragma once
// Which plugin runs on this thread, so that a crash can name it, and what the last crash left behind.
#include <filesystem>
#include <map>
#include <string>

namespace kernel::plugins {

namespace breadcrumb {

// Constant-initialised, so that reading them is one instruction and allowed inside a signal handler.
extern constinit thread_local const char* current;
extern constinit thread_local bool stack_ready;
void prepare_stack();

/// Names the plugin for as long as a call into it runs on this thread; null: the kernel itself.
class Scope {
 public:
  explicit Scope(const char* plugin) : before_(current) {
    if (!stack_ready) [[unlikely]]
      prepare_stack();
    current = plugin;
  }
  ~Scope() { current = before_; }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  const char* before_;
};

/// From now on SIGSEGV, SIGABRT, SIGBUS, SIGILL and SIGFPE leave `data`/crash-<plugin>.json when a plugin ran on the
/// thread, and then do what they did before.
void install(const std::filesystem::path& data);

}  // namespace breadcrumb

/// Plugins that crashed the process and may not run until somebody enables them again.
class Quarantine {
 public:
  explicit Quarantine(std::filesystem::path data) : data_(std::move(data)) {}
  /// Plugin id -> what happened, in words. Reads the files that earlier processes left.
  std::map<std::string, std::string> list() const;
  void clear(const std::string& plugin);

 private:
  std::filesystem::path data_;
};

}  // namespace kernel::plugins
