#include "auth/qr_code.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kernel::auth {
namespace {

// That phones can read it is tested through the API, with a scanner that others wrote.

TEST(QrCode, is_a_png_in_a_data_uri) {
  const std::string uri = qr_code_data_uri("otpauth://totp/Atrium:ann");
  EXPECT_EQ(uri.find("data:image/png;base64,iVBORw0KGgo"), 0u) << "base64 of a PNG's first bytes";
  EXPECT_LT(uri.size(), 8000u);
}

TEST(QrCode, the_longest_address_fits_and_more_than_a_code_holds_is_refused) {
  EXPECT_NO_THROW(qr_code_data_uri(std::string(1000, 'x')));
  EXPECT_THROW(qr_code_data_uri(std::string(4000, 'x')), std::runtime_error);
}

}  // namespace
}  // namespace kernel::auth
