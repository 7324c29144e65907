#include "plugins/manifest.hpp"

#include <atrium/abi.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>

namespace kernel::plugins {
namespace {

using nlohmann::json;
constexpr std::size_t max_file = 256 * 1024, max_items = 500;

/// One object of the manifest, read member by member; what is left over at the end is unknown.
class Reader {
 public:
  Reader(const json& object, std::string file, std::string at)
      : object_(object), file_(std::move(file)), at_(std::move(at)) {
    if (!object_.is_object()) fail("", "must be an object");
  }

  [[noreturn]] void fail(const std::string& member, const std::string& what) const {
    throw ManifestError(file_ + ": " + (at_ + member).append(at_.empty() && member.empty() ? "the file" : "") + " " +
                        what);
  }

  const json* find(const std::string& member) {
    seen_.insert(member);
    const auto found = object_.find(member);
    return found == object_.end() ? nullptr : &*found;
  }

  std::string text(const std::string& member, bool required, std::size_t longest) {
    const json* value = find(member);
    if (value == nullptr) {
      if (required) fail(member, "is missing");
      return {};
    }
    if (!value->is_string()) fail(member, "must be a string");
    auto text = value->get<std::string>();
    if (required && text.empty()) fail(member, "must not be empty");
    if (text.size() > longest) fail(member, "must have at most " + std::to_string(longest) + " bytes");
    return text;
  }

  std::vector<std::string> texts(const std::string& member, const std::regex& form, const std::string& wanted) {
    std::vector<std::string> result;
    const json* value = find(member);
    if (value == nullptr) return result;
    if (!value->is_array() || value->size() > max_items) fail(member, "must be an array of strings, at most 500");
    for (const json& item : *value) {
      const std::string place = member + "/" + std::to_string(result.size());
      if (!item.is_string()) fail(place, "must be a string");
      auto text = item.get<std::string>();
      if (text.size() > 200 || !std::regex_match(text, form))
        fail(place, "must be " + wanted + ", not \"" + text + "\"");
      if (std::find(result.begin(), result.end(), text) != result.end()) fail(place, "names " + text + " twice");
      result.push_back(std::move(text));
    }
    return result;
  }

  std::uint32_t number(const std::string& member) {
    const json* value = find(member);
    if (value == nullptr) fail(member, "is missing");
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > 1'000'000) fail(member, "must be a whole number");
    return value->get<std::uint32_t>();
  }

  bool flag(const std::string& member) {
    const json* value = find(member);
    if (value == nullptr) return false;
    if (!value->is_boolean()) fail(member, "must be true or false");
    return value->get<bool>();
  }

  json list(const std::string& member) {
    const json* value = find(member);
    if (value == nullptr) return json::array();
    if (!value->is_array() || value->size() > max_items) fail(member, "must be an array of objects, at most 500");
    for (std::size_t at = 0; at < value->size(); ++at) {
      if (!(*value)[at].is_object()) fail(member + "/" + std::to_string(at), "must be an object");
    }
    return *value;
  }

  void finish() const {
    for (const auto& [member, value] : object_.items()) {
      if (!seen_.contains(member)) fail(member, "is not a member of plugin.json");
    }
  }

