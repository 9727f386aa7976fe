// SPDX-License-Identifier: Apache-2.0
//
// Where an instruction takes files from: the build's context, another one by its name, or the layers of a
// stage or image ("--from", "from="). What is there is looked at only when the cache cannot tell.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/mutex.h"
#include "build/context.h"
#include "build/copy_set.h"
#include "build/file_hashes.h"
#include "build/session.h"
#include "build/source_tree.h"
#include "build/stage_state.h"
#include "dockerfile/patterns.h"
#include "kernel/mount.h"
#include "oci/image/digest.h"

namespace gantry::build {

// Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  // Lives as long as the source.
  virtual Result<const SourceTree*> tree() = 0;
  // What the files are, if they are layers, which never change; else nothing.
  virtual std::optional<oci::Digest> chain() const { return std::nullopt; }
  // As ContextFiles::is_lasting; after tree().
  virtual bool is_lasting() const { return false; }
};

// `layers` are those of the state, unpacked when they are looked at.
std::unique_ptr<Source> layers_source(const Session& session, StageState state);
// With the .dockerignore that stands beside `dockerfile_name` ("Dockerfile.dockerignore") or at the top.
std::unique_ptr<Source> context_source(std::shared_ptr<Context> context, const std::string& dockerfile_name);

// The .dockerignore that stands beside the Dockerfile ("Dockerfile.dockerignore") or at the top; empty
// without one.
struct IgnoreFile {
  dockerfile::IgnoreList list;
  std::string text;
};
Result<IgnoreFile> read_ignore_file(Context& context, const std::string& dockerfile_name);

// The digest of what the wish selects from the source, from what is remembered if the source is layers.
// `selected` gets the set if it had to be made.
Result<oci::Digest> digest_of_selection(Source& source, const CopyWish& wish, FileHashes& hashes,
                                        Cancel& cancel, std::optional<CopySet>& selected);
// The set itself.
Result<CopySet> select_files(Source& source, const CopyWish& wish);

}  // namespace gantry::build
