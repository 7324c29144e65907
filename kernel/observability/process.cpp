#include "observability/process.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

namespace kernel::observability {
namespace {

// Taken when the program is loaded.
const auto started_wall = std::chrono::system_clock::now();
const auto started = std::chrono::steady_clock::now();

prometheus::MetricFamily reading(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily family{name, help, type, {}};
  auto& metric = family.metric.emplace_back();
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return family;
}

struct Memory {
  double virtual_bytes = 0, resident_bytes = 0;
};

Memory memory() {
  Memory pages;
  std::ifstream("/proc/self/statm") >> pages.virtual_bytes >> pages.resident_bytes;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {pages.virtual_bytes * page, pages.resident_bytes * page};
}

double entries_of(const char* directory) {
  DIR* const open = opendir(directory);
  if (!open) return 0;
  double count = 0;
  while (const auto* entry = readdir(open)) count += entry->d_name[0] != '.';
  closedir(open);
  return count;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double max_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

std::vector<prometheus::MetricFamily> process_metrics() {
  using enum prometheus::MetricType;
  using seconds = std::chrono::duration<double>;
  const auto used = memory();
  const auto uptime = seconds(std::chrono::steady_clock::now() - started).count();
  const auto begun = seconds(started_wall.time_since_epoch()).count();
  const double open_directory = 1;  // the descriptor that reads /proc/self/fd
  return {
      reading("process_cpu_seconds_total", "User and system CPU time in seconds.", Counter, cpu_seconds()),
      reading("process_resident_memory_bytes", "Resident memory in bytes.", Gauge, used.resident_bytes),
      reading("process_virtual_memory_bytes", "Virtual memory in bytes.", Gauge, used.virtual_bytes),
      reading("process_open_fds", "Open file descriptors.", Gauge, entries_of("/proc/self/fd") - open_directory),
      reading("process_max_fds", "Most file descriptors that may be open.", Gauge, max_descriptors()),
      reading("process_threads", "Threads of the process.", Gauge, entries_of("/proc/self/task")),
      reading("process_start_time_seconds", "Start of the process since the epoch in seconds.", Gauge, begun),
      reading("atrium_uptime_seconds", "Seconds since the program was loaded.", Gauge, uptime),
  };
}

}  // namespace kernel::observability
