// SPDX-License-Identifier: Apache-2.0
#include "image/compose/package_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/process.h"
#include "base/scratch_directory.h"
#include "http/client.h"
#include "kernel/rooted_path.h"
#include "oci/image/platform.h"

namespace gantry::image {
namespace {

constexpr std::size_t kMostRelease = 16 << 20;
constexpr std::size_t kMostStatus = 256 << 20;
// Where RPM distributions have it today; older ones look for it by the link's name.
constexpr const char* kRpmDatabase = "/usr/lib/sysimage/rpm";
constexpr const char* kRpmLink = "var/lib/rpm";

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string mirror_of(const Description& description) {
  if (!description.mirror.empty()) return description.mirror;
  return description.distribution == "ubuntu" ? "http://archive.ubuntu.com/ubuntu"
                                              : "http://deb.debian.org/debian";
}

// The host's environment, with what makes the same come out twice. `home`: another one; empty: the host's.
std::vector<std::string> environment(std::int64_t epoch, const std::string& home = {}) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!home.empty() && text.starts_with("HOME=")) continue;
    if (!text.starts_with("SOURCE_DATE_EPOCH=") && !text.starts_with("LC_") && !text.starts_with("LANG"))
      variables.emplace_back(text);
  }
  if (!home.empty()) variables.push_back("HOME=" + home);
  variables.push_back(fmt::format("SOURCE_DATE_EPOCH={}", epoch));
  variables.emplace_back("LC_ALL=C.UTF-8");
  return variables;
}

Result<void> run(const Command& command) {
  auto process = spawn(command);
  if (!process && process.error().code() == Code::NotFound)
    return error(Code::NotFound, "the program '{}' is not installed", command.program);
  if (!process) return std::move(process).error();
  const WaitStatus status = TRY(process->wait());
  if (!status.is_success()) return error(Code::Internal, "'{}': {}", command.program, status.describe());
  return {};
}

// Debian's word for an architecture.
std::string debian_architecture(const std::string& architecture) {
  if (architecture == "386") return "i386";
  if (architecture == "arm") return "armhf";
  if (architecture == "ppc64le") return "ppc64el";
  return architecture;
}

// And RPM's.
std::string rpm_architecture(const std::string& architecture) {
  if (architecture == "amd64") return "x86_64";
  if (architecture == "arm64") return "aarch64";
  return architecture;
}

