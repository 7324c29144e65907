// kill -9 in the middle of writes: what was answered is there, and the logs agree with it.
#include "storage/audit.hpp"
#include "storage/testing/database_fixture.hpp"

#include <sys/wait.h>
#include <csignal>
#include <functional>
#include <optional>

namespace kernel::storage {
namespace {

using namespace testing;

class CrashTest : public DatabaseTest {
 protected:
  /// In the child: writes with eight at once and tells the id of each write that was answered.
  [[noreturn]] void write_until_killed(int pipe) const {
    auto database = open_with_items();
    std::function<void(int)> next = [&](int number) {
      const auto id = std::to_string(number);
      database->submit(
          {"user", "u", "", ""},
          [id](Transaction& t) {
            insert_item(t, id);
            record_item(t, id);
            return ATRIUM_OK;
          },
          60s,
          [&, number, pipe](std::int32_t status, const std::string&) {
            if (status != ATRIUM_OK) _exit(1);
            const auto line = std::to_string(number) + '\n';
            if (write(pipe, line.data(), line.size()) < 0) _exit(1);
            next(number + 8);
          });
    };
    for (int i = 0; i < 8; ++i) next(i);
    for (;;) pause();
  }
};
ATRIUM_ON_BOTH_DIALECTS(CrashTest);

TEST_P(CrashTest, NothingThatWasAnsweredIsLost) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const auto child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    write_until_killed(ends[1]);
  }
  close(ends[1]);
  std::string answered;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while (answered.size() < 4000 && (got = read(ends[0], buffer.data(), buffer.size())) > 0)
    answered.append(buffer.data(), static_cast<std::size_t>(got));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while ((got = read(ends[0], buffer.data(), buffer.size())) > 0)
    answered.append(buffer.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  ASSERT_GE(answered.size(), 4000U) << "the child ended by itself";

  auto database = open_database();
  for (std::size_t begin = 0, end = 0; (end = answered.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto id = std::string_view(answered).substr(begin, end - begin);
    EXPECT_EQ(text_of(*database, "SELECT id FROM items WHERE id = ?", {id}), id);
  }
  const auto items = number_of(*database, "SELECT count(*) FROM items");
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM events"), items);
  EXPECT_EQ(number_of(*database, "SELECT max(sequence) FROM events"), items);
  EXPECT_EQ(number_of(*database, "SELECT count(*) FROM audit"), items);
  EXPECT_EQ(verify_audit(*database, key_, {}), std::nullopt);
}

}  // namespace
}  // namespace kernel::storage
