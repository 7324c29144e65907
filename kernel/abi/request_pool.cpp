#include "abi/request_pool.hpp"

#include "abi/body_pump.hpp"

#include <utility>

namespace kernel::abi {

Request::Request(Request&& other) noexcept { *this = std::move(other); }

Request& Request::operator=(Request&& other) noexcept {
  exchange = std::move(other.exchange);
  context = std::move(other.context);
  host = std::exchange(other.host, nullptr);
  headers = std::exchange(other.headers, {});
  streaming = std::exchange(other.streaming, false);
  deferred = other.deferred.exchange(false);
  body = std::move(other.body);
  return *this;
}

RequestPool& RequestPool::instance() {
  static RequestPool& pool = *new RequestPool;  // never destroyed: threads give slots back while the process ends
  return pool;
}

namespace {
constinit thread_local void* spare = nullptr;
}

RequestPool::Slot* RequestPool::free_slot() {
  if (spare != nullptr) return static_cast<Slot*>(std::exchange(spare, nullptr));
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    if (chunk_count_ == max_chunks) return nullptr;
    auto* chunk = new Slot[chunk_size];
    free_.reserve((chunk_count_ + 1) * chunk_size);
    for (std::size_t at = chunk_size; at-- > 0;) {
      chunk[at].index = static_cast<std::uint32_t>(chunk_count_ * chunk_size + at);
      free_.push_back(&chunk[at]);
    }
    chunks_[chunk_count_++].store(chunk, std::memory_order_release);
  }
  Slot* slot = free_.back();
  free_.pop_back();
  return slot;
}

void RequestPool::release(Slot* slot) {
  if (spare == nullptr) {
    spare = slot;
    return;
  }
  const std::lock_guard lock(mutex_);
  free_.push_back(slot);
}

atrium_request* RequestPool::put(Request request) {
  Slot* slot = free_slot();
  if (slot == nullptr) return nullptr;
  slot->request = std::move(request);
  const std::uint32_t generation = slot->generation.load(std::memory_order_relaxed) + 1;
  slot->generation.store(generation, std::memory_order_release);
  return reinterpret_cast<atrium_request*>((std::uintptr_t{generation} << 32) | slot->index);
}

RequestPool::Slot* RequestPool::find_slot(const atrium_request* handle) {
  const auto index = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle));
  if (index / chunk_size >= max_chunks) return nullptr;
  Slot* chunk = chunks_[index / chunk_size].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &chunk[index % chunk_size];
}

Request* RequestPool::find(const atrium_request* handle) {
  const auto generation = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle) >> 32);
  Slot* slot = find_slot(handle);
  const bool live =
      slot != nullptr && (generation & 1) != 0 && slot->generation.load(std::memory_order_acquire) == generation;
  return live ? &slot->request : nullptr;
}

std::optional<Request> RequestPool::take(const atrium_request* handle) {
  auto generation = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle) >> 32);
  Slot* slot = find_slot(handle);
  if (slot == nullptr || (generation & 1) == 0) return std::nullopt;
  if (!slot->generation.compare_exchange_strong(generation, generation + 1, std::memory_order_acq_rel)) {
    return std::nullopt;
  }
  std::optional<Request> taken(std::move(slot->request));
  release(slot);
  return taken;
}

}  // namespace kernel::abi
