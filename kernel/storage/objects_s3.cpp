// Objects in a bucket of S3: PREFIX/ID. Up to 8 MiB go as one PUT, more as a multipart upload of such parts, so that an
// upload holds two parts at most: one that fills and one on its way.
#include "storage/objects_s3.hpp"

#include "observability/log.hpp"
#include "storage/digest.hpp"
#include "storage/s3_client.hpp"
#include "storage/s3_xml.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

namespace kernel::storage {
namespace {

constexpr std::size_t part_bytes = 8 << 20, piece_bytes = 1 << 20;
constexpr std::size_t max_parts = 10'000;  // S3's own bound
constexpr std::chrono::hours longest_valid{7 * 24};
constexpr const char* token_header = "x-amz-meta-atrium-upload";

[[noreturn]] void not_found(const std::string& id) {
  throw SqlError(ATRIUM_E_NOT_FOUND, "object " + id + ": there is no such object");
}
[[noreturn]] void unreadable(const std::string& what) {
  throw SqlError(ATRIUM_E_UNAVAILABLE, "the object store's answer cannot be used: " + what);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) unreadable("a number is none");
  return value;
}

std::chrono::seconds age_of(const std::string& iso) {
  std::tm parts{};
  if (strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) unreadable("a time is none");
  return std::chrono::seconds(std::max<std::time_t>(0, std::time(nullptr) - timegm(&parts)));
}

std::string random_token() {
  std::array<char, 16> bytes;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()) != 1)
    throw SqlError(ATRIUM_E_INTERNAL, "OpenSSL has no random bytes");
  return to_hex({bytes.data(), bytes.size()});
}

S3Call head_of(const std::string& id) {
  S3Call call;
  call.method = "HEAD";
  call.key = id;
  return call;
}

class S3Writer final : public ObjectWriter {
 public:
  S3Writer(const S3Client& client, std::string id) : client_(client), id_(std::move(id)) {}
  ~S3Writer() override {
    if (upload_.empty()) return;
    try {
      client_.call(multipart("DELETE"));
    } catch (const std::exception& fault) {  // the next start ends it
      observability::log(observability::Level::warning, "storage",
                         std::string("an unfinished upload stays for a while: ") + fault.what());
    }
  }

  void append(std::string_view data) override {
    sha256_.update(data);
    size_ += data.size();
    while (!data.empty()) {
      if (part_.size() == part_bytes) send_part();
      const auto taken = data.substr(0, part_bytes - part_.size());
      if (part_.size() + taken.size() > part_.capacity())
        part_.reserve(std::min(part_bytes, 2 * (part_.size() + taken.size())));
      part_ += taken;
      data.remove_prefix(taken.size());
    }
  }

  /// Many stores know no condition for a multipart upload, and some none at all: so the id is looked up first, and
  /// where the store knows If-None-Match it also decides between two who finish at once.
  StoredObject finish() override {
    if (client_.call(head_of(id_)).ok()) taken();
    if (upload_.empty()) {
      put_whole();
    } else {
      send_part();
      complete();
    }
    return {size_, sha256_.hex()};
  }

 private:
  [[noreturn]] void taken() const { throw SqlError(ATRIUM_E_CONFLICT, "an object with the id " + id_ + " exists"); }

  /// A request whose answer was lost is sent again and then finds the object it made itself.
  bool is_ours() const { return client_.call(head_of(id_)).header(token_header) == token_; }

  S3Call multipart(const char* method) const {
    S3Call call;
    call.method = method;
    call.key = id_;
    call.query = {{"uploadId", upload_}};
    return call;
  }

  void put_whole() {
    S3Call call;
    call.method = "PUT";
    call.key = id_;
    call.headers = {{"if-none-match", "*"}, {token_header, token_}};
    call.body = std::move(part_);
    if (!client_.call(call).ok() && !is_ours()) taken();
  }

  void begin() {
    S3Call call;
    call.method = "POST";
    call.key = id_;
    call.query = {{"uploads", ""}};
    call.headers = {{token_header, token_}};
    const auto answer = client_.call(call);
    auto upload = s3_xml_field(answer.body, "InitiateMultipartUploadResult/UploadId");
    if (!answer.ok() || !upload || upload->empty()) unreadable("no upload was begun");
    upload_ = std::move(*upload);
  }

  void send_part() {
    if (upload_.empty()) begin();
    if (parts_.size() == max_parts) throw SqlError(ATRIUM_E_INVALID, "an object on S3 has at most 78 GiB here");
    auto call = multipart("PUT");
    call.query.emplace_back("partNumber", std::to_string(parts_.size() + 1));
    call.body = std::move(part_);
    const auto answer = client_.call(call);
    if (answer.status == 404) ended();
    if (!answer.ok() || answer.header("etag").empty()) unreadable("a part was not taken");
    parts_.push_back(answer.header("etag"));
    part_ = std::move(call.body);  // its memory serves the next part
    part_.clear();
  }

