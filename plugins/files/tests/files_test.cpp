// Uploads, downloads, links, tools and the sweep.
#include <atrium/testing/fake_host.hpp>

#include <gtest/gtest.h>

using namespace atrium::testing;
using namespace std::chrono_literals;
using atrium::Json;

namespace {

const std::string task = atrium::Id::make().str(), agent = atrium::Id::make().str();
const Headers multipart{{"content-type", "multipart/form-data; boundary=xYz"}};

std::string part(const std::string& data, const std::string& disposition = R"(name="file"; filename="a.txt")",
                 const std::string& type = {}) {
  return "--xYz\r\nContent-Disposition: form-data; " + disposition + "\r\n" +
         (type.empty() ? "" : "Content-Type: " + type + "\r\n") + "\r\n" + data + "\r\n";
}

class Files : public ::testing::Test {
 protected:
  Files() {
    host.services.provide("tasks/directory", [this](const atrium::Call& call) -> Json {
      if (task_is_gone || call.json().at("id") != task) throw atrium::not_found();
      return {{"id", task}};
    });
  }
  Response send(const std::string& parts, const std::string& query = {}, const Who& who = member) {
    return host.request("POST", "/files/upload" + query, parts + "--xYz--\r\n", who, multipart);
  }
  Json keep(const std::string& data, const std::string& query = {}) {
    const auto made = send(part(data), query);
    EXPECT_EQ(made.status, 201) << made.body;
    return made.json();
  }
  static std::string path(const Json& file) { return "/files/" + file["id"].get<std::string>(); }
  Response download(const Json& file, const Headers& headers = {}) {
    return host.get(path(file) + "/download", member, headers);
  }
  void expect_nothing_is_left() {
    EXPECT_TRUE(host.objects.stored.empty());
    EXPECT_EQ(host.objects.uploads, 0);
    EXPECT_EQ(host.get("/files").json()["total"], 0);
    EXPECT_TRUE(host.events.recorded().empty());
  }
  FakeHost host{ATRIUM_PLUGIN_SOURCE_DIR};
  bool task_is_gone = false;
  LoadedPlugin plugin{host, atrium_plugin_v1()};
};

TEST_F(Files, AnUploadIsKeptListedAndAnnounced) {
  const auto made = send(part("hello\n"), "?task_id=" + task);
  ASSERT_EQ(made.status, 201) << made.body;
  const auto file = made.json();
  EXPECT_EQ(file["filename"], "a.txt");
  EXPECT_EQ(file["content_type"], "text/plain");
  EXPECT_EQ(file["size_bytes"], 6);
  EXPECT_EQ(file["sha256"], fake_digest("hello\n"));
  EXPECT_EQ(file["task_id"], task);
  EXPECT_EQ(file["uploaded_by"], member.id);
  EXPECT_EQ(made.header("location"), "/api/v1" + path(file));
  EXPECT_EQ(host.get(path(file)).json(), file);
  EXPECT_EQ(host.get("/files?task_id=" + task).json()["items"], Json::array({file}));
  EXPECT_EQ(host.get("/files?task_id=" + agent).json()["total"], 0);
  EXPECT_EQ(host.events.last("file.created").json(), file);
  EXPECT_EQ(host.objects.stored.at(file["id"].get<std::string>()).bytes, "hello\n");
}

TEST_F(Files, EveryPieceSizeGivesTheSameBytes) {
  const std::string data = "one\r\n--xY\r\ntwo", body = part(data) + "--xYz--\r\n";
  for (const std::size_t size : {1U, 2U, 7U, 64U, 100U}) {
    const auto sent = host.begin("POST", "/files/upload", body, member, {.headers = multipart, .piece_size = size});
    ASSERT_TRUE(sent.answered());
    EXPECT_EQ(download(sent.response().json()).body, data) << size;
  }
}

TEST_F(Files, BodiesThatAreNoFormAreRefused) {
  EXPECT_EQ(host.request("POST", "/files/upload", "{}", member, {{"content-type", "application/json"}}).status, 415);
  EXPECT_EQ(host.request("POST", "/files/upload", part("x"), member, multipart).status, 400) << "no closing boundary";
  EXPECT_EQ(host.request("POST", "/files/upload", "", member, multipart).status, 400);
  EXPECT_EQ(send("").pointers(), std::set<std::string>{"/file"});
  EXPECT_EQ(send(part("x", R"(name="file")")).pointers(), std::set<std::string>{"/file"});
  EXPECT_EQ(send(part("x", R"(name="other"; filename="a")")).pointers(), std::set<std::string>{"/other"});
  EXPECT_EQ(send(part("x") + part("y")).pointers(), std::set<std::string>{"/file"});
  expect_nothing_is_left();
}

TEST_F(Files, AClaimOfAnotherKindIsRefused) {
  const auto refused = send(part("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", R"(name="file"; filename="a.png")", "image/png"));
  EXPECT_EQ(refused.pointers(), std::set<std::string>{"/file"});
  EXPECT_NE(refused.body.find("application/pdf"), std::string::npos);
  expect_nothing_is_left();
}

TEST_F(Files, TheTypeIsFoundBeforeTheRestArrives) {
  std::string large(300'000, 'x');
  const auto sent = host.begin("POST", "/files/upload", part(large, R"(name="file"; filename="a")", "image/png"),
                               member, {.headers = multipart, .piece_size = 10'000});
  ASSERT_TRUE(sent.answered());
  EXPECT_EQ(sent.response().status, 422) << "although the body has no end";
}

TEST_F(Files, TheTaskMustExist) {
  EXPECT_EQ(send(part("x"), "?task_id=" + agent).pointers(), std::set<std::string>{"?task_id"});
  EXPECT_EQ(send(part("x"), "?task_id=7").pointers(), std::set<std::string>{"?task_id"});
  expect_nothing_is_left();
}

TEST_F(Files, AViewerOnlyReads) {
  const auto file = keep("x");
  EXPECT_EQ(send(part("x"), {}, viewer).status, 403);
  EXPECT_EQ(host.remove(path(file), viewer).status, 403);
  for (const auto* what : {"", "/download", "/url"}) EXPECT_EQ(host.get(path(file) + what, viewer).status, 200);
  for (const auto* what : {"", "/download", "/url"}) EXPECT_EQ(host.get(path(file) + what, nobody).status, 401);
}

TEST_F(Files, ADiskThatIsFullLeavesNothing) {
  host.objects.fails_to_finish = true;
  EXPECT_EQ(send(part("x")).status, 503);
  expect_nothing_is_left();
}

TEST_F(Files, ADownloadIsWholeOrARange) {
  const auto file = keep("0123456789");
  const auto whole = download(file);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, "0123456789");
  EXPECT_EQ(whole.header("content-type"), "text/plain");
  EXPECT_EQ(whole.header("etag"), '"' + file["sha256"].get<std::string>() + '"');
  EXPECT_EQ(whole.header("accept-ranges"), "bytes");
  EXPECT_EQ(whole.header("content-disposition"), "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt");
  EXPECT_EQ(whole.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(whole.header("cache-control"), "private, no-cache");

  const auto part = download(file, {{"range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.header("content-range"), "bytes 2-4/10");
  const auto none = download(file, {{"range", "bytes=10-"}});
  EXPECT_EQ(none.status, 416);
  EXPECT_EQ(none.header("content-range"), "bytes */10");
  EXPECT_EQ(download(file, {{"range", "bytes=2-4"}, {"if-range", "\"other\""}}).body, "0123456789");
}

TEST_F(Files, WhatTheClientHasIsNotSentAgain) {
  const auto file = keep("0123456789");
  const auto tag = download(file).header("etag"), date = download(file).header("last-modified");
  for (const auto& condition : {Headers{{"if-none-match", tag}}, Headers{{"if-modified-since", date}}}) {
    const auto same = download(file, condition);
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.body, "");
    EXPECT_EQ(same.header("etag"), tag);
  }
  EXPECT_EQ(download(file, {{"if-match", "\"other\""}}).status, 412);
}

TEST_F(Files, ALinkWorksWithoutATokenAndNoByteOfItMayChange) {
  const auto file = keep("x");
  const auto link = host.get(path(file) + "/url").json();
  const auto url = link["url"].get<std::string>();
  const std::string origin = "http://atrium.test/api/v1";
  ASSERT_TRUE(url.starts_with(origin + path(file) + "/download?")) << url;
  EXPECT_EQ(host.get(url.substr(origin.size()), nobody).body, "x");
  EXPECT_EQ(host.get(url.substr(origin.size()) + "x", nobody).status, 403);
  const auto expires = atrium::Time::parse(link["expires_at"].get<std::string>());
  EXPECT_NEAR(static_cast<double>((*expires).microseconds - atrium::Time::now().microseconds) / 1e6, 3600, 60);
}

TEST_F(Files, AStoreThatMakesLinksIsAsked) {
  host.objects.makes_urls = true;
  const auto file = keep("x");
  EXPECT_EQ(host.get(path(file) + "/url").json()["url"],
            "https://store.test/" + file["id"].get<std::string>() + "?valid=3600");
}

TEST_F(Files, RemovingTakesTheRowAndTheBytes) {
  const auto file = keep("x");
  EXPECT_EQ(host.request("DELETE", path(file), {}, member, {{"if-match", "\"7\""}}).status, 412);
  EXPECT_EQ(host.remove(path(file), other_member).status, 204);
  EXPECT_EQ(host.remove(path(file)).status, 404);
  for (const auto* what : {"", "/download", "/url"}) EXPECT_EQ(host.get(path(file) + what).status, 404);
  EXPECT_TRUE(host.objects.stored.empty());
  EXPECT_EQ(host.events.last("file.deleted").json(), file);
}

TEST_F(Files, TheSweepRemovesOldBytesWithoutARowAndNothingElse) {
  const auto file = keep("x")["id"].get<std::string>();
  for (int i = 0; i < 500; ++i) host.objects.stored["orphan-" + std::to_string(i)] = {"x", 3601};
  host.objects.stored["young"] = {"x", 3599};
  host.objects.stored.at(file).age_seconds = 100'000;
  host.advance(1ms);
  EXPECT_EQ(host.objects.stored.size(), 2U) << "when it starts";
  EXPECT_TRUE(host.objects.stored.contains(file));
  host.objects.stored.at("young").age_seconds = 3600;
  host.advance(59min);
  EXPECT_TRUE(host.objects.stored.contains("young"));
  host.advance(1min);
  EXPECT_FALSE(host.objects.stored.contains("young")) << "every hour";
}

TEST_F(Files, AnAgentReadsTextAPieceAtATime) {
  const auto file = keep(
      "ab\xc3\xa4\xc3\xb6"
      "cd");
  const Json arguments{{"file_id", file["id"]}, {"max_bytes", 5}};
  const auto first = host.use_tool("file_read", arguments, agent).json;
  EXPECT_EQ(first["content"], "ab\xc3\xa4") << "no character is cut";
  EXPECT_EQ(first["encoding"], "utf-8");
  EXPECT_EQ(first["next_offset"], 4);
  const auto rest = host.use_tool("file_read", {{"file_id", file["id"]}, {"offset", 4}}, agent).json;
  EXPECT_EQ(rest["content"],
            "\xc3\xb6"
            "cd");
  EXPECT_EQ(rest["next_offset"], nullptr);
  EXPECT_EQ(host.use_tool("file_read", {{"file_id", file["id"]}, {"offset", 99}}, agent).json["content"], "");
}

TEST_F(Files, AnAgentReadsAnythingElseAsBase64) {
  for (const auto& [bytes, text] : {std::pair{std::string("\xff\xfe\xfd"), "//79"}, {std::string("a\0b", 3), "YQBi"}}) {
    const auto read = host.use_tool("file_read", {{"file_id", keep(bytes)["id"]}}, agent).json;
    EXPECT_EQ(read["encoding"], "base64");
    EXPECT_EQ(read["content"], text);
  }
}

TEST_F(Files, AnAgentWritesInItsOwnName) {
  const auto used = host.use_tool("file_write", {{"filename", "../r.md"}, {"content", "# hi"}}, agent, task);
  ASSERT_EQ(used.status, ATRIUM_OK) << used.json;
  EXPECT_EQ(used.json["filename"], "r.md");
  EXPECT_EQ(used.json["task_id"], task);
  EXPECT_EQ(used.json["uploaded_by"], agent);
  EXPECT_EQ(host.events.last("file.created").actor, "agent:" + agent);
  EXPECT_EQ(download(used.json).body, "# hi");
}

TEST_F(Files, WhatATransactionRefusesLeavesNothing) {
  task_is_gone = true;
  EXPECT_EQ(host.use_tool("file_write", {{"filename", "a"}, {"content", "x"}}, agent, task).status, ATRIUM_E_INVALID);
  expect_nothing_is_left();
}

TEST_F(Files, OthersFindAFileInTheDirectory) {
  const auto file = keep("x");
  EXPECT_EQ(host.call("files/directory", "get", {{"id", file["id"]}}).json, file);
  EXPECT_EQ(host.call_in_transaction("files/directory", "get", {{"id", file["id"]}}).json, file);
  for (const Json& id : {Json(agent), Json("x"), Json(7), Json()})
    EXPECT_EQ(host.call("files/directory", "get", {{"id", id}}).status, ATRIUM_E_NOT_FOUND);
}

}  // namespace
