#include "plugins/breadcrumb.hpp"

#include "observability/log.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace kernel::plugins {

namespace breadcrumb {

constinit thread_local const char* current = nullptr;
constinit thread_local bool stack_ready = false;

namespace {

constexpr std::size_t stack_bytes = 64 * 1024;
constexpr std::array signals{SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE};
std::array<struct sigaction, signals.size()> previous;
std::array<char, 1024> file_prefix;

/// A fault may be an overflow of the very stack the handler would run on, so each thread gets a second one.
struct AlternateStack {
  AlternateStack() {
    stack_t existing{};
    if (sigaltstack(nullptr, &existing) == 0 && (existing.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's
    memory = std::make_unique<char[]>(stack_bytes);
    stack_t stack{};
    stack.ss_sp = memory.get();
    stack.ss_size = stack_bytes;
    if (sigaltstack(&stack, nullptr) != 0) memory.reset();
  }
  ~AlternateStack() {
    if (!memory) return;
    stack_t off{};
    off.ss_flags = SS_DISABLE;
    sigaltstack(&off, nullptr);
  }
  AlternateStack(const AlternateStack&) = delete;
  std::unique_ptr<char[]> memory;
};

/// Text put together without allocation, as a signal handler must.
class Line {
 public:
  Line& add(const char* text) {
    while (*text != '\0' && size_ + 1 < bytes_.size()) bytes_[size_++] = *text++;
    return *this;
  }
  Line& add(std::uint64_t number) {
    std::array<char, 21> digits{};
    std::size_t at = digits.size() - 1;
    do digits[--at] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    return add(&digits[at]);
  }
  const char* c_str() const { return bytes_.data(); }
  std::size_t size() const { return size_; }

 private:
  std::array<char, 1536> bytes_{};
  std::size_t size_ = 0;
};

void leave_crumb(int signal_number, const char* plugin) {
  Line path;
  path.add(file_prefix.data()).add(plugin).add(".json");
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  Line text;
  text.add(R"({"plugin":")").add(plugin).add(R"(","signal":)").add(static_cast<std::uint64_t>(signal_number));
  text.add(R"(,"time":)").add(static_cast<std::uint64_t>(time(nullptr)));
  text.add(R"(,"pid":)").add(static_cast<std::uint64_t>(getpid())).add("}\n");
  [[maybe_unused]] const auto written = write(file, text.c_str(), text.size());
  fsync(file);
  close(file);
}

std::atomic<pid_t> first_to_crash = 0;
static_assert(std::atomic<pid_t>::is_always_lock_free);

void on_fault(int signal_number, siginfo_t*, void*) {
  // One record is written to its end; another thread that crashes meanwhile waits for the end of the process.
  pid_t before = 0;
  if (const auto thread = gettid(); !first_to_crash.compare_exchange_strong(before, thread) && before != thread) {
    for (;;) pause();
  }
  if (current != nullptr) leave_crumb(signal_number, current);
  for (std::size_t at = 0; at < signals.size(); ++at) {
    if (signals[at] == signal_number) sigaction(signal_number, &previous[at], nullptr);
  }
  raise(signal_number);  // blocked until this handler returns, then it meets the earlier disposition
}

}  // namespace

void prepare_stack() {
  thread_local AlternateStack stack;
  stack_ready = true;
}

void install(const std::filesystem::path& data) {
  const std::string prefix = (std::filesystem::absolute(data) / "crash-").string();
  if (prefix.size() >= file_prefix.size()) throw std::invalid_argument("the data directory's path is too long");
  std::memcpy(file_prefix.data(), prefix.c_str(), prefix.size() + 1);
  static bool installed = false;
  if (installed) return;
  installed = true;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (std::size_t at = 0; at < signals.size(); ++at) sigaction(signals[at], &action, &previous[at]);
}

}  // namespace breadcrumb

namespace {

constexpr std::string_view crumb_prefix = "crash-", crumb_suffix = ".json";

std::string describe(const std::filesystem::path& file) {
  std::ifstream stream(file);
  const auto crumb = nlohmann::json::parse(stream, nullptr, false);
  if (!crumb.is_object()) return "crashed the kernel";  // the process died while writing it
  const int signal_number = crumb.value("signal", 0);
  const char* name = sigabbrev_np(signal_number);
  const std::time_t when = crumb.value("time", std::time_t{0});
  std::array<char, 32> text{};
  std::tm parts{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &parts));
  return "crashed the kernel with SIG" + std::string(name != nullptr ? name : "?") + " at " + text.data();
}

}  // namespace

std::map<std::string, std::string> Quarantine::list() const {
  std::map<std::string, std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(data_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(crumb_prefix) || !name.ends_with(crumb_suffix)) continue;
    const auto length = name.size() - crumb_prefix.size() - crumb_suffix.size();
    found.emplace(name.substr(crumb_prefix.size(), length), describe(entry.path()));
  }
  return found;
}

void Quarantine::clear(const std::string& plugin) {
  std::error_code error;
  std::filesystem::remove(data_ / (std::string(crumb_prefix) + plugin + std::string(crumb_suffix)), error);
  if (error)
    observability::log(observability::Level::warning, "plugins", "cannot remove the crash record of " + plugin);
}

}  // namespace kernel::plugins
