#include "observability/metrics.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace kernel::observability {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

/// What `promtool check metrics` wants, as far as it can be read off a line: each family described once and before its
/// samples, each sample well formed and there once.
void expect_well_formed(const std::string& text) {
  const std::regex sample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? ([-+]?[0-9.e+-]+|[+-]Inf|Nan|NaN))re");
  std::set<std::string> described, samples;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) continue;
    if (line.starts_with("# HELP ")) {
      const auto name = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(described.insert(name).second) << name;
      EXPECT_GT(line.size(), 8 + name.size()) << name << " has no help";
      continue;
    }
    EXPECT_TRUE(std::regex_match(line, sample)) << line;
    EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
  }
}

TEST(Metrics, CountersGaugesAndHistogramsAreExposed) {
  Metrics metrics;
  metrics.add("atrium_mails_total", {{"kind", "welcome"}}, 2, "Mails sent.");
  metrics.add("atrium_mails_total", {{"kind", "welcome"}}, 1);
  metrics.set("atrium_queue_depth", {}, 7);
  metrics.observe("atrium_wait_seconds", {}, 0.02);
  const auto text = metrics.text();
  EXPECT_TRUE(has_line(text, "# HELP atrium_mails_total Mails sent."));
  EXPECT_TRUE(has_line(text, "# TYPE atrium_mails_total counter"));
  EXPECT_TRUE(has_line(text, "atrium_mails_total{kind=\"welcome\"} 3"));
  EXPECT_TRUE(has_line(text, "atrium_queue_depth 7"));
  EXPECT_TRUE(has_line(text, "atrium_wait_seconds_count 1"));
  EXPECT_NE(text.find("atrium_wait_seconds_bucket{le=\"0.025\"} 1"), std::string::npos);
  expect_well_formed(text);
}

TEST(Metrics, ACounterGetsItsSuffix) {
  Metrics metrics;
  metrics.add("atrium_mails", {}, 1);
  EXPECT_TRUE(has_line(metrics.text(), "atrium_mails_total 1"));
}

TEST(Metrics, ATotalKeptElsewhereIsACounter) {
  Metrics metrics;
  double done = 5;
  metrics.collect([&](Metrics& out) { out.set("atrium_jobs_done_total", {}, done); });
  EXPECT_TRUE(has_line(metrics.text(), "atrium_jobs_done_total 5"));
  done = 9;
  const auto text = metrics.text();
  EXPECT_TRUE(has_line(text, "atrium_jobs_done_total 9"));
  EXPECT_TRUE(has_line(text, "# TYPE atrium_jobs_done_total counter"));
}

TEST(Metrics, AFailingReadingSparesTheOthers) {
  testing::internal::CaptureStderr();
  Metrics metrics;
  metrics.collect([](Metrics&) { throw std::runtime_error("no database"); });
  metrics.collect([](Metrics& out) { out.set("atrium_up", {}, 1); });
  EXPECT_TRUE(has_line(metrics.text(), "atrium_up 1"));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("no database"), std::string::npos);
}

TEST(Metrics, LabelSetsOfANameAreBounded) {
  Metrics metrics;
  for (int i = 0; i < 1500; ++i) metrics.add("atrium_seen_total", {{"id", std::to_string(i)}}, 1);
  const auto text = metrics.text();
  EXPECT_TRUE(has_line(text, "atrium_seen_total{id=\"999\"} 1"));
  EXPECT_EQ(text.find("atrium_seen_total{id=\"1000\"}"), std::string::npos);
  EXPECT_TRUE(has_line(text, "atrium_metrics_dropped_total{reason=\"label_sets\"} 500"));
}

TEST(Metrics, HostileNamesAndLabelsCannotBreakTheExposition) {
  Metrics metrics;
  metrics.add("bad name", {}, 1);
  metrics.add("", {}, 1);
  metrics.set("a", {{"bad-label", "x"}}, 1);
  metrics.set("b", {{"__reserved", "x"}}, 1);
  metrics.observe("c", {{"le", "x"}}, 1);
  metrics.set("d", {{"v", "quote\" back\\slash new\nline \xff \x1b"}}, 1, "help\nwith \\n a line");
  metrics.set("e", {{"v", std::string(100'000, 'x')}}, 1);
  metrics.add("f_total", {}, -1);
  metrics.add("f_total", {}, std::numeric_limits<double>::quiet_NaN());
  const auto text = metrics.text();
  expect_well_formed(text);
  EXPECT_TRUE(has_line(text, "atrium_metrics_dropped_total{reason=\"invalid\"} 7"));
  EXPECT_LT(text.size(), 20'000u);
}

TEST(Metrics, TheFirstUseDecidesTheType) {
  Metrics metrics;
  metrics.set("atrium_x", {}, 1);
  metrics.observe("atrium_x", {}, 1);
  const auto text = metrics.text();
  EXPECT_TRUE(has_line(text, "atrium_x 1"));
  EXPECT_TRUE(has_line(text, "atrium_metrics_dropped_total{reason=\"type\"} 1"));
}

TEST(Metrics, RequestsAreCountedByMethodRouteAndClass) {
  Metrics metrics;
  metrics.request("GET", "/items/{id}", 200, 0.002);
  metrics.request("GET", "/items/{id}", 204, 0.02);
  metrics.request("GET", "/items/{id}", 404, 400);
  const auto text = metrics.text();
  const std::string ok = "{method=\"GET\",route=\"/items/{id}\",status=\"2xx\"";
  EXPECT_TRUE(has_line(text, "atrium_http_request_duration_seconds_count" + ok + "} 2"));
  EXPECT_TRUE(has_line(text, "atrium_http_request_duration_seconds_bucket" + ok + ",le=\"0.0025\"} 1"));
  EXPECT_TRUE(has_line(text, "atrium_http_request_duration_seconds_bucket" + ok + ",le=\"0.025\"} 2"));
  EXPECT_NE(text.find("status=\"4xx\",le=\"300\"} 0"), std::string::npos);
  EXPECT_NE(text.find("status=\"4xx\",le=\"+Inf\"} 1"), std::string::npos);
  expect_well_formed(text);
}

TEST(Metrics, RequestsFromManyThreadsAreAllCounted) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        metrics.request("GET", "/r/" + std::to_string(i % 50), 200, 0.001);
        if (i % 1000 == 0) metrics.text();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto text = metrics.text();
  EXPECT_TRUE(
      has_line(text, "atrium_http_request_duration_seconds_count{method=\"GET\",route=\"/r/7\",status=\"2xx\"} 400"));
}

TEST(Metrics, RoutesBeyondTheBoundShareOneSeries) {
  Metrics metrics;
  for (int i = 0; i < 4100; ++i) metrics.request("GET", std::to_string(i), 200, 0);
  EXPECT_NE(metrics.text().find("method=\"other\",route=\"other\",status=\"0xx\"} 100"), std::string::npos);
}

TEST(Metrics, TheProcessIsMeasured) {
  Metrics metrics;
  const auto text = metrics.text();
  for (const auto* name : {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                           "process_threads", "process_start_time_seconds", "atrium_uptime_seconds"}) {
    EXPECT_NE(text.find(std::string("\n") + name + " "), std::string::npos) << name;
  }
  expect_well_formed(text);
}

}  // namespace
}  // namespace kernel::observability
