#pragma once
// Names of files: what clients call them, made fit to be shown. No name ever becomes a path here.
#include <string>
#include <string_view>

namespace files {

/// The last segment of what a client sent, in valid UTF-8, without characters that control or reorder a line, at most
/// 255 bytes with its extension kept; "file" when nothing is left.
std::string display_name(std::string_view sent);

/// RFC 6266: attachment, with the name for old clients and the whole name for all others.
std::string content_disposition(std::string_view display_name);

}  // namespace files
