#pragma once
// What the C++ peers do for a request besides HTTP: verify an HS256 token, read one task by its key from SQLite with a
// statement prepared once, write it as JSON. The least that such an endpoint can do.
#include <nlohmann/json.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sqlite3.h>

#include <ctime>
#include <stdexcept>
#include <string>
#include <string_view>

namespace peer {

inline constexpr std::string_view hello = R"({"status":"healthy","service":"peer","version":"0.1.0","uptime_seconds":1})";

inline std::string decode_base64url(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const auto padding = (4 - padded.size() % 4) % 4;
  padded.append(padding, '=');
  std::string bytes(padded.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
  bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size) - padding);
  return bytes;
}

class Tokens {
 public:
  explicit Tokens(std::string secret) : secret_(std::move(secret)) {}

  bool accept(std::string_view authorization) const {
    if (!authorization.starts_with("Bearer ")) return false;
    const auto token = authorization.substr(7);
    const auto last = token.rfind('.'), first = token.find('.');
    if (last == token.npos || first == last) return false;
    unsigned char expected[32];
    unsigned size = sizeof expected;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
         reinterpret_cast<const unsigned char*>(token.data()), last, expected, &size);
    const auto signature = decode_base64url(token.substr(last + 1));
    if (signature.size() != size || CRYPTO_memcmp(signature.data(), expected, size) != 0) return false;
    const auto claims = nlohmann::json::parse(decode_base64url(token.substr(first + 1, last - first - 1)), nullptr, false);
    return claims.is_object() && claims.value("exp", std::int64_t{0}) > std::time(nullptr);
  }

 private:
  std::string secret_;
};

class Tasks {
 public:
  explicit Tasks(const std::string& path) {
    if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK ||
        sqlite3_prepare_v3(database_, "SELECT id, title, status, priority, description, created_at, updated_at FROM tasks WHERE id = ?", -1,
                           SQLITE_PREPARE_PERSISTENT, &by_id_, nullptr) != SQLITE_OK) {
      throw std::runtime_error(sqlite3_errmsg(database_));
    }
  }

  std::string find(std::string_view id) {
    sqlite3_bind_text(by_id_, 1, id.data(), static_cast<int>(id.size()), SQLITE_STATIC);
    std::string text;
    if (sqlite3_step(by_id_) == SQLITE_ROW) {
      nlohmann::json task;
      for (int i = 0; i < sqlite3_column_count(by_id_); ++i) {
        task[sqlite3_column_name(by_id_, i)] = reinterpret_cast<const char*>(sqlite3_column_text(by_id_, i));
      }
      text = task.dump();
    }
    sqlite3_reset(by_id_);
    return text;
  }

 private:
  sqlite3* database_ = nullptr;
  sqlite3_stmt* by_id_ = nullptr;
};

}  // namespace peer
