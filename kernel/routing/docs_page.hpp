#pragma once
// The documentation page, embedded when the program is built.
#include <string_view>

namespace kernel::routing::docs_page {

extern const std::string_view index_html, app_js, style_css;

}  // namespace kernel::routing::docs_page
