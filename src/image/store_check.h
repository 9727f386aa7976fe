// SPDX-License-Identifier: Apache-2.0
//
// Looks for damage in a store, and repairs it: reads every blob and compares it with its digest, and compares
// what is recorded with what is there. Safe while others use the store.
//
//   StoreReport report = TRY(check_store(store, {.repair = Repair::Yes}));
//   for (const Finding& finding : report.findings) print(finding.message);
//
// A blob that is damaged is removed, so that the next pull or push brings it again; images and tags that need
// it stay, and are findings too, as long as it is missing. A damaged database is not repaired: the error of
// open() says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "image/image_store.h"

namespace gantry::image {

enum class Damage : std::uint8_t {
  Database,        // SQLite finds its file damaged. Not repaired
  BlobMissing,     // a row without its file. Repair: the row goes
  BlobSize,        // a file of another size. Repair: blob and row go
  BlobContent,     // other bytes than the digest says. Repair: likewise
  BlobUnreadable,  // an error of the disk. Repair: likewise
  OrphanedFile,    // a file that no row knows. Repair: removed
  ForeignFile,     // something that is not ours in our directories. Never touched
  Unreferenced,    // held by nothing, and not a candidate for the collector. Repair: becomes one
  Incomplete,      // an image or tag that points at what is missing. Repair: pull or push it again
  Edges,           // the recorded edges of a manifest are not what it says. Repair: recorded anew
  Usage,           // the recorded size of a repository is wrong. Repair: counted anew
};
std::string_view name_of(Damage damage);  // "blob-missing"

struct Finding {
  Damage damage;
  std::string subject;  // a digest, path, image name or repository:tag
  std::string message;  // one sentence
  bool is_repaired = false;
};

enum class Repair : std::uint8_t { No, Yes };

struct CheckOptions {
  Repair repair = Repair::No;
  bool read_contents = true;  // false: only whether files are there, and their sizes
  // Bytes read so far, of all; called now and then.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress;
};

struct StoreReport {
  std::uint64_t blobs = 0;  // looked at
  std::uint64_t bytes = 0;  // read
  std::vector<Finding> findings;
};

Result<StoreReport> check_store(ImageStore& store, const CheckOptions& options = {});

}  // namespace gantry::image
