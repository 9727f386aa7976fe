// SPDX-License-Identifier: Apache-2.0
#include "docker/build_transcript.h"

#include <gtest/gtest.h>

#include "docker/test_answer.h"

namespace gantry::docker {
namespace {

build::Vertex step(std::size_t number, std::string instruction) {
  return {.id = std::to_string(number),
          .kind = build::VertexKind::Layer,
          .instruction = std::move(instruction),
          .step = number,
          .steps = 3};
}

std::string told(const std::function<void(BuildTranscript&)>& events) {
  const Answer answer = answer_of([&](http::ResponseWriter& response) {
    MessageStream messages(response);
    BuildTranscript transcript(messages, Verbosity::Full);
    for (const auto& [number, text] : {std::pair(1, "FROM x"), std::pair(2, "RUN a"), std::pair(3, "RUN b")})
      transcript.on_vertex(step(static_cast<std::size_t>(number), text));
    events(transcript);
    transcript.end();
    return messages.finish({});
  });
  std::string text;
  for (const json::Document& message : messages_in(answer.body))
    text += message.root().find("stream")->as_string();
  return text;
}

TEST(BuildTranscript, tells_a_step_with_its_output_and_its_result) {
  EXPECT_EQ(told([](BuildTranscript& build) {
              build.on_started("1");
              build.on_finished("1", nullptr, "sha256:0123456789abcdef");
              build.on_cached("2");
              build.on_finished("2", nullptr, "sha256:abcdefabcdefabcdef");
              build.on_started("3");
              build.on_log("3", build::LogStream::Out, "hello\n");
              build.on_finished("3", nullptr, "");
            }),
            "Step 1/3 : FROM x\n ---> 0123456789ab\n"
            "Step 2/3 : RUN a\n ---> Using cache\n ---> abcdefabcdef\n"
            "Step 3/3 : RUN b\nhello\n");
}

TEST(BuildTranscript, tells_steps_that_run_side_by_side_one_after_the_other) {
  EXPECT_EQ(told([](BuildTranscript& build) {
              build.on_started("1");
              build.on_started("3");
              build.on_log("3", build::LogStream::Out, "b1\n");
              build.on_started("2");
              build.on_log("2", build::LogStream::Out, "a1\n");
              build.on_finished("3", nullptr, "");
              build.on_finished("1", nullptr, "");
              build.on_log("2", build::LogStream::Err, "a2\n");
              build.on_finished("2", nullptr, "");
            }),
            "Step 1/3 : FROM x\nStep 2/3 : RUN a\na1\na2\nStep 3/3 : RUN b\nb1\n");
}

TEST(BuildTranscript, of_a_build_that_fails_tells_everything_and_where) {
  EXPECT_EQ(told([](BuildTranscript& build) {
              build.on_started("1");
              build.on_started("3");
              build.on_log("3", build::LogStream::Out, "b1\n");
              build.on_failure({.file_name = "Dockerfile", .text = "FROM x\nRUN a\n", .lines = {2, 2}});
            }),
            "Step 1/3 : FROM x\nStep 3/3 : RUN b\nb1\n\nDockerfile:2\n" +
                dockerfile::excerpt("FROM x\nRUN a\n", {2, 2}) + "\n");
}

}  // namespace
}  // namespace gantry::docker
