#pragma once
#include <atrium/plugin.hpp>

namespace knowledge {

inline bool has_words(const std::string& text) { return text.find_first_not_of(" \t\r\n") != text.npos; }
inline bool all_have_words(const std::vector<std::string>& tags) {
  return std::all_of(tags.begin(), tags.end(), has_words);
}

struct Entry {
  atrium::Id id;
  std::string title, content, excerpt;
  std::optional<std::string> category, source;
  std::vector<std::string> tags;
  std::int64_t number = 0;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "knowledge", event = "knowledge";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Entry::id).read_only(),
      atrium::member("title", &Entry::title).length(1, 300).valid_if(has_words, "must not be blank").required(),
      atrium::member("content", &Entry::content)
          .length(1, 1'000'000)
          .valid_if(has_words, "must not be blank")
          .required(),
      atrium::member("excerpt", &Entry::excerpt).read_only().description("How the content begins"),
      atrium::member("category", &Entry::category).length(1, 100).description("One word or path of the company's own"),
      atrium::member("tags", &Entry::tags).items(0, 50).length(1, 100).valid_if(all_have_words, "must not be blank"),
      atrium::member("source", &Entry::source).length(1, 2'000).description("Where it comes from, such as a URL"),
      atrium::member("number", &Entry::number).hidden(), atrium::member("created_at", &Entry::created_at).read_only(),
      atrium::member("updated_at", &Entry::updated_at).read_only(),
      atrium::member("revision", &Entry::revision).read_only());
};

/// An entry as lists show it: without its content, which may be long.
struct Summary {
  atrium::Id id;
  std::string title, excerpt;
  std::optional<std::string> category, source;
  std::vector<std::string> tags;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "knowledge";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Summary::id).read_only(), atrium::member("title", &Summary::title),
      atrium::member("excerpt", &Summary::excerpt).description("How the content begins"),
      atrium::member("category", &Summary::category).length(1, 100), atrium::member("tags", &Summary::tags),
      atrium::member("source", &Summary::source), atrium::member("created_at", &Summary::created_at),
      atrium::member("updated_at", &Summary::updated_at), atrium::member("revision", &Summary::revision));
};

}  // namespace knowledge
