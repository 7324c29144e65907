#include "auth/qr_code.hpp"

#include <png.h>
#include <qrencode.h>
#include <sodium.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace kernel::auth {
namespace {

constexpr std::size_t pixels_a_module = 6, quiet_modules = 4;  // the standard asks for a quiet zone of four
constexpr png_byte black = 0, white = 255;

struct FreeCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};
using Code = std::unique_ptr<QRcode, FreeCode>;

struct Picture {
  std::size_t width;
  std::vector<png_byte> grey;  ///< width * width, row by row
};

Picture drawn(const QRcode& code) {
  const auto modules = static_cast<std::size_t>(code.width);
  Picture picture{(modules + 2 * quiet_modules) * pixels_a_module, {}};
  picture.grey.assign(picture.width * picture.width, white);
  for (std::size_t y = 0; y < modules * pixels_a_module; ++y)
    for (std::size_t x = 0; x < modules * pixels_a_module; ++x)
      if ((code.data[y / pixels_a_module * modules + x / pixels_a_module] & 1) != 0)
        picture.grey[(y + quiet_modules * pixels_a_module) * picture.width + x + quiet_modules * pixels_a_module] =
            black;
  return picture;
}

std::vector<png_byte> as_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(picture.width);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<png_byte> png(size);
  if (png_image_write_to_memory(&image, png.data(), &size, 0, picture.grey.data(), 0, nullptr) == 0)
    throw std::runtime_error(std::string("no PNG could be written: ") + image.message);
  png.resize(size);
  return png;
}

}  // namespace

std::string qr_code_data_uri(std::string_view text) {
  const Code code(QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()),
                                    0, QR_ECLEVEL_M));
  if (code == nullptr) throw std::runtime_error("no QR code could be made");
  const auto png = as_png(drawn(*code));
  std::string encoded(sodium_base64_ENCODED_LEN(png.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(encoded.data(), encoded.size(), png.data(), png.size(), sodium_base64_VARIANT_ORIGINAL);
  encoded.pop_back();  // the NUL
  return "data:image/png;base64," + encoded;
}

}  // namespace kernel::auth
