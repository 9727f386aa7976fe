// SPDX-License-Identifier: Apache-2.0
//
// Where COPY and ADD take files from: a directory of the host, a tar that a client sends, a repository, or
// whatever else can put its files into a directory when they are asked for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::build {

// The files of a context. What .dockerignore excludes may be there; the build does not look at it.
struct ContextFiles {
  UniqueFd directory;
  // Whether the same files will be found at the same inodes by the next build, so that their hashes are worth
  // keeping.
  bool is_lasting = false;
};

// Used by one thread at a time, by one build.
class Context {
 public:
  virtual ~Context() = default;

  // An empty directory of the build, on disk, gone when the build ends: for a context that brings its files
  // from elsewhere. Called before all else.
  virtual void use_scratch(UniqueFd) {}

  // One file ("Dockerfile", ".dockerignore"), before the files are asked for. Nothing if it is not there.
  virtual Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) = 0;

  // The files; blocks until they are there. `ignored` are the lines of .dockerignore: what they exclude need
  // not be brought. Called once, and only if a step needs files.
  virtual Result<ContextFiles> files(const std::vector<std::string>& ignored) = 0;
};

// A directory of this host, read in place.
Result<std::unique_ptr<Context>> directory_context(const std::string& path);
// A tar, compressed or not, borrowed until the build ends; it is unpacked when it is first needed. Owners are
// root's.
std::unique_ptr<Context> tar_context(ByteSource& tar);
// A repository: "https://host/repository.git#branch:subdirectory", fetched by the git program.
bool is_git_url(std::string_view text);
Result<std::unique_ptr<Context>> git_context(std::string_view url);
// No files: `docker build -` with a Dockerfile on standard input.
std::unique_ptr<Context> empty_context();

}  // namespace gantry::build
