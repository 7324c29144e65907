// multipart/form-data in pieces of any size, and bodies that are none.
#include <atrium/multipart.hpp>

#include <gtest/gtest.h>

namespace atrium {
namespace {

const std::string form = "multipart/form-data; boundary=xYz";

struct Taken {
  MultipartPart head;
  std::string data;
  bool ended = false;
};

/// Everything that the parser says, fed in pieces of this size; 0: in one.
std::vector<Taken> parse_body(const std::string& body, std::size_t piece_size = 0, const std::string& type = form,
                              MultipartLimits limits = {}) {
  std::vector<Taken> parts;
  MultipartParser parser(type,
                         {.begin =
                              [&](const MultipartPart& head) {
                                parts.push_back({head, {}, false});
                              },
                          .data = [&](std::string_view data) { parts.back().data += data; },
                          .end = [&] { parts.back().ended = true; }},
                         limits);
  for (std::size_t at = 0; at < body.size(); at += piece_size) {
    if (piece_size == 0) piece_size = body.size();
    parser.feed(std::string_view(body).substr(at, piece_size));
  }
  parser.finish();
  return parts;
}

std::string part(const std::string& disposition, const std::string& data, const std::string& more = {}) {
  return "--xYz\r\nContent-Disposition: " + disposition + "\r\n" + more + "\r\n" + data + "\r\n";
}
std::string file(const std::string& data) { return part(R"(form-data; name="file"; filename="a.bin")", data); }
const std::string last = "--xYz--\r\n";

int status_of(const std::string& body, const std::string& type = form, MultipartLimits limits = {}) {
  try {
    parse_body(body, 0, type, limits);
    return 200;
  } catch (const Problem& problem) {
    EXPECT_FALSE(problem.detail.empty());
    return problem.status;
  }
}
std::optional<std::string> filename_of(const std::string& parameters) {
  return parse_body(part(R"(form-data; name="file"; )" + parameters, "x") + last).at(0).head.filename;
}

/// Bytes that look like a delimiter for a while, in every way.
const std::string deceptive =
    std::string("\r\r\n\r\n-\r\n--\r\n--x\r\n--xY\r\n--xy\r\n--XYz") + "\r\n\r\n--xY" + std::string("\0\xff\r", 3);

TEST(Multipart, EverySplitOfABodyGivesTheSameParts) {
  const std::string body = "preamble\r\n" + file(deceptive) + part(R"(form-data; name="note")", "") +
                           part(R"(form-data; name="b"; filename="c")", "\r\n", "Content-Type: text/plain\r\n") + last +
                           "epilogue";
  for (std::size_t size = 0; size <= body.size(); ++size) {
    const auto parts = parse_body(body, size);
    ASSERT_EQ(parts.size(), 3U) << size;
    EXPECT_EQ(parts[0].head.name, "file");
    EXPECT_EQ(parts[0].head.filename, "a.bin");
    EXPECT_EQ(parts[0].data, deceptive) << size;
    EXPECT_EQ(parts[1].head.filename, std::nullopt);
    EXPECT_EQ(parts[1].data, "");
    EXPECT_EQ(parts[2].head.type, "text/plain");
    EXPECT_EQ(parts[2].data, "\r\n");
    for (const auto& taken : parts) EXPECT_TRUE(taken.ended);
  }
}

TEST(Multipart, EverySplitInTwoGivesTheSameData) {
  const std::string body = file(deceptive) + last;
  for (std::size_t at = 0; at <= body.size(); ++at) {
    std::string data;
    MultipartParser parser(form, {.data = [&](std::string_view piece) { data += piece; }});
    parser.feed(std::string_view(body).substr(0, at));
    parser.feed(std::string_view(body).substr(at));
    parser.finish();
    EXPECT_EQ(data, deceptive) << at;
  }
}

TEST(Multipart, DataIsHandedOnAsItComes) {
  std::size_t seen = 0;
  MultipartParser parser(form, {.data = [&](std::string_view piece) { seen += piece.size(); }});
  parser.feed("--xYz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n");
  for (int i = 1; i <= 100; ++i) {
    parser.feed(std::string(1000, 'x'));
    EXPECT_EQ(seen, 1000U * static_cast<std::size_t>(i));
  }
}

TEST(Multipart, ABodyCutAnywhereIsRefused) {
  const std::string body = file("hello") + "--xYz--";
  for (std::size_t size = 0; size < body.size(); ++size) EXPECT_EQ(status_of(body.substr(0, size)), 400) << size;
  EXPECT_EQ(status_of(body), 200);
}

TEST(Multipart, TheTypeMustBeAFormWithABoundary) {
  for (const auto* type :
       {"", "application/json", "multipart/mixed; boundary=xYz", "multipart/form-dataX; boundary=xYz"})
    EXPECT_EQ(status_of(file("x") + last, type), 415) << type;
  for (const std::string type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a; boundary=b"})
    EXPECT_NE(status_of(file("x") + last, type), 200) << type;
  EXPECT_EQ(status_of("x", "multipart/form-data; boundary=" + std::string(71, 'a')), 400);
  for (const auto* type : {"Multipart/Form-Data;boundary=xYz", R"(multipart/form-data; charset=utf-8; Boundary="xYz")"})
    EXPECT_EQ(status_of(file("x") + last, type), 200) << type;
  EXPECT_EQ(status_of(file("x") + last, "multipart/form-data; boundary=other"), 400);
}

TEST(Multipart, NamesAreReadAsClientsWriteThem) {
  EXPECT_EQ(filename_of(R"(filename="a b.txt")"), "a b.txt");
  EXPECT_EQ(filename_of("filename=plain.txt"), "plain.txt");
  EXPECT_EQ(filename_of(R"(filename="a\"b\\c.txt")"), R"(a"b\c.txt)") << "curl";
  EXPECT_EQ(filename_of("filename=\"a%22b%0D%0A%41.txt\""), "a\"b\r\n%41.txt") << "browsers";
  EXPECT_EQ(filename_of(R"(filename="C:\dir\x.txt")"), R"(C:\dir\x.txt)") << "old browsers";
  EXPECT_EQ(filename_of("filename=\"\xc3\xa4;=.txt\""), "\xc3\xa4;=.txt");
  EXPECT_EQ(filename_of(R"(filename="x"; filename*=UTF-8''%c3%a4%20b.txt)"), "\xc3\xa4 b.txt");
  EXPECT_EQ(filename_of(R"(filename="")"), "");
}

TEST(Multipart, HeadsThatAreNoneAreRefused) {
  const auto head = [](const std::string& lines) { return status_of("--xYz\r\n" + lines + "\r\n\r\nx\r\n" + last); };
  EXPECT_EQ(head("Content-Disposition: form-data; name=\"file\""), 200);
  for (const auto* lines :
       {"X: y", "no header", ": x", "Content-Disposition: attachment; name=\"file\"", "Content-Disposition: form-data",
        "Content-Disposition: form-data; name=\"\"", "Content-Disposition: form-data; name=\"file",
        "Content-Disposition: form-data; name=\"file\"; filename=\"a\r\nb\"",
        "Content-Disposition: form-data; name=\"file\"; filename=\"a\rb\"",
        "Content-Disposition: form-data; name=\"file\"; filename=\"a\nb\"",
        "Content-Disposition: form-data; name=\"file\"; filename*=latin1''x",
        "Content-Disposition: form-data; name=\"file\"; name=\"b\"", "Content-Disposition: form-data; name=\"a\"x",
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
        "Content-Disposition: form-data;\r\n name=\"folded\"",
        "Content-Disposition: form-data; name=\"file\"\r\nContent-Transfer-Encoding: base64"})
    EXPECT_EQ(head(lines), 400) << lines;
  EXPECT_EQ(status_of("--xYz\nContent-Disposition: form-data; name=\"file\"\n\nx\n--xYz--"), 400);
  EXPECT_EQ(status_of(file("x") + "--xYzAndMore\r\n"), 400);
  EXPECT_EQ(status_of(file("x") + "--xYz-\r\n"), 400);
  EXPECT_EQ(status_of("--xYz  \t\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--xYz--"), 200);
}

TEST(Multipart, NothingIsUnbounded) {
  const MultipartLimits limits{.parts = 2, .head_bytes = 200, .outside_bytes = 100};
  EXPECT_EQ(status_of(file("x") + file("x") + last, form, limits), 200);
  EXPECT_EQ(status_of(file("x") + file("x") + file("x") + last, form, limits), 400);
  EXPECT_EQ(status_of("--xYz\r\nX: " + std::string(300, 'x'), form, limits), 400);
  EXPECT_EQ(status_of(std::string(200, 'x') + "\r\n" + file("x") + last, form, limits), 400);
  EXPECT_EQ(status_of(file("x") + last + std::string(200, 'x'), form, limits), 400);
  EXPECT_EQ(status_of("--xYz" + std::string(1000, ' '), form, limits), 400);
}

TEST(Multipart, WhatAnEventThrowsEndsIt) {
  MultipartParser parser(form, {.begin = [](const MultipartPart&) { throw invalid("/file", "no"); }});
  EXPECT_THROW(parser.feed(file("x")), Problem);
}

}  // namespace
}  // namespace atrium
