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
#include "build/key_hasher.h"
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

// What is different from what was copied before.
struct CopyChange {
  std::vector<std::size_t> written;  // places of entries, directories above others that are among them, too
  std::vector<std::string> removed;  // targets, what is in a directory before it
};

// For the parts of CopySet: everything of an entry that ends in the layer, but for its time; and whose it
// becomes.
void add_to_key(KeyHasher& key, const FileEntry& entry, const oci::Digest& content);
void give_to(const std::optional<Owner>& owner, FileEntry& file);

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

  Result<oci::Digest> digest(FileHashes& hashes, bool is_lasting, Cancel& cancel);
  // `root` is that of the file system that becomes a layer; `owner` is who the wish's owner is there.
  // Archives are unpacked in a directory of the session first, so that nothing in them decides where anything
  // goes.
  Result<void> write(const kernel::RootDir& root, const std::optional<Owner>& owner, const Session& session,
                     Cancel& cancel) const;

  // ---- sets of very many files, of which few are different from one time to the next

  // Whether it is one, and describes itself: once digest() was asked for, without archives and files of
  // several names.
  bool is_large() const;
  // Every file, its type, and a digest of all that it is, its time included (docs/formats/build-cache.md).
  std::string description() const;
  // Between an earlier description and that of this set. Nothing where so much is different, or so unlike,
  // that it is better written anew.
  std::optional<CopyChange> change_since(std::string_view before, std::string_view now) const;
  // Where what was described is now: no more than the change.
  Result<void> write_change(const CopyChange& change, const kernel::RootDir& root,
                            const std::optional<Owner>& owner, Cancel& cancel) const;

 private:
  void add_entry(FileEntry entry);
  Result<void> add_file(FileEntry entry);
  Result<void> write_archive(const FileEntry& entry, const std::optional<Owner>& owner, TreeWriter& writer,
                             const Session& session) const;
  Result<void> add_parents(const SourceTree& tree, const std::string& path, std::size_t prefix);
  Result<void> add_found(const SourceTree& tree, const std::string& path, std::size_t prefix);

  const CopyWish* wish_;
  std::vector<FileEntry> entries_;
  std::vector<oci::Digest> contents_;  // of the entries, by digest()
  std::set<std::string> parents_;
  std::size_t files_ = 0;        // named by a source, or here-documents
  std::size_t directories_ = 0;  // named by a source
  std::string nothing_at_;       // a source that found nothing
};

}  // namespace gantry::build
