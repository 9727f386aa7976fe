// SPDX-License-Identifier: Apache-2.0
#include "build/source.h"

#include <fcntl.h>

#include <utility>
#include <vector>

#include "base/file.h"
#include "build/base_image.h"
#include "build/key_hasher.h"

namespace gantry::build {
namespace {

constexpr std::size_t kMaxIgnoreFile = 4 << 20;  // bytes

class LayersSource final : public Source {
 public:
  LayersSource(const Session& session, StageState state) : session_(session), state_(std::move(state)) {}

  Result<const SourceTree*> tree() override {
    MutexLock lock(mutex_);
    if (tree_) return tree_.get();
    UniqueFd directory;
    if (const auto top = state_.top()) {
      TRY(unpack_layers(session_, state_));
      mount_ = std::move(TRY(session_.snapshots().mount_layers(*top)).mount);
      directory.reset(::openat(mount_->fd(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!directory) return sys_error("open the files of a stage");
    } else {
      directory = TRY(open_at(AT_FDCWD, TRY(session_.make_directory("nothing")), O_PATH | O_DIRECTORY));
    }
    tree_ = std::make_unique<SourceTree>(std::move(directory), nullptr, Owners::Kept);
    return tree_.get();
  }
  std::optional<oci::Digest> chain() const override { return state_.chain; }

 private:
  const Session& session_;
  const StageState state_;
  Mutex mutex_;  // guards what follows
  std::optional<kernel::DetachedMount> mount_ GUARDED_BY(mutex_);
  std::unique_ptr<SourceTree> tree_ GUARDED_BY(mutex_);
};

class ContextSource final : public Source {
 public:
  ContextSource(std::shared_ptr<Context> context, std::string dockerfile_name)
      : context_(std::move(context)), dockerfile_name_(std::move(dockerfile_name)) {}

  Result<const SourceTree*> tree() override {
    MutexLock lock(mutex_);
    if (tree_) return tree_.get();
    ignored_ = TRY(read_ignore_file(*context_, dockerfile_name_));
    std::vector<std::string> lines;
    if (!ignored_.text.empty()) lines.push_back(ignored_.text);
    ContextFiles files = TRY_DURING(context_->files(lines), "read the context");
    is_lasting_ = files.is_lasting;
    tree_ = std::make_unique<SourceTree>(std::move(files.directory), &ignored_.list, Owners::Root);
    return tree_.get();
  }
  bool is_lasting() const override {
    MutexLock lock(mutex_);
    return is_lasting_;
  }

 private:
  const std::shared_ptr<Context> context_;  // shared with who asked for the build
  const std::string dockerfile_name_;
  mutable Mutex mutex_;                    // guards what follows
  IgnoreFile ignored_ GUARDED_BY(mutex_);  // the tree looks at it, once it is complete
  bool is_lasting_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<SourceTree> tree_ GUARDED_BY(mutex_);
};

// Everything of a wish that decides what is selected, and how it ends in a layer but for the destination.
std::string selection_of(const CopyWish& wish) {
  KeyHasher key;
  key.text("selection 1")
      .texts(wish.sources)
      .texts(wish.excludes)
      .number(wish.keeps_parents)
      .number(wish.unpacks_archives);
  key.number(wish.names_directory());
  key.text(wish.owner).text(wish.mode_text);
  return key.finish().hex();
}

}  // namespace

Result<IgnoreFile> read_ignore_file(Context& context, const std::string& dockerfile_name) {
  IgnoreFile file;
  for (const std::string& name : {dockerfile_name + ".dockerignore", std::string(".dockerignore")}) {
    auto text = TRY(context.read_file(name, kMaxIgnoreFile));
    if (!text) continue;
    file.list = TRY(dockerfile::IgnoreList::parse(*text, name));
    file.text = *std::move(text);
    break;
  }
  return file;
}

std::unique_ptr<Source> layers_source(const Session& session, StageState state) {
  return std::make_unique<LayersSource>(session, std::move(state));
}

std::unique_ptr<Source> context_source(std::shared_ptr<Context> context, const std::string& dockerfile_name) {
  return std::make_unique<ContextSource>(std::move(context), dockerfile_name);
}

Result<CopySet> select_files(Source& source, const CopyWish& wish) {
  CopySet set(wish);
  const SourceTree* tree = TRY(source.tree());
  for (const std::string& name : wish.sources) TRY(set.add(*tree, name));
  for (const CopyWish::Document& document : wish.documents) TRY(set.add_document(document));
  TRY(set.check());
  return set;
}

Result<oci::Digest> digest_of_selection(Source& source, const CopyWish& wish, FileHashes& hashes,
                                        Cancel& cancel, std::optional<CopySet>& selected) {
  const auto chain = source.chain();
  const bool may_remember = chain && wish.documents.empty();
  const std::string selection = may_remember ? selection_of(wish) : std::string();
  if (may_remember)
    if (const auto known = TRY(hashes.selection(*chain, selection))) return *known;
  selected = TRY(select_files(source, wish));
  const oci::Digest digest = TRY(selected->digest(hashes, source.is_lasting(), cancel));
  if (may_remember) TRY(hashes.keep_selection(*chain, selection, digest));
  return digest;
}

}  // namespace gantry::build
