#include "packages/package.hpp"

#include "archive/archive.hpp"
#include "auth/encoding.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <set>
#include <span>

namespace kernel::packages {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view magic = "ATRIUM-PLUGIN/1\n";
constexpr std::size_t key_at = magic.size(), signature_at = key_at + PublicKey{}.size(),
                      archive_at = signature_at + Signature{}.size();
constexpr std::array<std::string_view, 3> folders{"migrations/", "templates/", "docs/"};
constexpr std::array<std::string_view, 5> documents{"plugin.json", "README.md", "CHANGELOG.md", "LICENSE", "NOTICE"};
constexpr std::string_view libraries = "lib/";

/// What is signed: everything of the file but the signature.
std::string signed_part(std::string_view key, std::string_view archive) {
  return std::string(magic).append(key).append(archive);
}

bool is_document(std::string_view name) {
  return std::find(documents.begin(), documents.end(), name) != documents.end() ||
         std::any_of(folders.begin(), folders.end(), [&](auto folder) { return name.starts_with(folder); });
}

/// The ARCH of lib/ARCH/ID.so; empty: it is none.
std::string_view architecture_of(std::string_view name, std::string_view id) {
  if (!name.starts_with(libraries)) return {};
  name.remove_prefix(libraries.size());
  const auto slash = name.find('/');
  if (slash == name.npos || name.substr(slash + 1) != std::string(id) + ".so") return {};
  return name.substr(0, slash);
}

bool is_plain(std::string_view name) {
  return name.size() <= 200 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-' || c == '/';
         });
}

std::map<std::string, std::string> unpacked(std::string_view archive) {
  std::map<std::string, std::string> files;
  std::size_t total = 0;
  std::string piece(256 * 1024, '\0');
  archive::Reader reader(archive, "the package");
  while (const auto name = reader.next()) {
    if (!is_plain(*name)) throw PackageError("the package holds a file with a name that none of its files has");
    const auto [file, added] = files.try_emplace(*name);
    if (!added) throw PackageError("the package holds " + *name + " twice");
    if (files.size() > max_files) throw PackageError("the package holds too many files");
    while (const auto got = reader.read(piece)) {
      if ((total += got) > max_unpacked_bytes) throw PackageError("the package is too large when it is unpacked");
      file->second.append(piece, 0, got);
    }
  }
  return files;
}

plugins::Manifest manifest_of(const std::map<std::string, std::string>& files) {
  const auto found = files.find("plugin.json");
  if (found == files.end()) throw PackageError("the package has no plugin.json");
  auto manifest = plugins::Manifest::parse(found->second, "plugin.json");
  for (const auto& [name, unused] : files)
    if (!is_document(name) && architecture_of(name, manifest.id).empty())
      throw PackageError("the package holds " + name + ", which has no place in one");
  return manifest;
}

/// Of a shared object, by its ELF header.
std::string architecture_in(std::string_view object, const fs::path& file) {
  constexpr std::size_t machine_at = 18;
  const bool elf = object.size() > 20 && object.starts_with("\177ELF") && object[4] == 2 && object[5] == 1;
  const int machine =
      elf ? static_cast<unsigned char>(object[machine_at]) | static_cast<unsigned char>(object[machine_at + 1]) << 8
          : 0;
  if (machine == 62) return "x86_64";
  if (machine == 183) return "aarch64";
  throw PackageError(file.string() + " is no shared object for x86_64 or aarch64");
}

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw PackageError("cannot read " + file.string());
  return content;
}

/// name in the package -> content, of everything in the folder that has a place in one.
std::map<std::string, std::string> files_of(const fs::path& folder, const std::string& id) {
  std::map<std::string, std::string> files;
  const auto add = [&](const fs::path& file) {
    auto name = file.lexically_relative(folder).string();
    if (!fs::is_regular_file(fs::symlink_status(file)))
      throw PackageError(file.string() + " is a link or a device; a package holds files only");
    if (!is_plain(name)) throw PackageError(file.string() + " has a name that a package cannot hold");
    auto content = content_of(file);
    if (name == id + ".so") name = std::string(libraries) + architecture_in(content, file) + "/" + name;
    files[name] = std::move(content);
  };
  const auto exists = [](const fs::path& path) { return fs::exists(fs::symlink_status(path)); };
  for (const auto document : documents)
    if (exists(folder / document)) add(folder / document);
  if (exists(folder / (id + ".so"))) add(folder / (id + ".so"));
  for (auto below : {folders[0], folders[1], folders[2], libraries}) {
    below.remove_suffix(1);
    if (fs::is_symlink(folder / below)) throw PackageError((folder / below).string() + " is a link");
    if (!exists(folder / below)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(folder / below))
      if (entry.is_symlink() || !entry.is_directory()) add(entry.path());
  }
  return files;
}

