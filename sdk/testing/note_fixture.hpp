#pragma once
// The resources of the SDK's own tests: one of every kind of member, and one that belongs to its owner alone.
#include "fake_host.hpp"

namespace atrium::testing {

using namespace std::string_view_literals;

enum class Color : std::uint8_t { red, green, blue };
constexpr auto names_of(Color) { return std::array{"red"sv, "green"sv, "blue"sv}; }

struct Note {
  Id id;
  std::string title, text = "empty";
  Color color = Color::green;
  std::vector<std::string> labels;
  std::optional<std::int64_t> stars;
  Money price;
  bool pinned = false;
  Time created_at, updated_at;
  std::int64_t revision = 0;
  std::optional<Time> deleted_at;

  static constexpr std::string_view table = "notes", event = "note";
  static constexpr auto members = atrium::members(
      atrium::member("id", &Note::id).read_only(), atrium::member("title", &Note::title).length(1, 20).required(),
      atrium::member("text", &Note::text).length(0, 100), atrium::member("color", &Note::color).ranked(),
      atrium::member("labels", &Note::labels).items(0, 3).length(1, 10),
      atrium::member("stars", &Note::stars).range(1, 5), atrium::member("price", &Note::price).range(0, 1'000),
      atrium::member("pinned", &Note::pinned), atrium::member("created_at", &Note::created_at).read_only(),
      atrium::member("updated_at", &Note::updated_at).read_only(),
      atrium::member("revision", &Note::revision).read_only(),
      atrium::member("deleted_at", &Note::deleted_at).hidden());
};

struct Secret {
  Id id, owner_id;
  std::string text;

  static constexpr std::string_view table = "secrets", event = "secret";
  static constexpr bool is_private = true;
  static constexpr auto members = atrium::members(atrium::member("id", &Secret::id).read_only(),
                                                  atrium::member("owner_id", &Secret::owner_id).read_only(),
                                                  atrium::member("text", &Secret::text).required());
};

/// Its owner's and admins', with a member that is shown once.
struct Badge {
  Id id, owner_id;
  std::string code = "made";

  static constexpr std::string_view table = "badges", event = "badge";
  static constexpr bool is_private = true, admins_see = true;
  static constexpr auto members = atrium::members(atrium::member("id", &Badge::id).read_only(),
                                                  atrium::member("owner_id", &Badge::owner_id).read_only(),
                                                  atrium::member("code", &Badge::code).once());
};

class Notes final : public Plugin {
 public:
  void start() override {
    auto notes = resource<Note>("/notes", "Notes");
    notes.list().filter("color").filter("pinned").filter("stars").filter("title", "called").search("title", "text");
    notes.create().check([](const Request&, Note& now, const Note*, std::vector<Fault>& faults) {
      if (now.text == "bad") faults.push_back({"/text", "is bad"});
    });
    notes.read();
    notes.update();
    notes.replace();
    notes.remove();
    resource<Note>("/by-color", "Notes").list().order("color desc", "title");
    auto secrets = resource<Secret>("/secrets", "Secrets");
    secrets.list();
    secrets.create();
    secrets.read();
    secrets.update();
    secrets.remove();
    auto badges = resource<Badge>("/badges", "Badges");
    badges.list();
    badges.create();
    badges.read();
  }
};

/// A host with the tables of Notes.
class NotesHost : public FakeHost {
 public:
  NotesHost() {
    db.script(
        "CREATE TABLE notes (id TEXT PRIMARY KEY, title TEXT NOT NULL UNIQUE, text TEXT NOT NULL, color BIGINT NOT "
        "NULL,"
        " labels TEXT NOT NULL, stars BIGINT, price BIGINT NOT NULL, pinned BOOLEAN NOT NULL, created_at BIGINT NOT "
        "NULL,"
        " updated_at BIGINT NOT NULL, revision BIGINT NOT NULL, deleted_at BIGINT);"
        "CREATE TABLE secrets (id TEXT PRIMARY KEY, owner_id TEXT NOT NULL, text TEXT NOT NULL);"
        "CREATE TABLE badges (id TEXT PRIMARY KEY, owner_id TEXT NOT NULL)");
  }
};

}  // namespace atrium::testing