 private:
  const json& object_;
  std::string file_, at_;
  std::set<std::string> seen_;
};

const std::regex& pattern_form() {
  static const std::regex form(R"([a-z][a-z0-9_.-]*/([A-Za-z0-9][A-Za-z0-9_.-]*|\*))");
  return form;
}

void read_services(Manifest& manifest, const json& value, const std::string& file) {
  Reader reader(value, file, "services/");
  manifest.provides = reader.texts("provides", pattern_form(), R"("kind/name" or "kind/*")");
  manifest.requires_ = reader.texts("requires", pattern_form(), R"("kind/name" or "kind/*")");
  manifest.uses = reader.texts("uses", pattern_form(), R"("kind/name" or "kind/*")");
  reader.finish();
}

void read_commands(Manifest& manifest, const json& commands, const std::string& file) {
  for (const json& command : commands) {
    Reader reader(command, file, "commands/" + std::to_string(manifest.commands.size()) + "/");
    Command read{reader.text("name", true, 64), reader.text("summary", true, 200), reader.text("usage", true, 400),
                 reader.text("example", true, 400)};
    reader.finish();
    if (!valid_slug(read.name)) reader.fail("name", "must be lower-case letters, digits and single hyphens");
    const auto service = "command/" + read.name;
    if (std::find(manifest.provides.begin(), manifest.provides.end(), service) != manifest.provides.end())
      reader.fail("name", "names " + read.name + " twice, or services.provides does");
    manifest.provides.push_back(service);
    manifest.commands.push_back(std::move(read));
  }
}

void read_abi(Manifest& manifest, const json& value, const std::string& file) {
  Reader reader(value, file, "abi/");
  manifest.abi_major = reader.number("major");
  manifest.abi_minor = reader.number("minor");
  reader.finish();
  if (manifest.abi_major != 1) reader.fail("major", "is " + std::to_string(manifest.abi_major) + ", this kernel has 1");
  if (manifest.abi_minor > ATRIUM_ABI_MINOR) {
    reader.fail("minor", "is " + std::to_string(manifest.abi_minor) + ": the plugin needs ABI 1." +
                             std::to_string(manifest.abi_minor) + ", this kernel has 1." +
                             std::to_string(ATRIUM_ABI_MINOR) + "; upgrade the kernel or install an older plugin");
  }
}

void read_egress(Manifest& manifest, Reader& reader) {
  static const std::regex host_form(R"((\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)");
  if (const json* value = reader.find("egress"); value != nullptr && value->is_array()) {
    manifest.egress_hosts =
        reader.texts("egress", host_form, R"(a host's name in lower case, or "*.example.org" for every name below)");
    if (manifest.egress_hosts.empty()) reader.fail("egress", R"(must name hosts, or be "none")");
    manifest.egress_user = true;
    return;
  }
  const std::string egress = reader.text("egress", false, 20);
  if (!egress.empty() && egress != "none" && egress != "user" && egress != "operator" && egress != "both") {
    reader.fail("egress", R"(must be "none", "user", "operator", "both" or an array of hosts)");
  }
  manifest.egress_user = egress == "user" || egress == "both";
  manifest.egress_operator = egress == "operator" || egress == "both";
}

}  // namespace

bool valid_slug(std::string_view text) {
  static const std::regex form("[a-z][a-z0-9]*(-[a-z0-9]+)*");
  return text.size() <= 64 && std::regex_match(text.begin(), text.end(), form);
}

Manifest Manifest::parse(std::string_view text, const std::string& file) {
  json document;
  try {
    document = json::parse(text);
  } catch (const json::parse_error& fault) {
    throw ManifestError(file + ": not JSON, at byte " + std::to_string(fault.byte));
  }
  static const std::regex version_form(
      R"((0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)");
  static const std::regex table_form("[a-z][a-z0-9_]{0,62}"), variable_form("[A-Z][A-Z0-9_]*");
  static const std::regex route_form(R"((/([A-Za-z0-9_.-]+|\{[A-Za-z0-9_]+\}))+)");
  static const std::regex interface_form(R"(atrium\.[a-z]+(\.draft)?/\d+)");
  Reader reader(document, file, "");
  Manifest manifest;
  manifest.id = reader.text("id", true, 64);
  if (!valid_slug(manifest.id) || manifest.id == "kernel") {
    reader.fail("id", "must be lower-case letters, digits and single hyphens, and not \"kernel\"");
  }
  manifest.version = reader.text("version", true, 64);
  if (!std::regex_match(manifest.version, version_form)) reader.fail("version", "must be like 1.2.3 or 1.2.3-rc.1");
  manifest.name = reader.text("name", true, 100);
  manifest.description = reader.text("description", false, 1000);
  const json* abi = reader.find("abi");
  if (abi == nullptr) reader.fail("abi", "is missing");
  read_abi(manifest, *abi, file);
  manifest.interfaces = reader.texts("interfaces", interface_form, "an interface's id such as \"" ATRIUM_HTTP "\"");
  manifest.tables = reader.texts("tables", table_form, "a table's name of lower-case letters, digits and _");
  manifest.routes = reader.texts("routes", route_form, "a path such as \"/notes\", which grants those below it too");
  if (const json* services = reader.find("services")) read_services(manifest, *services, file);
  read_egress(manifest, reader);
  manifest.keys = reader.flag("keys");
  manifest.environment = reader.texts("environment", variable_form, "a variable's name of upper-case letters");
  read_commands(manifest, reader.list("commands"), file);
  manifest.settings = reader.list("settings");
  reader.finish();
  return manifest;
}

Manifest Manifest::read(const std::filesystem::path& folder) {
  const auto file = folder / "plugin.json";
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error) throw ManifestError(file.string() + ": cannot be read: " + error.message());
  if (size > max_file) throw ManifestError(file.string() + ": larger than 256 KiB");
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) throw ManifestError(file.string() + ": cannot be read");
  return parse(text, file.string());
}

}  // namespace kernel::plugins
