#include "config/config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace kernel::config {
namespace {

namespace fs = std::filesystem;

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    auto pattern = (fs::temp_directory_path() / "atrium-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~ConfigTest() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  static std::vector<std::string> faults_of(const Inputs& inputs) {
    try {
      load(inputs);
    } catch (const ConfigError& error) {
      return error.faults();
    }
    return {};
  }

  static const Key& key(std::string_view name) {
    for (const auto& candidate : keys()) {
      if (candidate.name == name) return candidate;
    }
    throw std::invalid_argument("no such key");
  }

  fs::path folder_;
};

TEST_F(ConfigTest, WithNothingSaidTheEmbeddedDefaultsHold) {
  const auto config = load({}).config;
  const auto data = fs::current_path() / "atrium-data";
  EXPECT_EQ(config.http.listen, "127.0.0.1:8000");
  EXPECT_EQ(config.data.directory, data.string());
  EXPECT_EQ(config.database.url, "sqlite:" + data.string() + "/atrium.db");
  EXPECT_EQ(config.objects.url, "file:" + data.string() + "/objects");
  EXPECT_EQ(config.cache.url, "memory:");
  EXPECT_EQ(config.http.max_body, 1 << 20);
  EXPECT_GT(config.http.max_upload, 512 << 20);
  EXPECT_FALSE(config.plugins.allow_unsigned);
}

TEST_F(ConfigTest, ArgumentsWinOverTheEnvironmentAndThatOverTheFile) {
  Inputs inputs{.file = file("a.toml",
                             "[http]\n"
                             "listen = \"127.0.0.1:1\"\n"
                             "max_body = 2048\n"
                             "max_upload = 4096\n"),
                .environment = {{"ATRIUM_HTTP_LISTEN", "127.0.0.1:2"}, {"ATRIUM_HTTP_MAX_BODY", "8192"}},
                .arguments = {{"http.listen", "127.0.0.1:3"}}};
  const auto loaded = load(inputs);
  EXPECT_EQ(loaded.config.http.listen, "127.0.0.1:3");
  EXPECT_EQ(loaded.config.http.max_body, 8192);
  EXPECT_EQ(loaded.config.http.max_upload, 4096);
  EXPECT_EQ(loaded.sources.at("http.listen"), "argument");
  EXPECT_EQ(loaded.sources.at("http.max_body"), "environment ATRIUM_HTTP_MAX_BODY");
  EXPECT_EQ(loaded.sources.at("http.max_upload"), inputs.file + ":4");
  EXPECT_EQ(loaded.sources.at("cache.url"), "default");
}

TEST_F(ConfigTest, AnUnknownKeyIsRefusedWithFileLineAndTheNearestOne) {
  const auto path = file("a.toml", "[http]\n\nlissten = \"127.0.0.1:1\"\n");
  EXPECT_EQ(faults_of({.file = path}),
            std::vector<std::string>{path + ":3: unknown key `http.lissten`; did you mean `http.listen`?"});
}

TEST_F(ConfigTest, AWrongTypeIsRefusedWithFileLineAndWhatWasExpected) {
  const auto path = file("a.toml", "[http]\nmax_body = \"big\"\nbehind_proxy = 1\n[egress]\ndeny = [1]\n");
  const auto faults = faults_of({.file = path});
  ASSERT_EQ(faults.size(), 3u);
  EXPECT_EQ(faults[0], path + ":2: `http.max_body`: expected an integer, got a string");
  EXPECT_EQ(faults[1], path + ":3: `http.behind_proxy`: expected `true` or `false`, got an integer");
  EXPECT_EQ(faults[2], path + ":5: `egress.deny`: expected a list of strings, got a list");
}

TEST_F(ConfigTest, AFileThatIsNoTomlIsRefusedWithItsLine) {
  const auto path = file("a.toml", "[http]\nlisten = \n");
  const auto faults = faults_of({.file = path});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_TRUE(faults[0].starts_with(path + ":2: ")) << faults[0];
}

