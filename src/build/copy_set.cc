// SPDX-License-Identifier: Apache-2.0
#include "build/copy_set.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "base/timestamp.h"
#include "build/archive.h"
#include "build/base_name.h"
#include "build/key_hasher.h"

namespace gantry::build {
namespace {}  // namespace

// Everything of an entry that ends in the layer, but for its time.
void add_to_key(KeyHasher& key, const FileEntry& entry, const oci::Digest& content) {
  const image::FileAttributes& attributes = entry.attributes;
  key.text(entry.target)
      .number(entry.type)
      .number(attributes.mode)
      .number(attributes.uid)
      .number(attributes.gid);
  key.digest(content).text(entry.same_as).text(entry.link_target).number(entry.is_archive);
  key.number(S_ISCHR(entry.type) || S_ISBLK(entry.type) ? entry.device_number : 0);
  key.number(attributes.xattrs.size());
  for (const auto& [name, value] : attributes.xattrs) key.text(name).text(value);
}

void give_to(const std::optional<Owner>& owner, FileEntry& file) {
  if (!owner) return;
  file.attributes.uid = owner->uid;
  file.attributes.gid = owner->gid;
}

void CopySet::add_entry(FileEntry entry) {
  image::FileAttributes& attributes = entry.attributes;
  if (!wish_->owner.empty()) attributes.uid = attributes.gid = 0;  // whoever it belonged to
  if (wish_->mode && !S_ISLNK(entry.type))
    attributes.mode = wish_->mode->apply(attributes.mode, S_ISDIR(entry.type));
  entries_.push_back(std::move(entry));
}

Result<void> CopySet::add_document(const CopyWish::Document& document) {
  FileEntry entry{.text = document.content, .target = document.name};
  entry.attributes.mode = 0644;
  entry.attributes.mtime = wall_clock_now();
  entry.size = document.content.size();
  return add_file(std::move(entry));
}

Result<void> CopySet::add_file(FileEntry entry) {
  if (wish_->unpacks_archives && S_ISREG(entry.type) && entry.root) entry.is_archive = TRY(is_archive(entry));
  add_entry(std::move(entry));
  ++files_;
  return {};
}

Result<void> CopySet::add_download(FileEntry entry, bool unpacks) {
  entry.is_archive = unpacks && TRY(is_archive(entry));
  add_entry(std::move(entry));
  ++files_;
  return {};
}

Result<void> CopySet::add(const SourceTree& tree, const std::string& source) {
  // With --parents, "a/./b/c" keeps what stands behind the dot.
  std::size_t prefix = 0;
  if (const std::size_t pivot = source.find("/./"); wish_->keeps_parents && pivot != source.npos) {
    prefix = clean_relative(source.substr(0, pivot)).size();
    if (prefix > 0) ++prefix;
  }
  const std::vector<std::string> paths = TRY_DURING(tree.find(source), "source '{}'", printable(source));
  if (paths.empty()) nothing_at_ = source;
  for (const std::string& path : paths)
    TRY_DURING(add_found(tree, path, prefix), "source '{}'", printable(source));
  return {};
}

Result<void> CopySet::add_found(const SourceTree& tree, const std::string& path, std::size_t prefix) {
  const SourceTree::Found found = TRY(tree.resolve(path));
  const auto excluded = TRY(dockerfile::IgnoreList::of(wish_->excludes));
  std::string target = found.is_directory ? "" : base_name(path);
  if (wish_->keeps_parents) {
    target = path.substr(std::min(prefix, path.size()));
    TRY(add_parents(tree, path, prefix));
    if (found.is_directory && !target.empty()) add_entry(TRY(tree.directory_entry(found.path, target)));
  }
  std::vector<FileEntry> entries;
  TRY(tree.collect(found, target, excluded, entries));
  if (found.is_directory) {
    ++directories_;
    for (FileEntry& entry : entries) add_entry(std::move(entry));
  } else {
    for (FileEntry& entry : entries) TRY(add_file(std::move(entry)));
  }
  return {};
}

// The directories above a path, with the attributes that they have, each once.
Result<void> CopySet::add_parents(const SourceTree& tree, const std::string& path, std::size_t prefix) {
  for (std::size_t end = path.find('/', prefix); end != path.npos; end = path.find('/', end + 1)) {
    const std::string parent = path.substr(0, end);
    if (parents_.insert(parent).second) add_entry(TRY(tree.directory_entry(parent, parent.substr(prefix))));
  }
  return {};
}

Result<void> CopySet::check() const {
  if (files_ + directories_ == 0)
    return error(Code::NotFound, "'{}' fits no file of the source", printable(nothing_at_));
  if (files_ + directories_ > 1 && !wish_->names_directory() && !wish_->keeps_parents)
    return error(
        Code::InvalidArgument,
        "there are several sources, so the destination '{}' has to be a directory and end with a '/'",
        printable(wish_->destination));
  return {};
}

Result<oci::Digest> CopySet::digest(FileHashes& hashes, bool is_lasting, Cancel& cancel) {
  contents_ = TRY(hashes.contents(entries_, is_lasting, cancel));
  KeyHasher key;
  key.number(files_).number(directories_);  // they decide what the destination is
  for (std::size_t i = 0; i < entries_.size(); ++i) add_to_key(key, entries_[i], contents_[i]);
  return key.finish();
}

Result<void> CopySet::write(const kernel::RootDir& root, const std::optional<Owner>& owner,
                            const Session& session, Cancel& cancel) const {
  const std::string path = kernel::clean_path(wish_->destination);
  bool names_file = files_ == 1 && directories_ == 0 && !entries_.empty() && !entries_[0].is_archive &&
                    !wish_->names_directory() && !wish_->keeps_parents;
  if (names_file && root.open_path(path, O_PATH | O_DIRECTORY)) names_file = false;  // into that directory
  const std::string directory_path = names_file ? path.substr(0, path.rfind('/') + 1) : path;
  const UniqueFd directory = TRY(make_destination(root, directory_path, owner.value_or(Owner{})));
  TreeWriter writer(directory.get(), cancel);
  for (const FileEntry& entry : entries_) {
    if (entry.is_archive) {
      TRY_DURING(write_archive(entry, owner, writer, session), "unpack '{}'", printable(entry.path));
      continue;
    }
    FileEntry file = entry;
    give_to(owner, file);
    if (names_file) file.target = base_name(path);
    TRY(writer.add(file));
  }
  return writer.finish();
}

Result<void> CopySet::write_archive(const FileEntry& entry, const std::optional<Owner>& owner,
                                    TreeWriter& writer, const Session& session) const {
  const UniqueFd scratch =
      TRY(open_at(AT_FDCWD, TRY(session.make_directory("archive")), O_RDONLY | O_DIRECTORY));
  TRY(unpack_archive(entry, scratch.get()));
  const SourceTree tree(TRY(open_at(scratch.get(), ".", O_PATH | O_DIRECTORY)), nullptr, Owners::Kept);
  std::vector<FileEntry> unpacked;
  TRY(tree.collect({.path = "", .is_directory = true}, "", {}, unpacked));
  for (FileEntry& file : unpacked) {
    give_to(owner, file);
    TRY(writer.add(file));
  }
  return {};
}

}  // namespace gantry::build
