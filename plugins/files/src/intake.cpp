#include "intake.hpp"

#include "filename.hpp"

namespace files {

atrium::MultipartEvents Intake::events() {
  return {.begin =
              [this](const atrium::MultipartPart& part) {
                if (part.name != "file") throw atrium::invalid("/" + display_name(part.name), "is not known here");
                if (!part.filename) throw atrium::invalid("/file", "must be a file: it has no filename");
                begin(*part.filename, part.type);
              },
          .data = [this](std::string_view data) { append(data); },
          .end = [this] { judge(); }};
}

void Intake::begin(std::string_view filename, std::string_view claimed_type) {
  if (upload_) throw atrium::invalid("/file", "must be given once");
  file_.filename = display_name(filename);
  claim_ = claimed_type;
  upload_.emplace(objects_->put(file_.id.text()));
}

void Intake::append(std::string_view data) {
  upload_->append(data);
  if (judged_) return;
  head_ += data.substr(0, Sniffer::enough - head_.size());
  if (head_.size() == Sniffer::enough) judge();
}

void Intake::judge() {
  if (std::exchange(judged_, true)) return;
  const Kind kind = sniffer_->sniff(head_);
  head_ = {};
  if (!fits(claim_, kind))
    throw atrium::invalid("/file", "is " + kind.type + " by its content, and was sent as " + claim_.substr(0, 100) +
                                       "; send it as what it is, or as application/octet-stream to leave that open");
  file_.content_type = kind.type;
}

File Intake::finish() {
  if (!upload_) throw atrium::invalid("/file", "is required");
  judge();
  const auto stored = upload_->finish();
  file_.size_bytes = stored.bytes;
  file_.sha256 = stored.sha256;
  return file_;
}

}  // namespace files
