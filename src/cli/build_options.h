// SPDX-License-Identifier: Apache-2.0
//
// What `build` is told on the command line, and the request that it becomes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/options.h"
#include "build/builder.h"

namespace gantry::cli {

struct BuildOptions {
  std::vector<std::string> tags, arguments, labels, cache_from, cache_to, no_cache_filter, secrets, agents,
      contexts, allow, add_host, ulimit, outputs;
  std::string file, target, platform, network, shm_size, memory, cgroup_parent, iidfile, metadata_file;
  std::optional<std::int64_t> pids_limit;
  std::string progress = "auto";
  bool pull = false, no_cache = false, quiet = false, remove = false, load = false, check = false;

  std::vector<Option> table();
};

// Where the result goes besides the store: one word of --output.
struct BuildOutput {
  enum class Kind : unsigned char {
    Image,
    Directory,
    Tar,
    OciArchive,
    DockerArchive,
    None
  } kind = Kind::Image;
  std::string destination;  // a path; "-": standard output
};
// "type=local,dest=out", "type=tar,dest=-", "out", "-". InvalidArgument names what there is.
Result<BuildOutput> parse_output(const std::string& text);

// A request with all that it stands on; what it reads from standard input is read while it is built.
struct PreparedBuild {
  build::BuildRequest request;
  std::unique_ptr<ByteSource> input;       // of the request's context
  std::unique_ptr<ByteSource> input_file;  // below it
};
// `where` is the operand: a directory, a URL of a repository, or "-".
Result<PreparedBuild> prepare_build(const BuildOptions& options, const std::string& where);

}  // namespace gantry::cli
