#include <atrium/plugin.hpp>

namespace @TABLE@ {

/// Parsing, validation with every fault at once, JSON, SQL and the OpenAPI schema follow from this description.
struct Item {
  atrium::Id id;
  std::string title, body;
  atrium::Time created_at, updated_at;
  std::int64_t revision = 0;

  static constexpr std::string_view table = "@TABLE@", event = "@TABLE@";
  static constexpr auto members =
      atrium::members(atrium::member("id", &Item::id).read_only(),
                      atrium::member("title", &Item::title).length(1, 200).required(),
                      atrium::member("body", &Item::body).length(0, 100'000),
                      atrium::member("created_at", &Item::created_at).read_only(),
                      atrium::member("updated_at", &Item::updated_at).read_only(),
                      atrium::member("revision", &Item::revision).read_only());
};

class @CLASS@ final : public atrium::Plugin {
 public:
  void start() override {
    auto items = resource<Item>("/@ID@", "@NAME@");
    items.list().search("title", "body");
    items.create();
    items.read();
    items.update();
    items.remove();
  }
};

}  // namespace @TABLE@

ATRIUM_PLUGIN(@TABLE@::@CLASS@)
