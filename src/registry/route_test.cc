// SPDX-License-Identifier: Apache-2.0
#include "registry/route.h"

#include <gtest/gtest.h>

namespace gantry::registry {
namespace {

void expect(std::string_view path, Endpoint endpoint, std::string_view repository,
            std::string_view reference) {
  const Route route = find_route(path);
  EXPECT_EQ(static_cast<int>(route.endpoint), static_cast<int>(endpoint)) << path;
  EXPECT_EQ(route.repository, repository) << path;
  EXPECT_EQ(route.reference, reference) << path;
}

TEST(Route, EveryEndpointOfTheSpecificationIsFound) {
  expect("/v2/", Endpoint::Base, "", "");
  expect("/v2", Endpoint::Base, "", "");
  expect("/v2/a/blobs/sha256:00", Endpoint::Blob, "a", "sha256:00");
  expect("/v2/a/b/manifests/latest", Endpoint::Manifest, "a/b", "latest");
  expect("/v2/a/blobs/uploads/", Endpoint::Uploads, "a", "");
  expect("/v2/a/blobs/uploads", Endpoint::Uploads, "a", "");
  expect("/v2/a/blobs/uploads/42", Endpoint::Upload, "a", "42");
  expect("/v2/a/tags/list", Endpoint::Tags, "a", "");
  expect("/v2/a/referrers/sha256:00", Endpoint::Referrers, "a", "sha256:00");
  expect("/v2/_catalog", Endpoint::Catalog, "", "");
  expect("/v2/a/_gantry/history/v1", Endpoint::History, "a", "v1");
  expect("/v2/a/b/_gantry/rollback/v1", Endpoint::Rollback, "a/b", "v1");
}

TEST(Route, ARepositoryMayBeCalledAsTheApiItself) {
  expect("/v2/blobs/uploads/manifests/v1", Endpoint::Manifest, "blobs/uploads", "v1");
  expect("/v2/tags/tags/list", Endpoint::Tags, "tags", "");
  expect("/v2/manifests/blobs/blobs/uploads/", Endpoint::Uploads, "manifests/blobs", "");
  expect("/v2/v2/referrers/referrers/sha256:0", Endpoint::Referrers, "v2/referrers", "sha256:0");
}

TEST(Route, WhatIsNoEndpointIsUnknown) {
  for (const std::string_view path :
       {"", "/", "/v1/", "/v3/a/tags/list", "/v2/a", "/v2/a/tags", "/v2/a/tags/list/x",
        "/v2/_gantry/history/v1", "/v2x/a/blobs/b", "/tokens"})
    expect(path, Endpoint::Unknown, "", "");
  // An empty name is for the grammar of names to refuse.
  expect("/v2//blobs/x", Endpoint::Blob, "", "x");
}

}  // namespace
}  // namespace gantry::registry
