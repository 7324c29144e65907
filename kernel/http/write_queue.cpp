#include "http/write_queue.hpp"

#include <algorithm>

namespace kernel::http {
namespace {

constexpr std::size_t worth_a_piece = 8 * 1024;   // below this, copying beats one more vector
constexpr std::size_t kept_capacity = 64 * 1024;  // what an idle connection may hold on to
constexpr std::size_t max_own_piece = 64 * 1024;  // so that a long backlog is freed as it drains

}  // namespace

std::string& WriteQueue::tail() {
  if (pieces_.empty() || pieces_.back().shared || pieces_.back().own.size() > max_own_piece) pieces_.emplace_back();
  return pieces_.back().own;
}

void WriteQueue::append(std::string_view bytes) {
  tail().append(bytes);
  size_ += bytes.size();
}

void WriteQueue::push(std::string&& bytes) {
  if (bytes.size() < worth_a_piece) return append(bytes);
  size_ += bytes.size();
  pieces_.push_back({std::move(bytes), nullptr});
}

void WriteQueue::push(std::shared_ptr<const std::string> shared) {
  if (shared->empty()) return;
  size_ += shared->size();
  pieces_.push_back({{}, std::move(shared)});
}

int WriteQueue::gather(iovec* vectors, int most) const {
  int count = 0;
  std::size_t skip = offset_;
  for (std::size_t i = first_; i < pieces_.size() && count < most; ++i) {
    const auto& text = pieces_[i].text();
    if (text.size() > skip) {
      vectors[count++] = {const_cast<char*>(text.data()) + skip, text.size() - skip};
    }
    skip = 0;
  }
  return count;
}

void WriteQueue::consume(std::size_t bytes) {
  size_ -= bytes;
  if (size_ == 0) return reset();
  while (bytes > 0) {
    const auto left = pieces_[first_].text().size() - offset_;
    if (bytes < left) {
      offset_ += bytes;
      return;
    }
    bytes -= left;
    offset_ = 0;
    pieces_[first_++] = {};
  }
  if (first_ > 64 && first_ > pieces_.size() / 2) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void WriteQueue::drop_unbegun(std::size_t keep) {
  if (size_ == 0 || (offset_ == 0 && keep == 0)) return reset();
  std::size_t kept = pieces_[first_].text().size() - offset_;
  std::size_t end = first_ + 1;
  while (kept < keep && end < pieces_.size()) kept += pieces_[end++].text().size();
  size_ = kept;
  pieces_.resize(end);
}

void WriteQueue::reset() {
  if (!pieces_.empty() && !pieces_.front().shared && pieces_.front().own.capacity() <= kept_capacity) {
    pieces_.resize(1);
    pieces_.front().own.clear();
  } else {
    pieces_.clear();
  }
  if (pieces_.capacity() > 64) pieces_.shrink_to_fit();
  first_ = offset_ = size_ = 0;
}

}  // namespace kernel::http
