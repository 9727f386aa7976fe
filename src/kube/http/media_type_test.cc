// SPDX-License-Identifier: Apache-2.0
#include "kube/http/media_type.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

TEST(MediaType, ReadsNamesAndParameters) {
  const MediaType type = parse_media_type("Application/JSON; charset=\"utf-8\";as=Table ;v=v1");
  EXPECT_EQ(type.name, "application/json");
  EXPECT_EQ(type.parameter("charset"), "utf-8");
  EXPECT_EQ(type.parameter("as"), "Table");
  EXPECT_EQ(type.parameter("g"), "");
}

TEST(MediaType, TheBestThatIsAcceptedCounts) {
  EXPECT_EQ(negotiate("", true)->encoding, Encoding::Json);
  EXPECT_EQ(negotiate("*/*", true)->encoding, Encoding::Json);
  const std::string protobuf = "application/vnd.kubernetes.protobuf,application/json";
  EXPECT_EQ(negotiate(protobuf, true)->encoding, Encoding::Protobuf);
  EXPECT_EQ(negotiate(protobuf, false)->encoding, Encoding::Json);
  EXPECT_EQ(negotiate("application/json;q=0.5,application/yaml", true)->encoding, Encoding::Yaml);
  EXPECT_EQ(negotiate("text/html", true).error()->code, 406);
}

TEST(MediaType, TablesAndMetadataAreMadeInOneVersion) {
  const std::string kubectl =
      "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
      "application/json";
  EXPECT_EQ(negotiate(kubectl, true)->shape, Shape::Table);
  EXPECT_EQ(negotiate("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", true)->shape,
            Shape::Whole);
  EXPECT_EQ(negotiate("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", true)->shape,
            Shape::Metadata);
}

}  // namespace
}  // namespace gantry::kube
