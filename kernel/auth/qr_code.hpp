#pragma once
#include <string>
#include <string_view>

namespace kernel::auth {

/// `data:image/png;base64,...`: a QR code that says `text` (at most about 2300 bytes), large enough for a phone to read
/// it off a screen. Throws std::runtime_error when there is too much text or no memory. [any thread]
std::string qr_code_data_uri(std::string_view text);

}  // namespace kernel::auth
