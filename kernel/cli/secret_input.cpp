#include "cli/secret_input.hpp"

#include "cli/failure.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

namespace kernel::cli {
namespace {

constexpr std::size_t longest_secret = 1024;

/// The terminal of this process, also where standard input is a pipe; echo is put back whatever happens.
class Terminal {
 public:
  explicit Terminal(const std::string& what) : file_(open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (file_ < 0)
      throw Failure("cannot ask for " + what +
                    " without a terminal; give --password-file FILE, or `-` for standard input");
    tcgetattr(file_, &before_);
  }
  ~Terminal() {
    tcsetattr(file_, TCSAFLUSH, &before_);
    close(file_);
  }
  Terminal(const Terminal&) = delete;

  std::string line(const std::string& prompt, bool echo) {
    auto mode = before_;
    if (!echo) mode.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(file_, TCSAFLUSH, &mode);
    say(prompt + ": ");
    std::string text;
    for (char c = 0; read(file_, &c, 1) == 1 && c != '\n';) {
      if (text.size() < longest_secret) text.push_back(c);
    }
    if (!echo) say("\n");
    return text;
  }

  void say(const std::string& text) {
    if (write(file_, text.data(), text.size()) < 0) throw Failure("cannot write to the terminal");
  }

 private:
  int file_;
  termios before_{};
};

std::string first_line(std::istream& input, const std::string& what, const std::string& from) {
  std::string text;
  std::getline(input, text);
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) throw Failure("no " + what + " in " + from + ": its first line must hold it");
  if (text.size() > longest_secret) throw Failure("the " + what + " in " + from + " is longer than 1024 bytes");
  return text;
}

}  // namespace

std::string read_secret(const std::string& what, const std::string& source, bool confirm) {
  if (source == "-") return first_line(std::cin, what, "standard input");
  if (!source.empty()) {
    std::ifstream file(source, std::ios::binary);
    if (!file)
      throw Failure("cannot read the " + what + " from " + source + "; does the file exist, and may you read it?");
    return first_line(file, what, source);
  }
  Terminal terminal("the " + what);
  const auto secret = terminal.line(what, false);
  if (confirm && terminal.line(what + " again", false) != secret) throw Failure("the two entries differ; try again");
  if (secret.empty()) throw Failure("the " + what + " is empty; try again");
  return secret;
}

std::string ask(const std::string& what) { return Terminal("the " + what).line(what, true); }

}  // namespace kernel::cli
