#include "probes/redis.hpp"

#include "probes/remote.hpp"

#include <hiredis/hiredis.h>

#include <array>
#include <stdexcept>

namespace kernel::probes {
namespace {

/// hiredis speaks the protocol; Debian's knows no TLS, so the connection is ours.
class Conversation {
 public:
  explicit Conversation(Poco::Net::StreamSocket socket) : socket_(std::move(socket)), reader_(redisReaderCreate()) {}
  ~Conversation() { redisReaderFree(reader_); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Throws what the server says against it.
  void say(const std::vector<std::string>& words) {
    send(words);
    void* reply = nullptr;
    std::array<char, 512> buffer;
    for (int reads = 0; reply == nullptr; ++reads) {
      const int length = reads < most_reads ? socket_.receiveBytes(buffer.data(), buffer.size()) : 0;
      if (length <= 0) throw std::runtime_error("closes the connection");
      if (redisReaderFeed(reader_, buffer.data(), static_cast<std::size_t>(length)) != REDIS_OK ||
          redisReaderGetReply(reader_, &reply) != REDIS_OK)
        throw std::runtime_error("does not speak Redis' protocol");
    }
    const auto* answer = static_cast<redisReply*>(reply);
    const std::string fault = answer->type == REDIS_REPLY_ERROR ? std::string(answer->str, answer->len) : "";
    freeReplyObject(reply);
    if (!fault.empty()) throw std::runtime_error(fault);
  }

 private:
  static constexpr int most_reads = 16;

  void send(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) texts.push_back(word.data()), sizes.push_back(word.size());
    char* command = nullptr;
    const auto length = redisFormatCommandArgv(&command, static_cast<int>(words.size()), texts.data(), sizes.data());
    if (length < 0) throw std::runtime_error("the command cannot be written");
    const std::string text(command, static_cast<std::size_t>(length));
    redisFreeCommand(command);
    socket_.sendBytes(text.data(), static_cast<int>(text.size()));
  }

  Poco::Net::StreamSocket socket_;
  redisReader* reader_;
};

}  // namespace

Finding probe_redis(const std::string& url, std::chrono::milliseconds patience) {
  if (!url.starts_with("redis")) return {Status::disabled, "the cache is this process's own"};
  const Remote remote = remote_of(url, "rediss", 6379, 6379);
  const std::string server = remote.host + ':' + std::to_string(remote.port);
  try {
    Conversation redis(connect(remote, patience));
    if (!remote.password.empty()) {
      if (remote.user.empty())
        redis.say({"AUTH", remote.password});
      else
        redis.say({"AUTH", remote.user, remote.password});
    }
    redis.say({"PING"});
    return {Status::ok, server + " answers"};
  } catch (const std::exception& fault) {
    return {Status::down, explained(server, fault)};
  }
}

}  // namespace kernel::probes
