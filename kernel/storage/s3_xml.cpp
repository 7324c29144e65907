#include "storage/s3_xml.hpp"

#include "storage/database.hpp"

#include <Poco/Exception.h>
#include <Poco/XML/XMLStreamParser.h>

#include <vector>

namespace kernel::storage {
namespace {

constexpr std::size_t max_depth = 16;

[[noreturn]] void refuse(const std::string& why) {
  throw SqlError(ATRIUM_E_UNAVAILABLE, "the object store's answer cannot be read: " + why);
}

}  // namespace

void read_s3_xml(const std::string& xml,
                 const std::function<void(std::string_view path, const std::string& text)>& element) {
  using Parser = Poco::XML::XMLStreamParser;
  if (xml.find("<!") != std::string::npos) refuse("it holds a declaration");  // no entities: nothing that can expand
  try {
    Parser parser(xml.data(), xml.size(), "answer", Parser::RECEIVE_ELEMENTS | Parser::RECEIVE_CHARACTERS);
    std::string path;
    std::vector<std::string> texts;
    for (auto event = parser.next(); event != Parser::EV_EOF; event = parser.next()) {
      if (event == Parser::EV_START_ELEMENT) {
        if (texts.size() == max_depth) refuse("it is nested too deeply");
        path += (path.empty() ? "" : "/") + parser.localName();
        texts.emplace_back();
      } else if (event == Parser::EV_CHARACTERS && !texts.empty()) {
        texts.back() += parser.value();
      } else if (event == Parser::EV_END_ELEMENT) {
        element(path, texts.back());
        texts.pop_back();
        const auto slash = path.rfind('/');
        path.resize(slash == std::string::npos ? 0 : slash);
      }
    }
  } catch (const Poco::Exception& fault) {
    refuse(fault.displayText());
  }
}

std::optional<std::string> s3_xml_field(const std::string& xml, std::string_view path) {
  std::optional<std::string> found;
  try {
    read_s3_xml(xml, [&](std::string_view at, const std::string& text) {
      if (at == path && !found) found = text;
    });
  } catch (const SqlError&) {
    return std::nullopt;
  }
  return found;
}

}  // namespace kernel::storage
