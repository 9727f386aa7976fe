// SPDX-License-Identifier: Apache-2.0
#include "image/compose/package.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "image/compose/sbom.h"
#include "testing/must.h"

namespace gantry::image {
namespace {

constexpr std::string_view kStatus = R"(Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib (1:1.2.13)
Version: 1:1.2.13.dfsg-1
Description: compression
 of several: lines
Maintainer: Someone <s@example.org>

Package: gone
Status: deinstall ok config-files
Version: 1

Package: apt
Status: install ok installed
Version: 2.6
Architecture: amd64
)";

TEST(Packages, AreReadFromDpkg) {
  const auto packages = MUST(parse_dpkg_status(kStatus));
  ASSERT_EQ(packages.size(), 2u);
  EXPECT_EQ(packages[0].name, "apt");
  EXPECT_EQ(packages[1].source, "zlib");
  EXPECT_EQ(packages[1].source_version, "1:1.2.13");
  EXPECT_EQ(packages[1].maintainer, "Someone <s@example.org>");
  EXPECT_FALSE(parse_dpkg_status("nonsense\n").has_value());
}

TEST(Packages, AreReadFromRpm) {
  const auto packages =
      MUST(parse_rpm_query("bash\t5.2-1\tx86_64\tbash-5.2-1.src.rpm\t\tFedora\n"
                           "gpg-pubkey\t1-2\t(none)\t(none)\t\tx\n"));
  ASSERT_EQ(packages.size(), 1u);
  EXPECT_EQ(packages[0].source, "bash-5.2-1.src.rpm");
  EXPECT_EQ(packages[0].maintainer, "Fedora");
}

TEST(Sbom, IsADocumentOfAllPackages) {
  const auto packages = MUST(parse_dpkg_status(kStatus));
  const SbomSubject subject{.name = "base:1",
                            .digest = "sha256:00",
                            .distribution = "debian",
                            .suite = "bookworm",
                            .created = 1700000000};
  const std::string text = spdx_document(subject, packages);
  EXPECT_EQ(text, spdx_document(subject, packages));
  EXPECT_TRUE(json::Document::parse(text).has_value());
  for (const std::string part : {R"("spdxVersion":"SPDX-2.3")", R"("created":"2023-11-14T22:13:20Z")",
                                 R"("versionInfo":"1:1.2.13.dfsg-1")",
                                 "pkg:deb/debian/zlib1g@1%3A1.2.13.dfsg-1?arch=amd64&distro=bookworm",
                                 R"("relationshipType":"DESCRIBES")"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

}  // namespace
}  // namespace gantry::image
