#pragma once
#include "samples.hpp"

#include <gtest/gtest.h>
#include <atrium/testing/fake_host.hpp>

namespace samples {

class SamplesTest : public ::testing::Test {
 protected:
  SamplesTest() { host.settings.configuration["answers"] = {{"cellar", "It is cold there."}}; }
  /// A reading as old as that, newest last.
  void keep(const std::string& sensor, std::chrono::microseconds age = {}) {
    const auto id = atrium::Id::make();
    host.db.script("INSERT INTO readings VALUES ('" + id.str() + "', '" + sensor + "', 1.5, " +
                   std::to_string((atrium::Time::now() - age).microseconds) + ")");
  }
  atrium::testing::FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  std::optional<atrium::testing::LoadedPlugin> loaded;
  void SetUp() override { loaded.emplace(host, atrium_plugin_v1()); }
};

}  // namespace samples
