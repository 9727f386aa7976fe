// SPDX-License-Identifier: Apache-2.0
#include "buildkit/linked_results.h"

#include <gtest/gtest.h>

#include "buildkit/message.h"
#include "oci/image/digest.h"
#include "testing/must.h"

namespace gantry::buildkit {
namespace {

TEST(LinkedResults, ABuildIsKnownAgainBehindWhatAClientAdds) {
  pb::Definition definition;
  describe_result("w1x2", definition);
  ASSERT_EQ(definition.def_size(), 2);
  const std::string digest = oci::digest_of(definition.def(0)).str();
  EXPECT_TRUE(definition.metadata().contains(digest));
  EXPECT_EQ(MUST(parse<pb::Op>(definition.def(1), "op")).inputs(0).digest(), digest);
  definition.add_def(definition.def(1));
  EXPECT_EQ(MUST(result_of(definition)), "w1x2");
}

TEST(LinkedResults, GraphsOfOthersAreRefused) {
  pb::Definition definition;
  EXPECT_EQ(result_of(definition).error().code(), Code::Unsupported);
  pb::Op op;
  op.mutable_source()->set_identifier("docker-image://docker.io/library/debian");
  definition.add_def(op.SerializeAsString());
  EXPECT_EQ(result_of(definition).error().code(), Code::Unsupported);
  definition.add_def("no operation");
  EXPECT_FALSE(result_of(definition));
}

}  // namespace
}  // namespace gantry::buildkit
