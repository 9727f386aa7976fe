// SPDX-License-Identifier: Apache-2.0
//
// The files that a COPY can take: a directory, of which some may be ignored, or the root of a stage. Paths
// are resolved with that directory as "/", so neither ".." nor a link leads out of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "build/file_entry.h"
#include "dockerfile/patterns.h"
#include "kernel/rooted_path.h"

namespace gantry::build {

enum class Owners : std::uint8_t {
  Root,  // everything belongs to root: files of a context
  Kept,
};

class SourceTree {
 public:
  // `ignored` may be null; else it outlives the tree.
  SourceTree(UniqueFd directory, const dockerfile::IgnoreList* ignored, Owners owners)
      : root_(std::make_shared<const kernel::RootDir>(std::move(directory))),
        ignored_(ignored),
        owners_(owners) {}

  // Paths, clean and without a leading "/", that a source names: itself, or what fits it as a pattern,
  // sorted; what is ignored does not count. "" is the root. Empty: there is nothing.
  Result<std::vector<std::string>> find(const std::string& source) const;

  struct Found {
    std::string path;  // behind links
    bool is_directory = false;
  };
  // Follows links. NotFound, with a hint if it is ignored.
  Result<Found> resolve(const std::string& path) const;

  // Adds the file `path`, or everything in the directory `path`, in sorted order, a directory before what is
  // in it. Targets are `target` and, of what is in a directory, "<target>/name". The directory itself is no
  // entry. `excluded` holds patterns of targets.
  Result<void> collect(const Found& found, const std::string& target, const dockerfile::IgnoreList& excluded,
                       std::vector<FileEntry>& entries) const;
  // One directory alone.
  Result<FileEntry> directory_entry(const std::string& path, const std::string& target) const;

  const std::shared_ptr<const kernel::RootDir>& root() const { return root_; }

 private:
  struct Walk;
  Result<void> walk(Walk& walk, int directory, const std::string& path, const std::string& target,
                    std::size_t depth) const;
  Result<FileEntry> entry(int fd, const struct stat& st, const std::string& path,
                          const std::string& target) const;
  Result<void> match(const std::string& pattern, int directory, const std::string& path, std::size_t depth,
                     std::vector<std::string>& found) const;
  bool is_ignored(const std::string& path) const { return ignored_ != nullptr && ignored_->is_ignored(path); }
  static bool may_skip(const dockerfile::IgnoreList& list, const std::string& directory) {
    return list.is_ignored(directory) && !list.may_except_below(directory);
  }
  bool may_skip(const std::string& directory) const {
    return ignored_ != nullptr && may_skip(*ignored_, directory);
  }

  std::shared_ptr<const kernel::RootDir> root_;
  const dockerfile::IgnoreList* ignored_;
  Owners owners_;
};

// "/a/./b/../c/" -> "a/c"; "" is the root.
std::string clean_relative(std::string_view path);

}  // namespace gantry::build
