#include "cli/process.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace kernel::cli {
namespace {

sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

std::size_t prepare_process() {
  umask(077);
  // Parts of an upload go back to the system when they are sent; otherwise each thread's arena keeps some.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  std::signal(SIGPIPE, SIG_IGN);
  const auto watched = watched_signals();
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur;
}

void wait_for_end(const std::function<void()>& reread) {
  const auto watched = watched_signals();
  for (int signal = 0;;) {
    if (sigwait(&watched, &signal) != 0) continue;
    if (signal != SIGHUP) break;
    reread();
  }
  for (int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { _exit(1); });
  pthread_sigmask(SIG_UNBLOCK, &watched, nullptr);
}

}  // namespace kernel::cli
