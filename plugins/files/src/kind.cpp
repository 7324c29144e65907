#include "kind.hpp"

#include "text.hpp"

#include <magic.h>

#include <algorithm>
#include <array>
#include <map>
#include <stdexcept>

namespace files {
namespace {

using namespace std::string_view_literals;

constexpr auto unknown = "application/octet-stream"sv;

bool is_type_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
         c == '.' || c == '_';
}
bool is_type(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos || slash == 0 || slash + 1 == text.size()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '/' || is_type_character(c); }) &&
         text.find('/', slash + 1) == text.npos;
}

/// One spelling for types that have several: lower case, no parameters, no "x-".
std::string normal(std::string_view type) {
  static const std::map<std::string_view, std::string_view> aliases{
      {"image/jpg", "image/jpeg"},
      {"image/pjpeg", "image/jpeg"},
      {"image/ms-bmp", "image/bmp"},
      {"image/icon", "image/vnd.microsoft.icon"},
      {"image/ico", "image/vnd.microsoft.icon"},
      {"image/heif", "image/heic"},
      {"image/photoshop", "image/vnd.adobe.photoshop"},
      {"application/gunzip", "application/gzip"},
      {"application/zip-compressed", "application/zip"},
      {"application/rar-compressed", "application/rar"},
      {"application/vnd.rar", "application/rar"},
      {"application/bzip", "application/bzip2"},
      {"application/xml", "text/xml"},
      {"application/rtf", "text/rtf"},
      {"application/dosexec", "application/vnd.microsoft.portable-executable"},
      {"application/msdos-program", "application/vnd.microsoft.portable-executable"},
      {"application/msdownload", "application/vnd.microsoft.portable-executable"},
      {"application/java-applet", "application/java-vm"},
      {"application/python-code", "application/bytecode.python"},
      {"application/sqlite3", "application/vnd.sqlite3"},
      {"binary/octet-stream", unknown},
      {"application/binary", unknown},
      {"application/unknown", unknown},
  };
  type = type.substr(0, type.find(';'));
  std::string out;
  for (const char c : type)
    if (c != ' ' && c != '\t') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (const auto mark = out.find("/x-"); mark != out.npos) out.erase(mark + 1, 2);
  const auto alias = aliases.find(out);
  return alias == aliases.end() ? out : std::string(alias->second);
}

bool one_of(std::string_view type, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), type) != list.end();
}

bool is_media(std::string_view type) {
  return type.starts_with("audio/") || type.starts_with("video/") || type == "application/ogg";
}
/// TrueType and OpenType share a container.
bool is_font(std::string_view type) {
  return type.starts_with("font/") || type.starts_with("application/font-") || type == "application/vnd.ms-opentype";
}
/// Documents that are ZIP archives inside.
bool is_zip(std::string_view type) {
  return type == "application/zip" || type.ends_with("+zip") ||
         type.starts_with("application/vnd.openxmlformats-officedocument.") ||
         type.starts_with("application/vnd.oasis.opendocument.") ||
         (type.starts_with("application/vnd.ms-") && type.ends_with(".12")) ||
         one_of(type, {"application/java-archive", "application/vnd.android.package-archive", "application/xpinstall"});
}
/// Documents in Microsoft's older container.
bool is_ole(std::string_view type) {
  return one_of(type, {"application/ole-storage", "application/cdfv2", "application/msword", "application/vnd.ms-excel",
                       "application/vnd.ms-powerpoint", "application/vnd.ms-office", "application/vnd.ms-outlook",
                       "application/vnd.visio", "application/msi"});
}
/// Text whose type does not say so. "video/mp2t" and "video/vnd.dlna.mpeg-tts" are what desktops take *.ts for.
bool may_be_text(std::string_view type) {
  return type.ends_with("+xml") || type.ends_with("mpegurl") ||
         one_of(type, {"video/mp2t", "video/vnd.dlna.mpeg-tts", "audio/scpls"});
}
/// What a signature tells apart for sure: bytes without it are not of this type.
bool has_signature(std::string_view type) {
  return is_zip(type) || is_ole(type) ||
         one_of(type, {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff",
                       "application/pdf", "application/gzip", "application/bzip2", "application/xz", "application/zstd",
                       "application/7z-compressed", "application/rar", "application/vnd.sqlite3"});
}
bool is_never_text(std::string_view type) {
  if (may_be_text(type)) return false;
  return has_signature(type) || type.starts_with("image/") || is_font(type) || is_media(type);
}

}  // namespace

struct Sniffer::Magic {
  magic_t handle = magic_open(MAGIC_MIME | MAGIC_NO_CHECK_COMPRESS);
  ~Magic() {
    if (handle) magic_close(handle);
  }
};

Sniffer::Sniffer() : magic_(std::make_unique<Magic>()) {
  if (!magic_->handle || magic_load(magic_->handle, nullptr) != 0)
    throw std::runtime_error("libmagic has no database: install libmagic-mgc");
}
Sniffer::~Sniffer() = default;

Kind Sniffer::sniff(std::string_view head) const {
  if (head.empty()) return {.is_empty = true};
  std::string said;
  {
    const std::lock_guard lock(mutex_);
    if (const char* found = magic_buffer(magic_->handle, head.data(), std::min(head.size(), enough))) said = found;
  }
  const std::string_view type = std::string_view(said).substr(0, said.find(';'));
  Kind kind;
  kind.is_text = said.find("charset=") != said.npos && !said.ends_with("charset=binary");
  if (is_type(type)) kind.type = type;
  if (kind.type == unknown && head.starts_with("PK\3\4")) kind.type = "application/zip";
  if (kind.type == unknown && kind.is_text) kind.type = "text/plain";
  return kind;
}

bool fits(std::string_view claim, const Kind& found) {
  const auto claimed = normal(claim), is = normal(found.type);
  if (claimed.empty() || claimed == unknown || claimed == is || found.is_empty) return true;
  if (found.is_text) return !is_never_text(claimed);
  if (is == unknown) return !has_signature(claimed) && !claimed.starts_with("text/");
  if (is_zip(claimed) && is_zip(is)) return claimed == "application/zip" || is == "application/zip";
  if (is_ole(claimed) && is_ole(is)) return true;
  return (is_media(claimed) && is_media(is)) || (is_font(claimed) && is_font(is));
}

}  // namespace files
