// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/pod_streams.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::kube {
namespace {

const json::Tree& one() {
  static const json::Tree kPod = MUST(json::Tree::parse(
      R"({"metadata":{"namespace":"a","name":"web"},"spec":{"containers":[{"name":"main"}]}})"));
  return kPod;
}
const json::Tree& several() {
  static const json::Tree kPod = MUST(json::Tree::parse(R"({"metadata":{"namespace":"a","name":"web"},"spec":{
    "containers":[{"name":"main"},{"name":"side"}],"initContainers":[{"name":"first"}],
    "ephemeralContainers":[{"name":"look"}]}})"));
  return kPod;
}

Answer<std::string> asked(const json::Tree& pod, std::string_view subresource, std::string_view query) {
  const AgentTarget target = TRY(agent_target(pod, subresource, MUST(http::Query::parse(query))));
  return target.query.empty() ? target.path : target.path + "?" + target.query.str();
}

TEST(PodStreams, AskTheAgentInItsOwnWords) {
  EXPECT_EQ(
      asked(one(), "exec", "stdin=true&stdout=1&stderr=false&tty=true&command=sh&command=-c&command=a+b"),
      "/exec/a/web/main?input=1&output=1&tty=1&command=sh&command=-c&command=a%20b");
  EXPECT_EQ(asked(one(), "attach", "stderr=true"), "/attach/a/web/main?error=1");
  EXPECT_EQ(asked(one(), "portforward", ""), "/portForward/a/web");
  EXPECT_EQ(asked(several(), "portforward", "ports=80&ports=443"), "/portForward/a/web?port=80%2C443");
  EXPECT_EQ(
      asked(one(), "log", "follow=true&previous=0&timestamps=1&tailLines=10&sinceSeconds=5&limitBytes=100"),
      "/containerLogs/a/web/main?follow=true&timestamps=true&sinceSeconds=5&tailLines=10&limitBytes=100");
}

TEST(PodStreams, AreOfTheContainerThatWasChosen) {
  for (const char* name : {"side", "first", "look"})
    EXPECT_EQ(asked(several(), "exec", std::string("container=") + name), std::string("/exec/a/web/") + name);
  EXPECT_EQ(asked(several(), "exec", "container=nope").error()->message,
            "container nope is not valid for pod web");
  EXPECT_EQ(asked(several(), "log", "").error()->message,
            "a container name must be specified for pod web, choose one of: [main side] or one of the init "
            "containers: [first]");
}

TEST(PodStreams, RefuseParametersThatSayNothing) {
  EXPECT_EQ(
      asked(one(), "log", "tailLines=-1").error()->message,
      "PodLogOptions \"web\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0");
  EXPECT_EQ(asked(one(), "log", "limitBytes=0").error()->code, 422);
  EXPECT_EQ(asked(one(), "log", "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z").error()->code, 422);
  EXPECT_EQ(asked(one(), "log", "stream=Stdin").error()->code, 422);
  EXPECT_EQ(asked(one(), "log", "tailLines=ten").error()->code, 400);
  EXPECT_EQ(asked(one(), "log", "sinceTime=yesterday").error()->code, 400);
}

}  // namespace
}  // namespace gantry::kube
