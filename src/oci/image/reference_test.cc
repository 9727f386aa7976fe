// SPDX-License-Identifier: Apache-2.0
#include "oci/image/reference.h"

#include <gtest/gtest.h>

#include "testing/must.h"

namespace gantry::oci {
namespace {

const std::string kDigest = digest_of("x").str();

std::string full(std::string_view text) { return MUST(Reference::parse(text)).str(); }
std::string familiar(std::string_view text) { return MUST(Reference::parse(text)).familiar(); }
std::string refusal(std::string_view text) {
  const auto reference = Reference::parse(text);
  return reference ? "accepted as " + reference->str() : reference.error().message();
}

TEST(Reference, completes_familiar_names) {
  EXPECT_EQ(full("busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(full("busybox:1.36"), "docker.io/library/busybox:1.36");
  EXPECT_EQ(full("me/app"), "docker.io/me/app:latest");
  EXPECT_EQ(full("docker.io/busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(full("index.docker.io/library/busybox"), "docker.io/library/busybox:latest");
  EXPECT_EQ(full("quay.io/a/b/c"), "quay.io/a/b/c:latest");
}

TEST(Reference, tells_a_registry_from_a_path) {
  EXPECT_EQ(full("localhost/app"), "localhost/app:latest");
  EXPECT_EQ(full("localhost:5000/app"), "localhost:5000/app:latest");
  EXPECT_EQ(full("localhost:5000"), "docker.io/library/localhost:5000");
  EXPECT_EQ(full("registry:5000/app:v1"), "registry:5000/app:v1");
  EXPECT_EQ(full("Uppercase/app"), "Uppercase/app:latest");
  EXPECT_EQ(full("[fd00::1]:5000/app:v1"), "[fd00::1]:5000/app:v1");
  EXPECT_EQ(full("[::1]/app"), "[::1]/app:latest");
  EXPECT_EQ(full("10.0.0.1:80/app"), "10.0.0.1:80/app:latest");
}

TEST(Reference, takes_tag_and_digest_together) {
  const Reference both = MUST(Reference::parse("app:v1@" + kDigest));
  EXPECT_EQ(both.tag(), "v1");
  EXPECT_EQ(both.digest(), digest_of("x"));
  EXPECT_EQ(both.str(), "docker.io/library/app:v1@" + kDigest);

  const Reference digest = MUST(Reference::parse("app@" + kDigest));
  EXPECT_FALSE(digest.tag());
  EXPECT_EQ(digest.familiar(), "app@" + kDigest);
  EXPECT_EQ(MUST(digest.with_tag("v2")).familiar(), "app:v2@" + kDigest);
  EXPECT_EQ(both.without_digest().familiar(), "app:v1");
  EXPECT_EQ(both.untagged().familiar(), "app");
  EXPECT_FALSE(digest.with_tag("-"));
}

TEST(Reference, is_familiar_where_that_means_the_same) {
  EXPECT_EQ(familiar("docker.io/library/busybox"), "busybox:latest");
  EXPECT_EQ(familiar("docker.io/me/app:v1"), "me/app:v1");
  EXPECT_EQ(familiar("docker.io/library/a/b"), "library/a/b:latest");
  EXPECT_EQ(familiar("quay.io/library/busybox"), "quay.io/library/busybox:latest");
  // "a.b/c" would be a registry.
  EXPECT_EQ(familiar("docker.io/a.b/c"), "docker.io/a.b/c:latest");
  EXPECT_EQ(familiar("docker.io/localhost/c"), "docker.io/localhost/c:latest");
  const std::string id(64, 'a');
  EXPECT_EQ(MUST(Reference::parse_untagged("library/" + id)).familiar(), "library/" + id);
}

TEST(Reference, without_a_tag_is_a_repository) {
  EXPECT_EQ(MUST(Reference::parse_untagged("busybox")).str(), "docker.io/library/busybox");
  EXPECT_EQ(MUST(Reference::of("", "busybox")).str(), "docker.io/library/busybox");
  EXPECT_EQ(MUST(Reference::of("r:1", "busybox")).str(), "r:1/busybox");
}

TEST(Reference, takes_every_separator_of_the_grammar) {
  for (const char* name : {"a.b", "a_b", "a__b", "a-b", "a---b", "a.b-c__d", "0/1", "a/b.c/d"})
    EXPECT_TRUE(is_repository(name)) << name;
  for (const char* name :
       {"", "a..b", "a___b", "a._b", ".a", "a.", "-a", "a-", "_a", "a//b", "/a", "a/", "A", "a+b"})
    EXPECT_FALSE(is_repository(name)) << name;
}

TEST(Reference, refuses_what_docker_refuses) {
  EXPECT_EQ(refusal(""), "the image name is empty");
  EXPECT_EQ(refusal("Busybox"), "image name 'library/Busybox': a repository is written in lower case");
  EXPECT_EQ(refusal(std::string(64, 'a')),
            "image name '" + std::string(64, 'a') + "': 64 hexadecimal digits are an image id, not a name");
  EXPECT_TRUE(refusal("app:").starts_with("image name 'app:': a tag has 1 to 128"));
  EXPECT_TRUE(refusal("app:-v").starts_with("image name 'app:-v': a tag"));
  EXPECT_TRUE(refusal("app:" + std::string(129, 'v')).find("a tag has") != std::string::npos);
  EXPECT_TRUE(
      refusal("app@sha256:12").starts_with("image name 'app@sha256:12': 'sha256:12' is not a digest"));
  for (const char* name : {"a//b",       "/a",     "a/",     ":v",       "@",       "a b",
                           "a\n",        "-x.y/a", "x-.y/a", "a..b/c",   "x.y:0/a", "x.y:65536/a",
                           "x.y:port/a", "[::1/a", "[]/a",   "[g::1]/a", "[::1]",   "https://x.y/a",
                           "x_y.z/a",    "a:v:w"})
    EXPECT_TRUE(refusal(name).starts_with("image name")) << name << ": " << refusal(name);
}

TEST(Reference, has_255_bytes_at_most) {
  const std::string longest = "quay.io/" + std::string(kMaxNameLength - 8, 'a');
  EXPECT_EQ(full(longest), longest + ":latest");
  EXPECT_NE(refusal(longest + "a").find("more than the 255 bytes allowed"), std::string::npos);
}

}  // namespace
}  // namespace gantry::oci