Result<void> run_mmdebstrap(const Description& description, const std::string& directory, std::int64_t epoch,
                            int output) {
  std::vector<std::string> arguments = {"mmdebstrap",
                                        "--mode=root",
                                        "--format=directory",
                                        "--variant=essential",
                                        "--aptopt=Acquire::Languages \"none\"",
                                        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"};
  if (!description.packages.empty()) arguments.push_back("--include=" + joined(description.packages));
  if (!description.components.empty()) arguments.push_back("--components=" + joined(description.components));
  if (!description.architecture.empty())
    arguments.push_back("--architectures=" + debian_architecture(description.architecture));
  if (!description.keyring.empty()) arguments.push_back("--keyring=" + description.keyring);
  arguments.push_back(description.suite);
  arguments.push_back(directory);
  if (description.sources.empty())
    arguments.push_back(mirror_of(description));
  else
    arguments.insert(arguments.end(), description.sources.begin(), description.sources.end());
  return run({.program = "mmdebstrap",
              .arguments = std::move(arguments),
              .environment = environment(epoch),
              .in = kDevNull,
              .out = output,
              .err = output});
}

// Debian's rpm keeps its database in the user's home, the image's in a place of the distribution: only a
// macro tells them, which is read from the home of who runs dnf.
Result<void> set_rpm_database(const std::string& directory, const std::string& home) {
  TRY(make_directories(directory + kRpmDatabase, 0755));
  TRY(make_directories(directory + "/var/lib", 0755));
  if (::symlink(fmt::format("../..{}", kRpmDatabase).c_str(),
                fmt::format("{}/{}", directory, kRpmLink).c_str()) < 0)
    return sys_error("make the link '{}'", kRpmLink);
  return replace_file_at(AT_FDCWD, home + "/.rpmmacros", fmt::format("%_dbpath {}\n", kRpmDatabase), 0644);
}

Result<void> run_dnf(const Description& description, const std::string& directory, std::int64_t epoch,
                     int output) {
  if (description.sources.empty())
    return error(Code::InvalidArgument, "sources: dnf has to be told where packages are (ID=URL)");
  std::vector<std::string> arguments = {"dnf",
                                        "--installroot=" + directory,
                                        "--releasever=" + description.suite,
                                        "--disablerepo=*",
                                        "--setopt=install_weak_deps=False",
                                        "--setopt=keepcache=False",
                                        "--assumeyes"};
  if (!description.architecture.empty())
    arguments.push_back("--forcearch=" + rpm_architecture(description.architecture));
  if (description.keyring == "none")
    arguments.emplace_back("--nogpgcheck");
  else if (description.keyring.empty())
    return error(Code::InvalidArgument,
                 "keyring: the key that the packages are signed with, or 'none' to install them unchecked");
  for (const std::string& source : description.sources) {
    const std::size_t equals = source.find('=');
    if (equals == std::string::npos)
      return error(Code::InvalidArgument, "sources: '{}' is not ID=URL", source);
    const std::string id = source.substr(0, equals);
    arguments.push_back("--repofrompath=" + id + "," + source.substr(equals + 1));
    arguments.push_back("--enablerepo=" + id);
    if (description.keyring != "none") {
      arguments.push_back("--setopt=" + id + ".gpgcheck=1");
      arguments.push_back("--setopt=" + id + ".gpgkey=file://" + description.keyring);
    }
  }
  const auto home = TRY(ScratchDirectory::make(directory + ".home-"));
  TRY(set_rpm_database(directory, home.path()));
  arguments.emplace_back("install");
  arguments.insert(arguments.end(), description.packages.begin(), description.packages.end());
  return run({.program = "dnf",
              .arguments = std::move(arguments),
              .environment = environment(epoch, home.path()),
              .in = kDevNull,
              .out = output,
              .err = output});
}

Result<std::vector<Package>> query_rpm(const std::string& directory) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make a pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  auto process = TRY(spawn({.program = "rpm",
                            .arguments = {"rpm", "--root", directory, "--dbpath", kRpmDatabase, "--query",
                                          "--all", "--queryformat", std::string(kRpmQueryFormat)},
                            .in = kDevNull,
                            .out = writer.get()}));
  writer.reset();
  const std::string text = TRY(read_all(reader.get(), "what rpm says", kMostStatus));
  const WaitStatus status = TRY(process.wait());
  if (!status.is_success()) return error(Code::Internal, "'rpm --query': {}", status.describe());
  return parse_rpm_query(text);
}

}  // namespace

Result<std::int64_t> archive_date(const Description& description) {
  if (!description.sources.empty() || description.distribution == "rpm")
    return error(
        Code::InvalidArgument,
        "source_date_epoch: needed where 'sources' say where packages come from (or $SOURCE_DATE_EPOCH)");
  const std::string url = mirror_of(description) + "/dists/" + description.suite + "/InRelease";
  http::Client client(TRY(http::ClientOptions::from_environment()));
  http::ClientResponse response = TRY(client.send({.url = TRY(http::Url::parse(url))}));
  if (response.status() != 200) return error(Code::NotFound, "'{}' answers {}", url, response.status());
  const std::string text = TRY(response.read_body(kMostRelease));
  constexpr std::string_view kField = "\nDate: ";
  const std::size_t begin = text.find(kField);
  if (begin == std::string::npos) return error(Code::DataLoss, "'{}' has no date", url);
  std::string date = text.substr(begin + kField.size(), text.find('\n', begin + 1) - begin - kField.size());
  for (const std::string_view zone : {"UTC", "+0000"})  // Debian's own word, and apt-ftparchive's
    if (date.ends_with(zone)) date.replace(date.size() - zone.size(), zone.size(), "GMT");
  const auto time = http::parse_http_date(date);
  if (!time) return error(Code::DataLoss, "'{}' has the date '{}'", url, date);
  return std::int64_t{*time};
}

Result<void> install_packages(const Description& description, const std::string& directory,
                              std::int64_t epoch, int output) {
  return description.distribution == "rpm" ? run_dnf(description, directory, epoch, output)
                                           : run_mmdebstrap(description, directory, epoch, output);
}

Result<std::vector<Package>> installed_packages(const Description& description,
                                                const std::string& directory) {
  if (description.distribution == "rpm") return query_rpm(directory);
  const kernel::RootDir root = TRY(kernel::RootDir::open(directory));
  const UniqueFd status = TRY(root.open_path("/var/lib/dpkg/status", O_RDONLY));
  return parse_dpkg_status(TRY(read_all(status.get(), "/var/lib/dpkg/status", kMostStatus)));
}

}  // namespace gantry::image