TEST_F(ConfigTest, AFileThatIsNotThereIsRefusedByName) {
  const auto path = (folder_ / "absent.toml").string();
  const auto faults = faults_of({.file = path});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_TRUE(faults[0].starts_with(path)) << faults[0];
}

TEST_F(ConfigTest, AValueOutOfItsBoundsIsRefusedWhereverItComesFrom) {
  for (const auto& [name, text] : std::map<std::string, std::string>{{"http.max_body", "1"},
                                                                     {"http.max_body", "99999999999999999999"},
                                                                     {"http.rate_limit.per_address", "0"},
                                                                     {"http.listen", "127.0.0.1"},
                                                                     {"http.listen", "127.0.0.1:70000"},
                                                                     {"http.listen", "nowhere:80"},
                                                                     {"http.listen", "::1:80"},
                                                                     {"http.cors_origins", "https://a.example/path"},
                                                                     {"egress.deny", "10.0.0.0/33"},
                                                                     {"plugins.enabled", "../evil"},
                                                                     {"database.url", "mysql://x"},
                                                                     {"log.level", "loud"},
                                                                     {"http.behind_proxy", "maybe"}}) {
    const auto variable = environment_name(key(name));
    const auto faults = faults_of({.environment = {{variable, text}}});
    ASSERT_EQ(faults.size(), 1u) << name << " = " << text;
    EXPECT_TRUE(faults[0].starts_with("environment " + variable + ": `" + name + "`: expected ")) << faults[0];
  }
}

TEST_F(ConfigTest, AVariableThatNamesAFileIsReadFromThatFile) {
  const auto path = file("url", "postgresql://atrium:pa55@db/atrium\n");
  const auto loaded = load({.environment = {{"ATRIUM_DATABASE_URL_FILE", path}}});
  EXPECT_EQ(loaded.config.database.url, "postgresql://atrium:pa55@db/atrium");
  EXPECT_EQ(loaded.sources.at("database.url"), "environment ATRIUM_DATABASE_URL_FILE");
}

TEST_F(ConfigTest, AVariableThatNamesAMissingFileIsRefused) {
  const auto faults = faults_of({.environment = {{"ATRIUM_MAIL_URL_FILE", (folder_ / "absent").string()}}});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_TRUE(faults[0].starts_with("environment ATRIUM_MAIL_URL_FILE: cannot read")) << faults[0];
}

TEST_F(ConfigTest, AValueAndItsFileAtOnceAreRefused) {
  const auto path = file("url", "memory:");
  EXPECT_EQ(faults_of({.environment = {{"ATRIUM_CACHE_URL", "memory:"}, {"ATRIUM_CACHE_URL_FILE", path}}}).size(), 1u);
}

TEST_F(ConfigTest, AMisspeltVariableIsWarnedOf) {
  const auto warnings =
      load({.environment = {{"ATRIUM_DATABSE_URL", "x"}, {"ATRIUM_URL", "http://a"}, {"HOME", "/"}}}).warnings;
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("ATRIUM_DATABSE_URL"), std::string::npos);
}

