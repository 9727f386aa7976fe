// SPDX-License-Identifier: Apache-2.0
#include "buildkit/subrequest.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/split.h"
#include "testing/must.h"

namespace gantry::buildkit {
namespace {

constexpr const char* kFile = R"(ARG TAG=12
FROM debian:$TAG AS tools
FROM tools AS app
MAINTAINER me
RUN --mount=type=secret,id=token,required true
)";

// A value by the names and numbers on the way to it: "targets 0 name".
json::Value get(const json::Document& document, const std::string& path) {
  json::Value value = document.root();
  for (const std::string_view part : split_words(path, ' '))
    value = part[0] >= '0' && part[0] <= '9' ? value.at(static_cast<std::size_t>(part[0] - '0'))
                                             : value.find(part).value();
  return value;
}

StringMap ask(const std::string& id, const char* text = kFile) {
  const build::BuildRequest request{.dockerfile_text = text};
  return MUST(answer_subrequest(id, request, nullptr));
}

TEST(Subrequest, Targets) {
  const StringMap answer = ask("frontend.targets");
  const auto document = MUST(json::Document::parse(answer.at("result.json")));
  ASSERT_EQ(get(document, "targets").size(), 2u);
  EXPECT_EQ(get(document, "targets 0 name").as_string(), "tools");
  EXPECT_EQ(get(document, "targets 0 base").as_string(), "debian:12");
  EXPECT_TRUE(get(document, "targets 1 default").as_bool());
  EXPECT_EQ(get(document, "targets 1 location ranges 0 start line").as_int64(), 3);
  EXPECT_EQ(from_base64(get(document, "sources 0").as_string()), kFile);
  EXPECT_NE(answer.at("result.txt").find("app (default)"), std::string::npos);
}

TEST(Subrequest, Outline) {
  const StringMap answer = ask("frontend.outline");
  const auto document = MUST(json::Document::parse(answer.at("result.json")));
  EXPECT_EQ(get(document, "name").as_string(), "app");
  EXPECT_EQ(get(document, "args 0 value").as_string(), "12");
  EXPECT_TRUE(get(document, "secrets 0 required").as_bool());
}

TEST(Subrequest, ALintHasWarningsAndAStatus) {
  const StringMap answer = ask("frontend.lint");
  EXPECT_EQ(answer.at("result.statuscode"), "1");
  const auto document = MUST(json::Document::parse(answer.at("result.json")));
  EXPECT_EQ(get(document, "warnings 0 ruleName").as_string(), "MaintainerDeprecated");
  EXPECT_NE(answer.at("result.txt").find("WARNING: MaintainerDeprecated - https://"), std::string::npos);
  EXPECT_EQ(ask("frontend.lint", "FROM a\n").at("result.statuscode"), "0");
  const StringMap broken = ask("frontend.lint", "FROM a\nRUNN x\n");
  EXPECT_EQ(broken.at("result.statuscode"), "1");
  EXPECT_NE(broken.at("result.json").find("Dockerfile:2:1"), std::string::npos);
}

TEST(Subrequest, SaysWhatCanBeAskedAndRefusesOthers) {
  EXPECT_NE(ask("frontend.subrequests.describe").at("result.txt").find("frontend.lint"), std::string::npos);
  const build::BuildRequest request{.dockerfile_text = kFile};
  const auto refused = answer_subrequest("frontend.other", request, nullptr);
  EXPECT_EQ(refused.error().code(), Code::Unsupported);
  EXPECT_EQ(refused.error().message(), "unsupported request frontend.other");
}

}  // namespace
}  // namespace gantry::buildkit
