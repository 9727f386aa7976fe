// SPDX-License-Identifier: Apache-2.0
#include "image/compose/package.h"

#include <algorithm>

#include "base/trim.h"

namespace gantry::image {
namespace {

constexpr std::string_view kSpace = " \t\r";  // of a line of dpkg's

void sort(std::vector<Package>& packages) {
  std::ranges::sort(packages, [](const Package& a, const Package& b) {
    return std::tie(a.name, a.architecture) < std::tie(b.name, b.architecture);
  });
}

// "glibc (2.36-9)", or a name alone.
void set_source(Package& package, std::string_view value) {
  const std::size_t open = value.find('(');
  package.source = trimmed(value.substr(0, open), kSpace);
  if (open == std::string_view::npos) return;
  const std::size_t close = std::min(value.find(')', open), value.size());
  package.source_version = trimmed(value.substr(open + 1, close - open - 1), kSpace);
}

void set(Package& package, bool& is_installed, std::string_view name, std::string_view value) {
  if (name == "Package")
    package.name = value;
  else if (name == "Version")
    package.version = value;
  else if (name == "Architecture")
    package.architecture = value;
  else if (name == "Maintainer")
    package.maintainer = value;
  else if (name == "Source")
    set_source(package, value);
  else if (name == "Status")
    is_installed = value.ends_with(" installed");
}

}  // namespace

Result<std::vector<Package>> parse_dpkg_status(std::string_view text) {
  std::vector<Package> packages;
  Package package;
  bool is_installed = false;
  const auto end_paragraph = [&]() -> Result<void> {
    if (is_installed && (package.name.empty() || package.version.empty()))
      return error(Code::DataLoss, "dpkg's status has a package without name or version");
    if (is_installed) packages.push_back(std::move(package));
    package = {};
    is_installed = false;
    return {};
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (trimmed(line, kSpace).empty()) {
      TRY(end_paragraph());
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') continue;  // of the field before
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return error(Code::DataLoss, "dpkg's status has a line without a colon");
    set(package, is_installed, line.substr(0, colon), trimmed(line.substr(colon + 1), kSpace));
  }
  TRY(end_paragraph());
  sort(packages);
  return packages;
}

Result<std::vector<Package>> parse_rpm_query(std::string_view text) {
  std::vector<Package> packages;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    Package package;
    for (std::string* field : {&package.name, &package.version, &package.architecture, &package.source,
                               &package.source_version, &package.maintainer}) {
      const std::size_t tab = line.find('\t');
      *field = line.substr(0, tab);
      line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
    }
    if (package.name.empty() || package.version.empty())
      return error(Code::DataLoss, "rpm tells of a package without name or version");
    if (package.name != "gpg-pubkey") packages.push_back(std::move(package));  // a key that rpm keeps as one
  }
  sort(packages);
  return packages;
}

}  // namespace gantry::image
