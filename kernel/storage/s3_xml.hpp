#pragma once
// The few fields of S3's XML answers that anybody here reads.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kernel::storage {

/// `path` is as "ListBucketResult/Contents/Key", `text` the characters directly within; called at each end, so that the
/// members of a record come before the record. Throws SqlError (ATRIUM_E_UNAVAILABLE) for what is no plain XML.
void read_s3_xml(const std::string& xml,
                 const std::function<void(std::string_view path, const std::string& text)>& element);
/// The text of the first element with this path; nullopt also when it is no XML.
std::optional<std::string> s3_xml_field(const std::string& xml, std::string_view path);

}  // namespace kernel::storage
