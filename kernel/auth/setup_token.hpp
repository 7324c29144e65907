#pragma once
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

namespace kernel::auth {

/// The one-time token that makes the first admin: DATA/setup-token, mode 0600, there only while no account exists. That
/// it works once is held by the database (see Registration); this class keeps the file. [any thread]
class SetupToken {
 public:
  explicit SetupToken(const std::filesystem::path& data_directory) : file_(data_directory / "setup-token") {}

  /// Makes the file, or takes the one that is there. Throws PrivateFileError.
  void offer();
  /// False for everything when no token is offered. Takes as long for a near miss as for a far one.
  bool matches(std::string_view candidate) const;
  /// Forgets the token and removes its file.
  void discard();
  const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::string token_;
};

}  // namespace kernel::auth
