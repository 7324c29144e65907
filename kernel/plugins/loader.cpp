#include "plugins/loader.hpp"

#include "plugins/sealed_code.hpp"

#define BOOST_DLL_USE_STD_FS
#include <elf.h>
#include <sys/stat.h>

#include <boost/dll/shared_library.hpp>

#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <vector>

namespace kernel::plugins {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t own_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t own_machine = EM_AARCH64;
#else
#error "say which ELF machine this processor is"
#endif

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  throw LoadError(file.filename().string() + ": " + why);
}

void check_header(const std::filesystem::path& file) {
  Elf64_Ehdr header{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(reinterpret_cast<char*>(&header), sizeof header)) refuse(file, "too short for a shared object");
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) refuse(file, "not an ELF shared object");
  if (header.e_ident[EI_CLASS] != ELFCLASS64) refuse(file, "built for 32 bits, the kernel for 64");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB) refuse(file, "built for another byte order");
  if (header.e_machine != own_machine) {
    refuse(file, "built for ELF machine " + std::to_string(header.e_machine) + ", the kernel for " +
                     std::to_string(own_machine));
  }
  if (header.e_type != ET_DYN) refuse(file, "an ELF file, but not a shared object");
}

}  // namespace

void check_shared_object(const std::filesystem::path& folder, const std::filesystem::path& file) {
  std::error_code error;
  const auto home = std::filesystem::canonical(folder, error);
  if (error) refuse(folder, "cannot be opened: " + error.message());
  const auto target = std::filesystem::canonical(file, error);
  if (error) refuse(file, "cannot be opened: " + error.message());
  const auto [rest, unused] = std::mismatch(home.begin(), home.end(), target.begin(), target.end());
  if (rest != home.end()) refuse(file, "a symbolic link that leaves the plugin's folder");
  struct stat status {};
  if (stat(target.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) refuse(file, "not a regular file");
  if ((status.st_mode & S_IWOTH) != 0) refuse(file, "writable by everybody; take that away with chmod o-w");
  check_header(target);
}

void check_table(const atrium_plugin* table, const Manifest& manifest) {
  const std::string file = manifest.id + ".so: ";
  if (table == nullptr) throw LoadError(file + ATRIUM_ENTRY "() gave no table");
  if (table->abi_minor > ATRIUM_ABI_MINOR) {
    throw LoadError(file + "needs ABI 1." + std::to_string(table->abi_minor) + ", this kernel has 1." +
                    std::to_string(ATRIUM_ABI_MINOR) + "; upgrade the kernel or install an older plugin");
  }
  constexpr std::size_t least = offsetof(atrium_plugin, destroy) + sizeof(atrium_plugin::destroy);
  if (table->size < least || table->create == nullptr || table->start == nullptr || table->destroy == nullptr) {
    throw LoadError(file + "its table has " + std::to_string(table->size) + " bytes, with create, start and destroy " +
                    "it has at least " + std::to_string(least));
  }
  const std::string id = table->id == nullptr ? "" : table->id,
                    version = table->version == nullptr ? "" : table->version;
  if (id != manifest.id) throw LoadError(file + "says its id is \"" + id + "\", plugin.json \"" + manifest.id + "\"");
  if (version != manifest.version) {
    throw LoadError(file + "says its version is " + version + ", plugin.json " + manifest.version);
  }
}

class Library::Object {
 public:
  Object(const std::filesystem::path& file, const std::string& sha256) {
    if (!sha256.empty()) sealed_.emplace(file, sha256);
    library_.load(sealed_ ? sealed_->path() : file,
                  boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  }
  const atrium_plugin* table(const std::filesystem::path& file) const {
    if (!library_.has(ATRIUM_ENTRY)) refuse(file, "has no symbol " ATRIUM_ENTRY "; is it an Atrium plugin?");
    return library_.get<const atrium_plugin*()>(ATRIUM_ENTRY)();
  }

 private:
  std::optional<SealedCode> sealed_;
  boost::dll::shared_library library_;
};

Library::Library(std::unique_ptr<Object> object, const atrium_plugin* plugin, AtEnd at_end)
    : object_(std::move(object)), plugin_(plugin), at_end_(at_end) {}

Library::~Library() {
  if (at_end_ == AtEnd::unload) return;
  // The code stays mapped until the process ends: the list is not destroyed either.
  static std::mutex mutex;
  static auto& parked = *new std::vector<std::unique_ptr<Object>>;
  const std::lock_guard lock(mutex);
  parked.push_back(std::move(object_));
}

std::shared_ptr<Library> Library::load(const Source& source, const Manifest& manifest, AtEnd at_end) {
  const auto file = source.folder / (manifest.id + ".so");
  check_shared_object(source.folder, file);
  std::shared_ptr<Library> library;
  try {
    auto object = std::make_unique<Object>(std::filesystem::canonical(file), source.sha256);
    library.reset(new Library(std::move(object), nullptr, at_end));
  } catch (const LoadError&) {
    throw;
  } catch (const std::exception& fault) {
    refuse(file, std::string("cannot be loaded: ") + fault.what());
  }
  library->plugin_ = library->object_->table(file);
  check_table(library->plugin_, manifest);
  return library;
}

}  // namespace kernel::plugins
