// SPDX-License-Identifier: Apache-2.0
//
// What files hold, by hash, remembered from build to build (<root>/build/build.db): a file that has not
// changed is not read again. And what whole selections of unpacked layers hold, which never change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "build/cancel.h"
#include "build/file_entry.h"
#include "database/database.h"
#include "oci/image/digest.h"

namespace gantry::build {

// Thread-safe. A power loss may take the last hashes.
class FileHashes {
 public:
  // `path` of the database file.
  static Result<FileHashes> open(const std::string& path);

  // Of the regular files among the entries, in order; empty digests for others. `is_lasting`: the files will
  // be there again, so that their hashes are worth keeping.
  Result<std::vector<oci::Digest>> contents(std::span<const FileEntry> entries, bool is_lasting,
                                            Cancel& cancel);

  // Of what was selected from a stack of layers.
  Result<std::optional<oci::Digest>> selection(const oci::Digest& chain, std::string_view selection) const;
  Result<void> keep_selection(const oci::Digest& chain, std::string_view selection,
                              const oci::Digest& digest);

  // What a COPY of very many files has copied last, for copy_update.cc: the key of its step, and files as
  // CopySet::description() has them. `step` is all of it but the files.
  struct Copied {
    oci::Digest key;
    std::string files;
  };
  Result<std::optional<Copied>> copied(const oci::Digest& step) const;
  Result<void> keep_copied(const oci::Digest& step, const Copied& copied);

  // Nanoseconds since 1970. What is forgotten is read again when it is needed.
  Result<void> forget_made_before(std::int64_t time);

 private:
  explicit FileHashes(database::Database database)
      : database_(std::make_unique<database::Database>(std::move(database))) {}
  Result<std::vector<oci::Digest>> known(std::span<const FileEntry> entries) const;
  std::unique_ptr<database::Database> database_;
};

}  // namespace gantry::build
