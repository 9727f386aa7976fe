// SPDX-License-Identifier: Apache-2.0
//
// Files of a git repository, fetched by the git program: "https://host/repository.git#branch:directory",
// "git@host:repository.git", "github.com/user/repository". Prompts, hooks, and transports that run programs
// are off; submodules are fetched.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::build {

struct GitSource {
  std::string url;
  std::string reference;     // branch, tag or commit; empty: what HEAD is there
  std::string subdirectory;  // relative; empty: all

  // InvalidArgument for what git could take for an option, or a directory that leads out.
  static Result<GitSource> parse(std::string_view text);
};

// Puts the files into the empty directory `into` and opens the subdirectory. Without ".git" unless asked for.
Result<UniqueFd> fetch_git(const GitSource& source, int into, bool keeps_git);

// The commit that the reference stands for now: what a cache has to know. Asks the server.
Result<std::string> find_commit(const GitSource& source);

}  // namespace gantry::build
