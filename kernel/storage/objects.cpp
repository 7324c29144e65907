#include "storage/objects.hpp"

#include "storage/database.hpp"
#include "storage/objects_s3.hpp"

#include <algorithm>

namespace kernel::storage {

std::unique_ptr<Objects> Objects::open(const std::string& url, egress::Client& egress) {
  constexpr std::string_view file = "file:";
  if (url.starts_with("s3+")) return open_s3_objects(url, egress);
  if (!url.starts_with(file) || url.size() == file.size())
    throw SqlError(ATRIUM_E_INVALID,
                   "objects.url must be file:DIRECTORY or s3+https://KEY:SECRET@HOST:PORT/BUCKET?region=REGION");
  return open_folder(url.substr(file.size()));
}

void Objects::check_id(std::string_view id) {
  const bool good = !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (!good) throw SqlError(ATRIUM_E_INVALID, "an object's id is 1 to 128 letters, digits, '_' or '-'");
}

}  // namespace kernel::storage
