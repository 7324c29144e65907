#pragma once
#include <span>
#include <string_view>

namespace kernel::cli {

/// A file of sdk/template/LANGUAGE, which the build puts into the program. In path and content stand @ID@, @TABLE@
/// (the id with _ for -), @CLASS@ (in capitals and small letters) and @NAME@.
struct TemplateFile {
  std::string_view language, path, content;
};
std::span<const TemplateFile> plugin_template();

}  // namespace kernel::cli
