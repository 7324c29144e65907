#include "auth/setup_token.hpp"

#include "auth/encoding.hpp"
#include "auth/private_file.hpp"

namespace kernel::auth {
namespace {

constexpr std::size_t token_bytes = 32, token_chars = 43;

}  // namespace

void SetupToken::offer() {
  create_private_file(file_, base64url(random_bytes(token_bytes)) + '\n');
  std::string token = read_private_file(file_);
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.size() < token_chars)
    throw PrivateFileError(file_.string() + ": is no setup token; remove the file, the next start makes a new one");
  std::lock_guard lock(mutex_);
  token_ = std::move(token);
}

bool SetupToken::matches(std::string_view candidate) const {
  std::lock_guard lock(mutex_);
  return !token_.empty() && equal_in_constant_time(sha256(candidate), sha256(token_));
}

void SetupToken::discard() {
  std::lock_guard lock(mutex_);
  token_.clear();
  std::error_code ignored;  // spent in the database, whether the file goes or not; the next start tries again
  std::filesystem::remove(file_, ignored);
}

}  // namespace kernel::auth
