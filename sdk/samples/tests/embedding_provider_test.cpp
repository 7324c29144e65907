#include "samples_fixture.hpp"

namespace samples {
namespace {

TEST_F(SamplesTest, texts_of_the_same_letters_lie_together) {
  const auto answer = host.call("embedding.provider/letters", "embed", {{"texts", {"listen", "Silent!", "xyz"}}}).json;
  ASSERT_EQ(answer["vectors"].size(), 3U);
  EXPECT_EQ(answer["vectors"][0], answer["vectors"][1]);
  EXPECT_NE(answer["vectors"][0], answer["vectors"][2]);
}

}  // namespace
}  // namespace samples
