// SPDX-License-Identifier: Apache-2.0
//
// COPY and ADD of stage_runner.h.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/printable.h"
#include "build/config_steps.h"
#include "build/download.h"
#include "build/git_source.h"
#include "build/stage_runner.h"
#include "container/user.h"
#include "dockerfile/values.h"

namespace gantry::build {

using oci::Digest;

namespace {

bool is_remote(const std::string& source) { return is_git_url(source) || is_web_url(source); }

}  // namespace

Result<CopyWish> StageRunner::wish_of(const dockerfile::Copy& step) {
  CopyWish wish{.keeps_parents = step.keeps_parents,
                .unpacks_archives = step.is_add && step.unpacks.value_or(true)};
  for (const dockerfile::Word& source : step.sources) wish.sources.push_back(TRY(expand(source)));
  if (std::ranges::find(wish.sources, "") != wish.sources.end())
    return error(Code::InvalidArgument, "a source is empty once its variables are expanded");
  for (const dockerfile::Word& exclude : step.excludes) wish.excludes.push_back(TRY(expand(exclude)));
  for (const dockerfile::HereDocument& document : step.documents) {
    std::string content = document.content;
    if (document.expands)
      content =
          TRY(expand_in(state_, content, {.escape = context_.file.directives.escape, .keeps_quotes = true}));
    wish.documents.push_back({document.name, std::move(content)});
  }
  const std::string destination = TRY(expand(step.destination));
  if (destination.empty())
    return error(Code::InvalidArgument, "the destination is empty once its variables are expanded");
  const bool is_directory = destination.ends_with('/') || destination == "." || destination.ends_with("/.");
  wish.destination = kernel::clean_path(
      destination.starts_with('/') ? destination : state_.image.config.working_dir + "/" + destination);
  if (is_directory && !wish.destination.ends_with('/')) wish.destination += '/';
  wish.owner = TRY(expand(step.chown));
  wish.mode_text = TRY(expand(step.chmod));
  if (!wish.mode_text.empty()) wish.mode = TRY_DURING(FileMode::parse(wish.mode_text), "--chmod");
  return wish;
}

// A number alone is user and group; names are those of the image's files.
Result<Owner> StageRunner::owner_of(const std::string& text, const kernel::RootDir& root) const {
  if (const auto id = dockerfile::parse_id(text)) return Owner{*id, *id};
  const container::ContainerUser user =
      TRY_DURING(container::find_user(root, text), "owner '{}'", printable(text));
  return Owner{user.uid, user.gid};
}

Result<void> StageRunner::copy(const dockerfile::Instruction& instruction, const dockerfile::Copy& step,
                               Telling& telling) {
  const CopyWish wish = TRY(wish_of(step));
  const std::string from = TRY(expand(step.from));
  const std::shared_ptr<Source> source = TRY(context_.find_source(from, plan_.stage->index));
  std::optional<CopySet> selected;
  Digest content;
  if (step.is_add && (std::ranges::any_of(wish.sources, is_remote) || !step.checksum.is_empty())) {
    selected = TRY(add_remote(step, wish, source.get()));
    content = TRY(selected->digest(context_.hashes, source->is_lasting(), context_.cancel));
  } else {
    content = TRY(digest_of_selection(*source, wish, context_.hashes, context_.cancel, selected));
  }
  // A linked layer is the same above others, unless it depends on the users there.
  const bool is_linked = step.is_linked && (wish.owner.empty() || dockerfile::parse_id(wish.owner));
  const Digest key = new_key(is_linked ? "link" : "copy")
                         .digest(is_linked ? Digest() : state_.chain)
                         .text(wish.destination)
                         .text(wish.owner)
                         .digest(content)
                         .finish();
  return add_layer(instruction, instruction.text, key, telling, [&]() -> Result<NewLayer> {
    if (!selected) selected = TRY(select_files(*source, wish));
    if (is_linked || !selected->is_large()) return write_copy(wish, *selected, is_linked);
    const Digest same = copy_without_files(wish, from);
    std::string files = selected->description();
    auto layer = TRY(update_copy(wish, *selected, same, files));
    if (!layer) layer = TRY(write_copy(wish, *selected, is_linked));
    TRY(context_.hashes.keep_copied(same, {.key = key, .files = std::move(files)}));
    return *std::move(layer);
  });
}

Result<NewLayer> StageRunner::write_copy(const CopyWish& wish, const CopySet& set, bool is_linked) {
  StepRoot root = TRY(StepRoot::open(context_.session, is_linked ? std::nullopt : state_.top()));
  std::optional<Owner> owner;
  if (!wish.owner.empty()) owner = TRY(owner_of(wish.owner, root.directory()));
  TRY(set.write(root.directory(), owner, context_.session, context_.cancel));
  return root.commit(commit_options());
}

// ADD of URLs: fetched first, since only then is it known what they are.
Result<CopySet> StageRunner::add_remote(const dockerfile::Copy& step, const CopyWish& wish, Source* context) {
  std::optional<Digest> checksum;
  if (const std::string text = TRY(expand(step.checksum)); !text.empty()) {
    checksum = TRY_DURING(Digest::parse(text), "--checksum");
    if (wish.sources.size() != 1 || !is_web_url(wish.sources[0]))
      return error(Code::InvalidArgument, "--checksum is for one source that is a URL");
  }
  CopySet set(wish);
  for (const std::string& source : wish.sources) {
    if (is_git_url(source)) {
      const std::string scratch = TRY(context_.session.make_directory("git"));
      const UniqueFd directory = TRY(open_at(AT_FDCWD, scratch, O_RDONLY | O_DIRECTORY));
      const SourceTree tree(TRY(fetch_git(TRY(GitSource::parse(source)), directory.get(), step.keeps_git)),
                            nullptr, Owners::Root);
      TRY(set.add_root(tree));
    } else if (is_web_url(source)) {
      TRY(set.add_download(TRY(download(source, checksum, context_.session, context_.cancel)),
                           step.unpacks.value_or(false)));
    } else {
      TRY(set.add(*TRY(context->tree()), source));
    }
  }
  for (const CopyWish::Document& document : wish.documents) TRY(set.add_document(document));
  TRY(set.check());
  return set;
}

}  // namespace gantry::build
