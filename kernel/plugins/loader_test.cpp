#include "plugins/loader.hpp"

#include "auth/encoding.hpp"
#include "plugins/breadcrumb.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

namespace kernel::plugins {
namespace {

const std::filesystem::path plugins = TEST_PLUGINS;

Manifest manifest(const std::string& id) {
  Manifest made;
  made.id = id;
  made.version = "1.0.0";
  return made;
}

std::string fault_of(const std::filesystem::path& folder, const Manifest& manifest) {
  try {
    Library::load({folder, {}}, manifest);
  } catch (const LoadError& fault) {
    return fault.what();
  }
  return "loaded";
}

std::string fault_of(const std::string& id) { return fault_of(plugins / id, manifest(id)); }

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "atrium-plugins-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Loader, LoadsAPluginInC) {
  const auto library = Library::load({plugins / "good", {}}, manifest("good"));
  EXPECT_STREQ(library->plugin().id, "good");
}

TEST(Loader, RefusesANewerMinorNamingBothNumbers) {
  EXPECT_EQ(fault_of("newer").find("newer.so: needs ABI 1.7, this kernel has 1.0"), 0U) << fault_of("newer");
}

TEST(Loader, RefusesAnotherIdAndAnotherVersion) {
  EXPECT_NE(fault_of("misnamed").find("\"other\""), std::string::npos) << fault_of("misnamed");
  auto other = manifest("good");
  other.version = "2.0.0";
  EXPECT_NE(fault_of(plugins / "good", other).find("1.0.0"), std::string::npos);
}

TEST(Loader, RefusesAFileWithoutTheEntry) {
  EXPECT_NE(fault_of("mute").find(ATRIUM_ENTRY), std::string::npos) << fault_of("mute");
}

TEST(Loader, RefusesWhatIsNoSharedObjectBeforeLoadingIt) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "good.so") << std::string(200, 'x');
  EXPECT_NE(fault_of(folder.path(), manifest("good")).find("not an ELF"), std::string::npos);
  std::filesystem::resize_file(folder.path() / "good.so", 3);
  EXPECT_NE(fault_of(folder.path(), manifest("good")).find("too short"), std::string::npos);
}

TEST(Loader, RefusesALinkOutOfItsFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_symlink(plugins / "good" / "good.so", folder.path() / "good.so");
  EXPECT_NE(fault_of(folder.path(), manifest("good")).find("leaves the plugin's folder"), std::string::npos);
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Loader, RefusesCodeThatIsNotWhatWasVerified) {
  const auto good = auth::sha256_hex(content_of(plugins / "good" / "good.so"));
  const TemporaryFolder folder;
  std::filesystem::copy_file(plugins / "misnamed" / "misnamed.so", folder.path() / "good.so");
  try {
    Library::load({folder.path(), good}, manifest("good"));
    FAIL() << "was loaded";
  } catch (const LoadError& fault) {
    EXPECT_STREQ(fault.what(), "good.so: is not what the package holds; install the plugin again");
  }
}

TEST(Loader, VerifiedCodeRunsAsItWasWhateverBecomesOfTheFile) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "good.so";
  std::filesystem::copy_file(plugins / "good" / "good.so", file);
  const auto library = Library::load({folder.path(), auth::sha256_hex(content_of(file))}, manifest("good"));
  std::ofstream(file, std::ios::binary | std::ios::trunc) << "nothing";
  EXPECT_STREQ(library->plugin().id, "good");
}

TEST(Loader, LoadsAndUnloadsWithoutAnEnd) {
  const auto verified = auth::sha256_hex(content_of(plugins / "good" / "good.so"));
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_files();
  for (int round = 0; round < 500; ++round) {
    const auto library =
        Library::load({plugins / "good", round % 2 ? verified : ""}, manifest("good"), Library::AtEnd::unload);
    ASSERT_STREQ(library->plugin().id, "good");
  }
  EXPECT_EQ(open_files(), before);
}

TEST(Breadcrumb, ACrashNamesThePluginUntilItIsEnabledAgain) {
  const TemporaryFolder data;
  const auto library = Library::load({plugins / "crashing", {}}, manifest("crashing"));
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    breadcrumb::install(data.path());
    const breadcrumb::Scope scope("crashing");
    atrium_err error{};
    library->plugin().start(nullptr, &error);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGABRT);
  Quarantine quarantine(data.path());
  ASSERT_TRUE(quarantine.list().contains("crashing"));
  EXPECT_NE(quarantine.list().at("crashing").find("SIGABRT"), std::string::npos);
  quarantine.clear("crashing");
  EXPECT_TRUE(quarantine.list().empty());
}

TEST(Breadcrumb, ACrashOfTheKernelItselfBlamesNobody) {
  const TemporaryFolder data;
  const pid_t child = fork();
  if (child == 0) {
    breadcrumb::install(data.path());
    { const breadcrumb::Scope scope("innocent"); }
    raise(SIGABRT);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(Quarantine(data.path()).list().empty());
}

}  // namespace
}  // namespace kernel::plugins
