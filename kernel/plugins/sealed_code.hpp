#pragma once
#include <filesystem>
#include <string>

namespace kernel::plugins {

/// The bytes of a shared object as they were read and checked, where nobody can change them before they are loaded or
/// while they run.
class SealedCode {
 public:
  /// Throws LoadError where the file does not have this SHA-256 (in hex).
  SealedCode(const std::filesystem::path& file, const std::string& sha256);
  /// Once what was loaded from it is unloaded: the loader knows an object by its path.
  ~SealedCode();
  SealedCode(const SealedCode&) = delete;
  SealedCode& operator=(const SealedCode&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

}  // namespace kernel::plugins
