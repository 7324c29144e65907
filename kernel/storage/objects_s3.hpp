#pragma once
#include "egress/client.hpp"
#include "storage/objects.hpp"

namespace kernel::storage {

/// Uploads that were begun longer ago than `abandoned_after` are taken for a crash's and ended.
std::unique_ptr<Objects> open_s3_objects(const std::string& url, egress::Client& egress,
                                         std::chrono::seconds abandoned_after = std::chrono::hours(24));

}  // namespace kernel::storage
