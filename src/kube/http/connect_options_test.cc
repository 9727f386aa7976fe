// SPDX-License-Identifier: Apache-2.0
#include "kube/http/connect_options.h"

#include <gtest/gtest.h>

#include "kube/schema/catalog.h"
#include "testing/must.h"

namespace gantry::kube {
namespace {

const Subresource& of_pods(std::string_view name) {
  return *Catalog::built_in().find("", "v1", "pods")->find_subresource(name);
}

std::string options_of(std::string_view query, std::string_view subresource) {
  return connect_options(MUST(http::Query::parse(query)), of_pods(subresource)).to_text();
}

TEST(ConnectOptions, AreAnObjectOfTheirKind) {
  EXPECT_EQ(options_of("stdin=true&tty=0&container=main&command=sh&command=-c&nothing=x", "exec"),
            R"({"apiVersion":"v1","command":["sh","-c"],"container":"main","kind":"PodExecOptions",)"
            R"("stdin":true,"tty":false})");
  EXPECT_EQ(options_of("ports=80&ports=443", "portforward"),
            R"({"apiVersion":"v1","kind":"PodPortForwardOptions","ports":[80,443]})");
  EXPECT_EQ(options_of("ports=http", "portforward"),
            R"({"apiVersion":"v1","kind":"PodPortForwardOptions","ports":["http"]})");
}

TEST(ConnectOptions, AreParametersAgain) {
  const auto query = MUST(http::Query::parse("command=sh&command=-c&container=main&stdin=true"));
  EXPECT_EQ(connect_query(connect_options(query, of_pods("exec"))).str(), query.str());
}

}  // namespace
}  // namespace gantry::kube
