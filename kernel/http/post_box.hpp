#pragma once
// The way onto an I/O thread from any other. It outlives the thread: whoever holds it may post at any time.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace kernel::http {

/// Something to do on an I/O thread. An object that posts itself often derives from it and so needs no allocation.
class Task {
 public:
  virtual ~Task() = default;
  virtual void run() = 0;
};

class PostBox {
 public:
  PostBox();
  ~PostBox();
  PostBox(const PostBox&) = delete;
  PostBox& operator=(const PostBox&) = delete;

  /// Any thread. From the box's own I/O thread the task waits for the end of the loop's turn and costs no system call.
  /// False, and nothing happens, once the thread has ended.
  bool post(std::shared_ptr<Task> task);
  bool post(std::function<void()> work);

  /// True on the I/O thread this box belongs to.
  bool in_thread() const { return current_ == this; }

  /// The descriptor that becomes readable when something waits.
  int descriptor() const { return event_; }

  /// I/O thread, when the descriptor is readable: runs what other threads posted.
  void run_mail();
  /// I/O thread, at the end of a turn: runs what this thread posted. What that posts gets a turn of its own at once.
  void run_local();
  void adopt_thread() { current_ = this; }
  /// Refuses all further posts and drops what waits.
  void close();

 private:
  void wake() const;
  void run_batch();

  static inline thread_local const PostBox* current_ = nullptr;
  const int event_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Task>> waiting_;  // guarded by mutex_
  bool closed_ = false;                         // guarded by mutex_
  std::vector<std::shared_ptr<Task>> local_;    // I/O thread only
  std::vector<std::shared_ptr<Task>> batch_;    // I/O thread only; kept for its capacity
};

}  // namespace kernel::http
