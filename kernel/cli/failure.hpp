#pragma once
#include <stdexcept>

namespace kernel::cli {

/// What failed, why, and what to do about it, in one line; the command then exits 1.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace kernel::cli