TEST_F(ConfigTest, ListsFromTheEnvironmentAreSeparatedByCommas) {
  const auto loaded =
      load({.environment = {{"ATRIUM_PLUGINS_ENABLED", " one, two ,three"}, {"ATRIUM_EGRESS_DENY", ""}}});
  EXPECT_EQ(loaded.config.plugins.enabled, (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_TRUE(loaded.config.egress.deny.empty());
}

TEST_F(ConfigTest, APublicAddressNeedsTlsOrAProxy) {
  Inputs inputs{.arguments = {{"http.listen", "0.0.0.0:8000"}}};
  const auto faults = faults_of(inputs);
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_NE(faults[0].find("http.behind_proxy"), std::string::npos);
  inputs.environment = {{"ATRIUM_HTTP_BEHIND_PROXY", "true"}};
  EXPECT_TRUE(faults_of(inputs).empty());
  inputs.environment = {{"ATRIUM_HTTP_TLS_CERTIFICATE", "c.pem"}, {"ATRIUM_HTTP_TLS_KEY", "k.pem"}};
  EXPECT_TRUE(faults_of(inputs).empty());
  EXPECT_TRUE(faults_of({.arguments = {{"http.listen", "[::1]:8000"}}}).empty());
}

TEST_F(ConfigTest, ACertificateWithoutItsKeyIsRefused) {
  const auto faults = faults_of({.environment = {{"ATRIUM_HTTP_TLS_CERTIFICATE", "c.pem"}}});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_NE(faults[0].find("http.tls_key"), std::string::npos);
}

TEST_F(ConfigTest, APluginsTableReachesItAsJson) {
  const auto path = file("a.toml", "[plugin.notes]\nlimit = 3\nnames = [\"a\"]\n[plugin.notes.deep]\non = true\n");
  const auto config = load({.file = path}).config;
  EXPECT_EQ(config.plugin.at("notes"), nlohmann::json::parse(R"({"limit": 3, "names": ["a"], "deep": {"on": true}})"));
}

TEST_F(ConfigTest, ShownValuesHideEveryPassword) {
  Config config;
  for (const auto& [url, shown] : std::map<std::string, std::string>{
           {"postgresql://atrium:p@ss@db:5432/atrium", "postgresql://atrium:***@db:5432/atrium"},
           {"postgresql://db/atrium?user=a&password=hidden&sslmode=require",
            "postgresql://db/atrium?user=a&password=***&sslmode=require"},
           {"sqlite:/var/lib/atrium.db", "sqlite:/var/lib/atrium.db"}}) {
    config.database.url = url;
    EXPECT_EQ(masked_value_of(key("database.url"), config), shown);
  }
  config.cache.url = "redis://:hidden@cache:6379";
  EXPECT_EQ(masked_value_of(key("cache.url"), config), "redis://:***@cache:6379");
  const auto table =
      nlohmann::json::parse(R"({"api_key": "hidden", "deep": {"Password": 1}, "url": "https://u:hidden@h/"})");
  EXPECT_EQ(masked_table(table).dump().find("hidden"), std::string::npos);
  EXPECT_EQ(masked_table(table)["url"], "https://u:***@h/");
}

TEST_F(ConfigTest, ChangedKeysNamesWhatDiffers) {
  Config before, after;
  after.log.level = "debug";
  after.http.listen = "127.0.0.1:9";
  const auto changed = changed_keys(before, after);
  ASSERT_EQ(changed.size(), 2u);
  EXPECT_EQ(changed[0]->name, "http.listen");
  EXPECT_FALSE(changed[0]->live);
  EXPECT_EQ(changed[1]->name, "log.level");
  EXPECT_TRUE(changed[1]->live);
}

TEST_F(ConfigTest, TheShippedSampleIsWhatTheSchemaMakes) {
  const fs::path sample = "config/atrium.toml";  // tests run in the source folder
  std::ostringstream text;
  text << std::ifstream(sample).rdbuf();
  EXPECT_EQ(text.str(), sample_file()) << "write it anew: atrium config sample > config/atrium.toml";
}

TEST_F(ConfigTest, TheSampleUncommentedIsTheDefaultConfiguration) {
  std::istringstream sample(sample_file());
  std::string uncommented;
  for (std::string line; std::getline(sample, line);) {
    const auto equals = line.find(" = ");
    const bool is_default = line.starts_with("# ") && equals != std::string::npos && line.find(' ', 2) == equals;
    const bool is_section = line.starts_with("[");
    if (is_default && line != R"(# key = "value")") {
      uncommented += line.substr(2) + "\n";
    } else if (is_section) {
      uncommented += line + "\n";
    }
  }
  const auto loaded = load({.file = file("sample.toml", uncommented)});
  EXPECT_TRUE(changed_keys(load({}).config, loaded.config).empty());
  for (const auto& each : keys()) EXPECT_NE(loaded.sources.at(std::string(each.name)), "default") << each.name;
}

}  // namespace
}  // namespace kernel::config
