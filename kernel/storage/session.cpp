#include "storage/session.hpp"

#include <cstring>

namespace kernel::storage {

void Session::rollback() noexcept {
  try {
    command("ROLLBACK");
  } catch (const std::exception&) {
    // Nothing is left to undo, or the connection is gone and the server has rolled back.
  }
}

void check_text(std::string_view text) {
  if (!text.empty() && std::memchr(text.data(), 0, text.size()) != nullptr)
    throw SqlError(ATRIUM_E_INVALID, "text must not contain the character U+0000");
}

}  // namespace kernel::storage
