#include "samples_fixture.hpp"

namespace samples {
namespace {

using atrium::Json;

TEST_F(SamplesTest, the_provider_answers_from_its_list_piece_by_piece) {
  const auto said = [&](const std::string& question) {
    return host.call("llm.provider/canned", "chat",
                     {{"messages", Json::array({{{"role", "user"}, {"content", question}}})}});
  };
  const auto known = said("How is it in the cellar?");
  EXPECT_EQ(known.json["content"], "It is cold there.");
  EXPECT_EQ(known.pieces.size(), 4U);
  EXPECT_EQ(said("And in the attic?").json["content"], "I have no answer to that.");
}

}  // namespace
}  // namespace samples
