#pragma once
#include <atrium/plugin.hpp>

namespace files {

/// What is known of an object; the object's id in the store is the file's. Nothing of it changes until it is removed.
struct File {
  atrium::Id id;
  std::string filename, content_type;
  std::int64_t size_bytes = 0;
  std::string sha256;
  std::optional<atrium::Id> task_id, uploaded_by;
  atrium::Time created_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "files", event = "file";
  static constexpr auto members = atrium::members(
      atrium::member("id", &File::id).read_only(),
      atrium::member("filename", &File::filename).read_only().description("For people to read; never a path"),
      atrium::member("content_type", &File::content_type)
          .read_only()
          .description("Found in the bytes, not taken from the client"),
      atrium::member("size_bytes", &File::size_bytes).read_only(), atrium::member("sha256", &File::sha256).read_only(),
      atrium::member("task_id", &File::task_id).read_only().description("The task it belongs to"),
      atrium::member("uploaded_by", &File::uploaded_by).read_only().description("The user or the agent"),
      atrium::member("created_at", &File::created_at).read_only(),
      atrium::member("revision", &File::revision).read_only());
};

}  // namespace files
