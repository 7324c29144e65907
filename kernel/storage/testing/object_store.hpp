#pragma once
// An S3 store for tests: the bucket of ATRIUM_TEST_S3 (an objects.url; tests/support/ceph.py sets it), a folder of its
// own for each test.
#include "egress/client.hpp"
#include "jobs/jobs.hpp"

#include <atomic>
#include <cstdlib>
#include <string>

#include <unistd.h>

namespace kernel::storage::testing {

inline std::string s3_url_or_empty() {
  const char* given = std::getenv("ATRIUM_TEST_S3");
  if (given == nullptr || *given == '\0') return {};
  static std::atomic<int> number = 0;
  std::string url = given;
  const auto folder = "/test-" + std::to_string(getpid()) + '-' + std::to_string(++number);
  return url.insert(std::min(url.find('?'), url.size()), folder);
}

struct Outside {
  jobs::Jobs jobs{{.threads = 1}};
  egress::Client egress{{}, jobs};
};

}  // namespace kernel::storage::testing