void write(const fs::path& file, std::string_view content) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!stream.flush() || chmod(file.c_str(), 0600) != 0) throw PackageError("cannot write " + file.string());
}

}  // namespace

std::string architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
#error "name this architecture, here and in architecture_in()"
#endif
}

Package Package::parse(std::string bytes, const Trust& trust) {
  if (bytes.size() < archive_at || !bytes.starts_with(magic)) throw PackageError("this is no package of a plugin");
  const std::string_view all = bytes, key_bytes = all.substr(key_at, PublicKey{}.size());
  PublicKey key;
  Signature signature;
  std::copy_n(key_bytes.begin(), key.size(), key.begin());
  std::copy_n(all.begin() + signature_at, signature.size(), signature.begin());
  const auto archive = all.substr(archive_at);
  Package package;
  const bool nobody = key == PublicKey{} && signature == Signature{};
  if (!nobody) {
    if (std::find(trust.keys.begin(), trust.keys.end(), key) == trust.keys.end())
      throw PackageError("the package is signed with the key " + fingerprint(key) +
                         ", which is not among plugins.trusted_keys");
    if (!verify(signed_part(key_bytes, archive), signature, key))
      throw PackageError("the package was changed after it was signed");
    package.signer_ = key;
  } else if (!trust.unsigned_too) {
    throw PackageError("nobody signed the package; plugins.allow_unsigned takes such ones, to develop them");
  }
  package.files_ = unpacked(archive);
  package.manifest_ = manifest_of(package.files_);
  package.sha256_ = auth::sha256_hex(all);
  package.bytes_ = std::move(bytes);
  return package;
}

Package Package::open(const fs::path& file, const Trust& trust) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) throw PackageError("cannot read " + file.string() + ": " + error.message());
  if (size > max_package_bytes)
    throw PackageError(file.string() + " is larger than " + std::to_string(max_package_bytes >> 20) + " MiB");
  try {
    return parse(content_of(file), trust);
  } catch (const archive::ArchiveError& fault) {
    throw PackageError(file.string() + ": " + fault.what());
  } catch (const PackageError& fault) {
    throw PackageError(file.string() + ": " + fault.what());
  }
}

std::vector<std::string> Package::architectures() const {
  std::vector<std::string> found;
  for (const auto& [name, unused] : files_)
    if (const auto one = architecture_of(name, manifest_.id); !one.empty()) found.emplace_back(one);
  return found;
}

std::string Package::unpack(const fs::path& folder) const {
  const auto object = files_.find(std::string(libraries) + architecture() + "/" + manifest_.id + ".so");
  if (object == files_.end())
    throw PackageError(manifest_.id + " " + manifest_.version + " has no shared object for " + architecture());
  if (mkdir(folder.c_str(), 0700) != 0) throw PackageError("cannot make " + folder.string());
  for (const auto& [name, content] : files_) {
    if (name.starts_with(libraries)) continue;
    fs::create_directories((folder / name).parent_path());
    write(folder / name, content);
  }
  write(folder / (manifest_.id + ".so"), object->second);
  return auth::sha256_hex(object->second);
}

std::string pack(const fs::path& folder, const std::optional<SecretKey>& key) {
  const auto manifest = plugins::Manifest::read(folder);
  const auto files = files_of(folder, manifest.id);
  manifest_of(files);
  if (std::none_of(files.begin(), files.end(),
                   [&](const auto& file) { return !architecture_of(file.first, manifest.id).empty(); }))
    throw PackageError(folder.string() + " has no " + manifest.id + ".so: build the plugin first");
  std::string archive;
  archive::Writer writer(archive);
  for (const auto& [name, content] : files) writer.add(name, content);
  writer.finish();
  const PublicKey by = key ? key->public_key() : PublicKey{};
  const std::string_view key_bytes(reinterpret_cast<const char*>(by.data()), by.size());
  const Signature signature = key ? key->sign(signed_part(key_bytes, archive)) : Signature{};
  std::string bytes(magic);
  bytes.append(key_bytes).append(reinterpret_cast<const char*>(signature.data()), signature.size()).append(archive);
  if (bytes.size() > max_package_bytes) throw PackageError("the package would be too large");
  return bytes;
}

}  // namespace kernel::packages
