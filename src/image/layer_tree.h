// SPDX-License-Identifier: Apache-2.0
//
// The directory that a layer is unpacked into, with a place in it where work goes on: the current directory,
// held open, and all above it. Moving costs a system call for each step that is not shared with the place
// before.
//
// The kernel is never asked to follow a link. Names are opened one by one without following (O_NOFOLLOW), a
// link that stands in the way is read and followed here, with the tree as "/"; so nothing that an archive
// puts there leads out. Nobody else writes to the tree meanwhile.
//
// Directories are made with mode 0700 and get their attributes in finish(), the deepest first: times stay,
// set-group-id bits and default ACLs are not inherited by what is unpacked, and an owner without privileges
// can still write.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "image/file_attributes.h"
#include "image/unpack.h"
#include "kernel/rooted_path.h"

namespace gantry::image {

class LayerTree {
 public:
  // `directory` is empty; it and all references outlive the tree.
  static Result<LayerTree> open(int directory, const UnpackOptions& options, ParentView* parents,
                                UnpackResult& result);

  // Makes `path`, from the tree's root, the current directory, and what is missing of it as the layers below
  // have it.
  Result<void> enter(std::string_view path);

  int fd() const { return levels_.back().fd.get(); }  // of the current directory
  std::size_t depth() const { return levels_.size() - 1; }
  // Where `name` in the current directory is, from the root and without links: "etc/motd".
  std::string path_of(std::string_view name) const;

  // Makes the directory `name` in the current one, or takes the one that is there; in finish() it gets
  // `attributes`.
  Result<void> add_directory(const std::string& name, FileAttributes attributes);
  // In finish() the tree's root gets `attributes`. Else it keeps what it has.
  void describe_root(FileAttributes attributes);
  // Makes room for `name`: removes what has the name, with all that is in it.
  Result<void> clear(const std::string& name);
  // Hides what the layers below have in place of `name`.
  Result<void> hide(const std::string& name);
  // Hides all that the layers below have in the current directory.
  void hide_all();
  // Brings the file or link `name` of the layers below up into the current directory; false if there is none.
  Result<bool> copy_up(const std::string& name);

  Result<void> finish();

  AttributeWriter& writer() { return writer_; }

 private:
  struct Level {
    std::string name;
    UniqueFd fd;  // O_PATH
    bool hides_below = false;
  };
  struct Directory {
    FileAttributes attributes;
    bool is_opaque = false;
  };

  LayerTree(UniqueFd root, const UnpackOptions& options, ParentView* parents, UnpackResult& result)
      : options_(options), parents_(parents), result_(result), writer_(options, result) {
    levels_.push_back({"", std::move(root)});
  }

  void leave_to(std::size_t levels);
  Result<void> walk(std::string_view path, int& links);
  Result<std::optional<std::string>> step(const std::string& name);
  Result<std::optional<std::string>> step_to_missing(const std::string& name);
  Result<std::optional<UniqueFd>> find_below(const std::string& name);
  Result<const kernel::RootDir*> below();
  Result<void> copy_file(int from, const std::string& name, const FileAttributes& attributes);
  Result<void> hide_root();
  Result<void> remove_needless_whiteouts();
  Result<void> finish_directory(const std::string& path, const Directory& directory);

  const UnpackOptions& options_;
  ParentView* parents_;
  UnpackResult& result_;
  AttributeWriter writer_;
  std::vector<Level> levels_;  // from the root to the current directory
  std::string path_;           // of the current directory
  std::string entered_;        // what enter() was last called with, while it still leads here
  bool is_entered_ = false;
  std::map<std::string, Directory> directories_;  // by path; every one but the root, unless it is described
  bool is_root_opaque_ = false;
  std::vector<std::string> whiteouts_;  // paths
  bool has_asked_parents_ = false;
  std::optional<kernel::RootDir> below_;
};

}  // namespace gantry::image
