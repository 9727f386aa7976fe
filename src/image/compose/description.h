// SPDX-License-Identifier: Apache-2.0
//
// What an image composed from packages is to be: a short YAML text (docs/formats/image-description.md).
//
//   distribution: debian
//   suite: bookworm
//   packages: [nginx-light]
//   users: [{name: web, uid: 900}]
//   files: [{path: /etc/motd, content: "hello\n"}]
//   config: {entrypoint: [nginx, -g, daemon off;], user: web}
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::image {

struct ComposedUser {
  std::string name;
  std::optional<std::uint32_t> uid;  // none: the first that is free from 1000 on
  std::optional<std::uint32_t> gid;  // of a group of the same name; none: the uid
  std::string home;                  // empty: /home/<name>; it is made
  std::string shell = "/bin/sh";
  std::string comment;
  std::vector<std::string> groups;  // that are there
};

struct ComposedFile {
  std::string path;                    // absolute
  std::optional<std::string> content;  // one of these four; none of them: a directory
  std::string source;                  // a file of the host, relative to the description
  std::string link;                    // the target of a symbolic link
  std::string mode;                    // octal; empty: 0644, of a directory 0755
  std::string owner;                   // user[:group], names or numbers; empty: root
};

// Docker's words in the style of the rest.
struct ComposedConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::map<std::string, std::string> env;
  std::string user;
  std::string working_dir;
  std::vector<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
};

struct Description {
  std::string distribution;             // "debian", "ubuntu", or "rpm" for what dnf installs
  std::string suite;                    // "bookworm"; of an RPM distribution its release ("39")
  std::string architecture;             // as OCI has it ("amd64"); empty: the host's
  std::string mirror;                   // empty: the distribution's own
  std::vector<std::string> components;  // of Debian's archives; empty: main
  std::string keyring;                  // a file that the archive is signed by; empty: the host's
  std::vector<std::string> sources;     // lines for apt in place of mirror and components; of dnf, id=url
  std::vector<std::string> packages;
  std::vector<ComposedUser> users;
  std::vector<ComposedFile> files;
  ComposedConfig config;
  // Seconds since 1970: no file is younger, and the image was made then. None: $SOURCE_DATE_EPOCH, else when
  // the archive was last changed.
  std::optional<std::int64_t> source_date_epoch;
};

// InvalidArgument with the line, or the field's path; keys that are not known are errors.
Result<Description> parse_description(std::string_view yaml);

}  // namespace gantry::image