  void complete() {
    auto call = multipart("POST");
    call.body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < parts_.size(); ++i)
      call.body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + parts_[i] + "</ETag></Part>";
    call.body += "</CompleteMultipartUpload>";
    call.headers = {{"if-none-match", "*"}};
    const auto answer = client_.call(call);
    if (!answer.ok()) {
      if (!is_ours()) answer.status == 404 ? ended() : taken();
    } else if (const auto code = s3_xml_field(answer.body, "Error/Code")) {  // 200 was said before it was known
      throw SqlError(ATRIUM_E_UNAVAILABLE, "the object store could not complete an upload: " + *code);
    }
    upload_.clear();
  }

  [[noreturn]] static void ended() {
    throw SqlError(ATRIUM_E_UNAVAILABLE, "the object store has ended this upload; upload it again");
  }

  const S3Client& client_;
  const std::string id_, token_ = random_token();
  Sha256 sha256_;
  std::uint64_t size_ = 0;
  std::string part_, upload_;
  std::vector<std::string> parts_;
};

class S3Reader final : public ObjectReader {
 public:
  S3Reader(const S3Client& client, std::string id, std::uint64_t offset, std::uint64_t length)
      : client_(client), id_(std::move(id)), offset_(offset) {
    if (length == 0 || !fetch(std::min<std::uint64_t>(length, piece_bytes))) look();
    if (offset > size_)
      throw SqlError(ATRIUM_E_INVALID, "the range begins past the object's end at " + std::to_string(size_));
    left_ = std::min(length, size_ - offset);
  }

  std::size_t read(std::span<char> buffer) override {
    std::size_t filled = 0;
    while (filled < buffer.size() && left_ > 0) {
      if (used_ == piece_.size() && !fetch(std::min<std::uint64_t>(left_, piece_bytes))) changed();
      const auto bytes = std::min({buffer.size() - filled, piece_.size() - used_, static_cast<std::size_t>(left_)});
      std::memcpy(buffer.data() + filled, piece_.data() + used_, bytes);
      filled += bytes;
      used_ += bytes;
      left_ -= bytes;
    }
    return filled;
  }
  std::uint64_t object_size() const override { return size_; }

 private:
  [[noreturn]] static void changed() {
    throw SqlError(ATRIUM_E_UNAVAILABLE, "an object was changed in the store while it was read");
  }

  /// The next bytes; false when none stands there.
  bool fetch(std::uint64_t bytes) {
    if (offset_ > UINT64_MAX - bytes) return false;
    S3Call call;
    call.key = id_;
    call.headers = {{"range", "bytes=" + std::to_string(offset_) + '-' + std::to_string(offset_ + bytes - 1)}};
    if (!etag_.empty()) call.headers.emplace_back("if-match", etag_);
    auto answer = client_.call(call);
    if (answer.status == 404) not_found(id_);
    if (answer.status == 416) return false;
    if (answer.status == 412) changed();
    if (answer.status != 206) unreadable("a range was asked for and not given");
    read_range(answer.header("content-range"), answer.body.size());
    etag_ = answer.header("etag");
    offset_ += answer.body.size();
    piece_ = std::move(answer.body);
    used_ = 0;
    return true;
  }

  /// "bytes FIRST-LAST/SIZE"
  void read_range(std::string_view range, std::size_t bytes) {
    constexpr std::string_view unit = "bytes ";
    const auto dash = range.find('-'), slash = range.find('/');
    if (!range.starts_with(unit) || dash == range.npos || slash == range.npos || slash < dash)
      unreadable("a range says nothing of its place");
    const auto first = number(range.substr(unit.size(), dash - unit.size()));
    const auto last = number(range.substr(dash + 1, slash - dash - 1));
    if (bytes == 0 || first != offset_ || last - first + 1 != bytes) unreadable("a range is another than asked for");
    size_ = number(range.substr(slash + 1));
  }

  void look() {
    const auto answer = client_.call(head_of(id_));
    if (answer.status == 404) not_found(id_);
    size_ = number(answer.header("content-length"));
  }

  const S3Client& client_;
  const std::string id_;
  std::uint64_t offset_, size_ = 0, left_ = 0;
  std::string etag_, piece_;
  std::size_t used_ = 0;
};

class S3Objects final : public Objects {
 public:
  S3Objects(S3Location location, egress::Client& egress, std::chrono::seconds abandoned_after)
      : client_(std::move(location), egress) {
    try {
      check();
      end_abandoned(abandoned_after);
    } catch (const S3Refused&) {
      throw;
    } catch (const SqlError& fault) {
      observability::log(observability::Level::error, "storage", fault.what());
    }
  }

