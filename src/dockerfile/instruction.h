// SPDX-License-Identifier: Apache-2.0
//
// The instructions of a Dockerfile, as they are written: nothing is expanded yet, since what variables hold
// is known when the stage is built. Each has the place it stands at.
//
// Source: https://docs.docker.com/reference/dockerfile/ and, where that is silent, what docker's builder
// does.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dockerfile/position.h"

namespace gantry::dockerfile {

// With its quotes, escapes and variables, for expand() of expansion.h.
struct Word {
  std::string text;
  Position at;
  bool is_empty() const { return text.empty(); }
  friend bool operator==(const Word&, const Word&) = default;
};

// "<<EOF" with the lines up to "EOF". With "<<-EOF" the tabs that lines begin with are gone already.
struct HereDocument {
  std::string name;
  std::string content;
  bool expands = true;  // variables, unless any of the name was quoted
  // As written after "<<", with the tabs: what a shell that gets the document whole has to see.
  std::string verbatim;
  friend bool operator==(const HereDocument&, const HereDocument&) = default;
};

// What RUN, CMD and ENTRYPOINT run.
struct CommandLine {
  bool is_shell = true;            // one word, for the shell; else a program and its arguments (JSON form)
  std::vector<std::string> words;  // taken as they are
  friend bool operator==(const CommandLine&, const CommandLine&) = default;
};

struct From {
  Word image;
  Word platform;     // --platform
  std::string name;  // AS, in lower case
};

struct Assignment {
  Word name, value;
};

struct Arg {
  struct Item {
    std::string name;
    std::optional<Word> value;  // the default
    Position at;
  };
  std::vector<Item> items;
};

struct Env {
  std::vector<Assignment> items;
};
struct Label {
  std::vector<Assignment> items;
};
struct Maintainer {
  std::string name;
};
struct Expose {
  std::vector<Word> ports;
};
struct User {
  Word user;
};
struct Workdir {
  Word path;
};
struct StopSignal {
  Word signal;
};
struct Volume {
  std::vector<Word> paths;
};
struct Shell {
  std::vector<std::string> words;
};
struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};

struct Healthcheck {
  bool is_none = false;
  CommandLine command;
  std::chrono::nanoseconds interval{}, timeout{}, start_period{}, start_interval{};  // 0: not said
  std::int64_t retries = 0;
};

// Kept as text: it is parsed again when an image that is built on this one is.
struct OnBuild {
  std::string text;
};

enum class MountType : std::uint8_t { Bind, Cache, Tmpfs, Secret, Ssh };
std::string_view name_of(MountType type);
enum class CacheSharing : std::uint8_t { Shared, Private, Locked };

// RUN --mount. Which fields a type has: https://docs.docker.com/reference/dockerfile/#run---mount
struct RunMount {
  MountType type = MountType::Bind;
  Position at;
  Word from, source, target, id;
  Word env;                  // of a secret: the variable it is put into
  bool is_read_only = true;  // bind; else false unless said
  bool is_required = false;  // secret, ssh
  CacheSharing sharing = CacheSharing::Shared;
  std::optional<std::uint64_t> size;  // tmpfs: bytes
  std::optional<std::uint32_t> mode, uid, gid;
};

enum class RunNetwork : std::uint8_t { Default, None, Host };
enum class RunSecurity : std::uint8_t { Sandbox, Insecure };

struct Run {
  CommandLine command;
  std::vector<HereDocument> documents;
  std::vector<RunMount> mounts;
  RunNetwork network = RunNetwork::Default;
  RunSecurity security = RunSecurity::Sandbox;
};

// COPY and ADD.
struct Copy {
  bool is_add = false;
  std::vector<Word> sources;
  std::vector<HereDocument> documents;  // further sources
  Word destination;
  Word from;  // a stage, a named context, or an image
  Word chown, chmod, checksum;
  std::vector<Word> excludes;
  bool is_linked = false;       // --link
  bool keeps_parents = false;   // --parents
  bool keeps_git = false;       // --keep-git-dir
  std::optional<bool> unpacks;  // --unpack: else what ADD does by itself
};

using InstructionBody = std::variant<From, Arg, Env, Label, Maintainer, Expose, User, Workdir, StopSignal,
                                     Volume, Shell, Cmd, Entrypoint, Healthcheck, OnBuild, Run, Copy>;

struct Instruction {
  std::string keyword;  // "RUN"
  std::string text;     // all of it in one line, without comments and the here-documents' lines
  Position at;
  LineRange lines;
  InstructionBody body;
};

}  // namespace gantry::dockerfile
