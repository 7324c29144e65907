#include "http/post_box.hpp"

#include "observability/log.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace kernel::http {
namespace {

class FunctionTask final : public Task {
 public:
  explicit FunctionTask(std::function<void()> work) : work_(std::move(work)) {}
  void run() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

PostBox::PostBox() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

PostBox::~PostBox() { ::close(event_); }

bool PostBox::post(std::function<void()> work) { return post(std::make_shared<FunctionTask>(std::move(work))); }

bool PostBox::post(std::shared_ptr<Task> task) {
  if (in_thread()) {
    local_.push_back(std::move(task));
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    waiting_.push_back(std::move(task));
    if (waiting_.size() > 1) return true;  // the first of them has already rung
  }
  wake();
  return true;
}

void PostBox::wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_, &one, sizeof one);
}

void PostBox::run_mail() {
  // The bell is silenced before the box is emptied: a post in between rings again, so none is ever lost.
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto got = ::read(event_, &rings, sizeof rings);
  {
    const std::lock_guard lock(mutex_);
    batch_.swap(waiting_);
  }
  run_batch();
}

void PostBox::run_local() {
  if (local_.empty()) return;
  batch_.swap(local_);
  run_batch();
  if (!local_.empty()) wake();
}

void PostBox::run_batch() {
  for (auto& task : batch_) {
    try {
      task->run();
    } catch (const std::exception& error) {
      observability::log(observability::Level::error, "http", std::string("posted work failed: ") + error.what());
    }
    task.reset();
  }
  batch_.clear();
}

void PostBox::close() {
  std::vector<std::shared_ptr<Task>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
  local_.clear();
}

}  // namespace kernel::http
