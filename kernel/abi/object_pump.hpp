#pragma once
// Sends an object as an answer: read on the pool, a piece at a time, as fast as the client takes it.
#include "abi/host_state.hpp"
#include "storage/objects.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kernel::abi {

class ObjectPump : public std::enable_shared_from_this<ObjectPump> {
 public:
  struct Answer {
    int status = 200;
    http::Headers headers;  ///< without the length
    std::string id;
    std::uint64_t offset = 0, length = 0;
  };
  ObjectPump(Parts parts, std::shared_ptr<http::Exchange> exchange, Answer answer);
  /// Opens the object and begins; an object that cannot be opened is answered as a problem. On the pool.
  void start();

 private:
  bool open();
  void post();
  void pump();

  const Parts parts_;
  const std::shared_ptr<http::Exchange> exchange_;
  Answer answer_;
  std::unique_ptr<storage::ObjectReader> reader_;
  std::vector<char> buffer_;
};

}  // namespace kernel::abi
