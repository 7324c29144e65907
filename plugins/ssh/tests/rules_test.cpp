#include "rules.hpp"
#include "connection.hpp"

#include <gtest/gtest.h>

using namespace ssh;
using namespace std::string_literals;

namespace {

TEST(AllowList, APatternWithoutStarsIsTheCommandItself) {
  EXPECT_TRUE(matches("uptime", "uptime"));
  EXPECT_TRUE(matches("df -h | tail -1", "df -h | tail -1"));
  for (const auto* other : {"uptime ", " uptime", "uptime;id", "Uptime", "uptime\n", "uptim", ""})
    EXPECT_FALSE(matches("uptime", other)) << other;
}

TEST(AllowList, AStarStandsForAPieceOfOneArgument) {
  EXPECT_TRUE(matches("systemctl status *", "systemctl status nginx.service"));
  EXPECT_TRUE(matches("cp a*.txt b*.txt", "cp a1.txt b22.txt"));
  EXPECT_TRUE(matches("tail -n * /var/log/*.log", "tail -n 20 /var/log/mail.log"));
  EXPECT_TRUE(matches("*", "uptime"));
  EXPECT_FALSE(matches("systemctl status *", "systemctl status "));
  EXPECT_FALSE(matches("systemctl status *", "systemctl status a b"));
  EXPECT_FALSE(matches("systemctl status *", "systemctl stop nginx"));
}

TEST(AllowList, NothingOfAShellPassesAStar) {
  for (const auto* tail : {"a;rm -rf /", "a; id", "$(id)", "`id`", "a\nid", "a\rid", "a|id", "a&id",     "a&&id",
                           "a>b",        "a<b",   "$HOME", "~",    "*",     "?",     "[a]",  "{a,b}",    "'a'",
                           "\"a\"",      "a\\b",  "(id)",  "#",    "!x",    "a\tb",  "a^b",  "\xc3\xa4", "a\x01"})
    EXPECT_FALSE(matches("systemctl status *", "systemctl status "s + tail)) << tail;
  EXPECT_FALSE(matches("systemctl status *", "systemctl status a\0b"s));
}

TEST(AllowList, AStarIsNoOptionAndLeadsToNoOtherFolder) {
  EXPECT_FALSE(matches("systemctl status *", "systemctl status --host=evil"));
  EXPECT_FALSE(matches("systemctl status *", "systemctl status -H"));
  EXPECT_FALSE(matches("*", "-x"));
  EXPECT_TRUE(matches("systemctl status *", "systemctl status a-b"));
  for (const auto* way : {"/var/log/../shadow", "/var/log/..", "/var/log/a/b"})
    EXPECT_FALSE(matches("cat /var/log/*", "cat "s + way)) << way;
  EXPECT_FALSE(matches("cat /var/log/*./x", "cat /var/log/.../x"));
  EXPECT_FALSE(matches("cat /srv/.*", "cat /srv/.."));
}

TEST(AllowList, HostileCommandsAreDecidedAtOnce) {
  const std::string dashes(3'900, 'a');
  EXPECT_FALSE(matches("x*a*a*a*a*a*a*a*a*b", "x" + dashes));
  EXPECT_FALSE(matches("x*", std::string(32'000, 'x')));
}

TEST(AllowList, OneOfManyIsEnough) {
  const std::vector<std::string> patterns{"uptime", "df -h"};
  EXPECT_TRUE(is_allowed(patterns, "df -h"));
  EXPECT_FALSE(is_allowed(patterns, "df"));
  EXPECT_FALSE(is_allowed({}, "df"));
}

TEST(Fingerprints, AreWrittenAsOpenSshDoes) {
  std::string hash;
  for (int i = 0; i < 32; ++i) hash += static_cast<char>(i);
  EXPECT_EQ(fingerprint_of(hash), "SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  EXPECT_TRUE(is_fingerprint(fingerprint_of(hash)));
  for (const auto* other : {"", "SHA256:", "MD5:aa:bb", "SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="})
    EXPECT_FALSE(is_fingerprint(other)) << other;
}

TEST(Base64, IsPadded) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("\xff\x00\xfe"s), "/wD+");
}

TEST(Text, IsToldFromBytes) {
  for (const auto& text : {""s, "abc"s, "\xc3\xa4"s, "\xe2\x82\xac"s, "\xf0\x9f\x98\x80"s, "a\0b"s})
    EXPECT_TRUE(is_utf8(text)) << text;
  for (const auto& bytes :
       {"\xff"s, "\xc3"s, "\xc0\x80"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s, "\xf5\x80\x80\x80"s, "\x80"s, "a\xe2\x82"s})
    EXPECT_FALSE(is_utf8(bytes)) << bytes;
}

TEST(Text, ACutCharacterIsLeftOut) {
  EXPECT_EQ(whole_characters("a\xe2\x82"), "a");
  EXPECT_EQ(whole_characters("a\xe2\x82\xac"), "a\xe2\x82\xac");
  EXPECT_EQ(whole_characters("a\xf0\x9f\x98"), "a");
  EXPECT_EQ(whole_characters("abc"), "abc");
  EXPECT_EQ(whole_characters(""), "");
}

/// The part of a key's file that is read before it is opened.
std::string openssh_key(const std::string& cipher, const std::string& type) {
  const auto string = [](const std::string& text) { return "\0\0\0"s + static_cast<char>(text.size()) + text; };
  const auto body = base64("openssh-key-v1\0"s + string(cipher) + string("none") + string("") + "\0\0\0\1"s +
                           string(string(type) + string("public")) + string("private"));
  return "-----BEGIN OPENSSH PRIVATE KEY-----\n" + body.substr(0, 70) + "\n" + body.substr(70) +
         "\n-----END OPENSSH PRIVATE KEY-----\n";
}

TEST(PrivateKeys, SayWhatTheyAre) {
  const auto plain = key_facts(openssh_key("none", "ssh-ed25519"));
  EXPECT_EQ(plain.fault, "");
  EXPECT_EQ(plain.type, "ssh-ed25519");
  EXPECT_FALSE(plain.encrypted);
  EXPECT_TRUE(key_facts(openssh_key("aes256-ctr", "ecdsa-sha2-nistp256")).encrypted);
  EXPECT_EQ(key_facts(openssh_key("none", "ssh-rsa")).type, "ssh-rsa");
  EXPECT_EQ(key_facts("-----BEGIN RSA PRIVATE KEY-----\nx\n").type, "ssh-rsa");
}

TEST(PrivateKeys, WhatIsNoneIsNamed) {
  EXPECT_NE(key_facts("ssh-ed25519 AAAA x@y").fault.find("public key"), std::string::npos);
  EXPECT_NE(key_facts("PuTTY-User-Key-File-3: ssh-ed25519").fault.find("PuTTY"), std::string::npos);
  EXPECT_NE(key_facts("hunter2").fault.find("no private key"), std::string::npos);
  EXPECT_NE(key_facts("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----").fault, "");
}

}  // namespace
