// SPDX-License-Identifier: Apache-2.0
//
// What one COPY or ADD copies: the entries, in order, and the digest of all that they are. Times are not in
// it: the same files with other times are the same.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/cancel.h"
#include "build/file_entry.h"
#include "build/file_hashes.h"
#include "build/file_mode.h"
#include "build/session.h"
#include "build/source_tree.h"
#include "build/tree_writer.h"
#include "oci/image/digest.h"

namespace gantry::build {

// COPY and ADD with everything expanded.
struct CopyWish {
  std::vector<std::string> sources;
  struct Document {
    std::string name, content;
  };
  std::vector<Document> documents;
  std::string destination;  // absolute; a "/" at its end says that it is a directory
  std::string owner;        // "user:group", "55"; empty: root's, or the source's
  std::optional<FileMode> mode;
  std::string mode_text;  // as it was written
  std::vector<std::string> excludes;
  bool keeps_parents = false;
  bool unpacks_archives = false;  // files that a source names and that are tars (ADD)

  bool names_directory() const { return destination.ends_with('/'); }
};

class CopySet {
 public:
  // The wish outlives the set.
  explicit CopySet(const CopyWish& wish) : wish_(&wish) {}

  // What a source of the wish names in the tree. Finding nothing is no error as long as another source finds
  // something: check().
  Result<void> add(const SourceTree& tree, const std::string& source);
  Result<void> add_document(const CopyWish::Document& document);
  // Everything in a tree (a repository), and one file from elsewhere.
  Result<void> add_root(const SourceTree& tree) { return add_found(tree, "", 0); }
  Result<void> add_download(FileEntry entry, bool unpacks);

  // InvalidArgument if there is nothing, or several files are to become one.
  Result<void> check() const;
  const std::vector<FileEntry>& entries() const { return entries_; }

  Result<oci::Digest> digest(FileHashes& hashes, bool is_lasting, Cancel& cancel) const;
  // `root` is that of the file system that becomes a layer; `owner` is who the wish's owner is there.
  // Archives are unpacked in a directory of the session first, so that nothing in them decides where anything
  // goes.
  Result<void> write(const kernel::RootDir& root, const std::optional<Owner>& owner, const Session& session,
                     Cancel& cancel) const;

 private:
  void add_entry(FileEntry entry);
  Result<void> add_file(FileEntry entry);
  Result<void> write_archive(const FileEntry& entry, const std::optional<Owner>& owner, TreeWriter& writer,
                             const Session& session) const;
  Result<void> add_parents(const SourceTree& tree, const std::string& path, std::size_t prefix);
  Result<void> add_found(const SourceTree& tree, const std::string& path, std::size_t prefix);

  const CopyWish* wish_;
  std::vector<FileEntry> entries_;
  std::set<std::string> parents_;
  std::size_t files_ = 0;        // named by a source, or here-documents
  std::size_t directories_ = 0;  // named by a source
  std::string nothing_at_;       // a source that found nothing
};

}  // namespace gantry::build