  void check() override {
    S3Call call;
    call.query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_.location().prefix}};
    call.attempts = 1;
    client_.call(call);
  }

  std::unique_ptr<ObjectWriter> put(std::string_view id) override {
    check_id(id);
    return std::make_unique<S3Writer>(client_, std::string(id));
  }

  std::unique_ptr<ObjectReader> get(std::string_view id, std::uint64_t offset, std::uint64_t length) override {
    check_id(id);
    return std::make_unique<S3Reader>(client_, std::string(id), offset, length);
  }

  /// The store says 204 whether there was one or not.
  bool remove(std::string_view id) override {
    check_id(id);
    auto call = head_of(std::string(id));
    if (client_.call(call).status == 404) return false;
    call.method = "DELETE";
    return client_.call(call).status != 404;
  }

  void list(const std::function<bool(const std::string&, std::uint64_t, std::chrono::seconds)>& object) override {
    pages({{"list-type", "2"}}, "ListBucketResult/Contents", {{"NextContinuationToken", "continuation-token"}},
          [&](const Record& record) {
            return object(record.at("Key"), number(record.at("Size")), age_of(record.at("LastModified")));
          });
  }

  std::optional<std::string> presign(std::string_view id, std::chrono::seconds valid,
                                     const AnswerHeaders& headers) override {
    check_id(id);
    if (valid < std::chrono::seconds(1) || valid > longest_valid)
      throw SqlError(ATRIUM_E_INVALID, "a URL is valid for 1 second to 7 days");
    S3Fields query;
    if (!headers.content_type.empty()) query.emplace_back("response-content-type", headers.content_type);
    if (!headers.content_disposition.empty())
      query.emplace_back("response-content-disposition", headers.content_disposition);
    return client_.presigned_url(std::string(id), std::move(query), valid, std::chrono::system_clock::now());
  }

 private:
  using Record = std::map<std::string, std::string, std::less<>>;

  /// Every record of a listing, page by page, its key without the prefix; until `take` says false. `next`: the
  /// answer's members that lead to the page after it, and the parameters they go into.
  void pages(const S3Fields& query, const std::string& record_path, const S3Fields& next,
             const std::function<bool(const Record&)>& take) {
    const auto& prefix = client_.location().prefix;
    const auto root = record_path.substr(0, record_path.find('/') + 1);
    S3Call call;
    for (Record answer{{"IsTruncated", "true"}}; answer["IsTruncated"] == "true";) {
      call.query = query;
      call.query.emplace_back("prefix", prefix);
      for (const auto& [member, parameter] : next)
        if (!answer[member].empty()) call.query.emplace_back(parameter, answer[member]);
      auto before = std::exchange(answer, {});
      std::vector<Record> records(1);
      read_s3_xml(client_.call(call).body, [&](std::string_view path, const std::string& text) {
        if (path == record_path) {
          records.emplace_back();
        } else if (path.starts_with(record_path + '/')) {
          records.back()[std::string(path.substr(record_path.size() + 1))] = text;
        } else if (path.starts_with(root)) {
          answer[std::string(path.substr(root.size()))] = text;
        }
      });
      records.pop_back();
      for (auto& record : records) {
        for (const auto* member : {"Key", "Size", "LastModified", "UploadId", "Initiated"}) record.try_emplace(member);
        auto& key = record["Key"];
        if (key.size() <= prefix.size() || !key.starts_with(prefix)) continue;
        key.erase(0, prefix.size());
        if (key.find('/') == std::string::npos && !take(record)) return;
      }
      const bool stands = std::all_of(next.begin(), next.end(),
                                      [&](const auto& each) { return answer[each.first] == before[each.first]; });
      if (answer["IsTruncated"] == "true" && stands) unreadable("a list does not go on");
    }
  }

  void end_abandoned(std::chrono::seconds abandoned_after) {
    pages({{"uploads", ""}}, "ListMultipartUploadsResult/Upload",
          {{"NextKeyMarker", "key-marker"}, {"NextUploadIdMarker", "upload-id-marker"}}, [&](const Record& record) {
            if (age_of(record.at("Initiated")) < abandoned_after) return true;
            S3Call call;
            call.method = "DELETE";
            call.key = record.at("Key");
            call.query = {{"uploadId", record.at("UploadId")}};
            client_.call(call);
            return true;
          });
  }

  const S3Client client_;
};

}  // namespace

std::unique_ptr<Objects> open_s3_objects(const std::string& url, egress::Client& egress,
                                         std::chrono::seconds abandoned_after) {
  return std::make_unique<S3Objects>(S3Location::parse(url), egress, abandoned_after);
}

}  // namespace kernel::storage
