// SPDX-License-Identifier: Apache-2.0
#include "image/compose/sbom.h"

#include "base/json.h"
#include "base/timestamp.h"

namespace gantry::image {
namespace {

// Of letters, digits, dots and dashes alone (SPDX 2.3, 7.2).
std::string spdx_id(std::string_view prefix, std::string_view text) {
  std::string id = "SPDXRef-";
  id += prefix;
  for (const char c : text) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
    id += is_plain ? c : '-';
  }
  return id;
}

std::string purl_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '.' || c == '-' || c == '_' || c == '~';
    if (is_plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string purl_of(const SbomSubject& subject, const Package& package) {
  return fmt::format("pkg:{}/{}/{}@{}?arch={}&distro={}", subject.is_rpm ? "rpm" : "deb",
                     subject.distribution, purl_encoded(package.name), purl_encoded(package.version),
                     package.architecture, purl_encoded(subject.suite));
}

// "2026-11-21T10:20:30Z", without the fraction (SPDX 2.3, 6.9).
std::string to_seconds(std::int64_t time) {
  return format_timestamp({.tv_sec = time}).substr(0, std::string_view("2026-11-21T10:20:30").size()) + "Z";
}

void write_package(json::Writer& json, const SbomSubject& subject, const Package& package,
                   const std::string& id) {
  json.begin_object().key("SPDXID").value(id).key("name").value(package.name);
  json.key("versionInfo").value(package.version).key("downloadLocation").value("NOASSERTION");
  json.key("filesAnalyzed").value(false).key("licenseConcluded").value("NOASSERTION");
  json.key("licenseDeclared").value("NOASSERTION").key("copyrightText").value("NOASSERTION");
  json.key("supplier")
      .value(package.maintainer.empty() ? "NOASSERTION" : "Organization: " + package.maintainer);
  if (!package.source.empty()) {
    const std::string& version = package.source_version.empty() ? package.version : package.source_version;
    json.key("sourceInfo")
        .value(fmt::format("built from {} {}", package.source, subject.is_rpm ? "" : version));
  }
  json.key("externalRefs").begin_array().begin_object();
  json.key("referenceCategory").value("PACKAGE-MANAGER").key("referenceType").value("purl");
  json.key("referenceLocator").value(purl_of(subject, package)).end_object().end_array().end_object();
}

void write_relation(json::Writer& json, std::string_view from, std::string_view type, std::string_view to) {
  json.begin_object().key("spdxElementId").value(from).key("relationshipType").value(type);
  json.key("relatedSpdxElement").value(to).end_object();
}

}  // namespace

std::string spdx_document(const SbomSubject& subject, std::span<const Package> packages) {
  constexpr std::string_view kDocument = "SPDXRef-DOCUMENT";
  constexpr std::string_view kImage = "SPDXRef-Image";
  std::vector<std::string> ids;
  for (const Package& package : packages)
    ids.push_back(spdx_id("Package-", package.name + "-" + package.version + "-" + package.architecture));
  json::Writer json;
  json.begin_object().key("spdxVersion").value("SPDX-2.3").key("dataLicense").value("CC0-1.0");
  json.key("SPDXID").value(kDocument).key("name").value(subject.name);
  json.key("documentNamespace").value("https://gantry.invalid/spdx/" + subject.digest);
  json.key("creationInfo").begin_object().key("created").value(to_seconds(subject.created));
  json.key("creators").begin_array().value("Tool: gantry").end_array().end_object();
  json.key("packages").begin_array();
  json.begin_object().key("SPDXID").value(kImage).key("name").value(subject.name);
  json.key("versionInfo").value(subject.digest).key("downloadLocation").value("NOASSERTION");
  json.key("filesAnalyzed").value(false).key("primaryPackagePurpose").value("CONTAINER").end_object();
  for (std::size_t i = 0; i < packages.size(); ++i) write_package(json, subject, packages[i], ids[i]);
  json.end_array().key("relationships").begin_array();
  write_relation(json, kDocument, "DESCRIBES", kImage);
  for (const std::string& id : ids) write_relation(json, kImage, "CONTAINS", id);
  json.end_array().end_object();
  return std::move(json).text();
}

}  // namespace gantry::image
