// SPDX-License-Identifier: Apache-2.0
//
// Also git_context() of context.h.
#include "build/git_source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/printable.h"
#include "base/process.h"
#include "build/context.h"
#include "build/context_file.h"
#include "kernel/rooted_path.h"

namespace gantry::build {
namespace {

constexpr std::size_t kMaxAnswer = 4 << 20;  // bytes of git's output

// The caller's, without what would make git ask or look elsewhere.
std::vector<std::string> git_environment() {
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool is_gits =
        text.starts_with("GIT_") && !text.starts_with("GIT_SSL_") && !text.starts_with("GIT_SSH");
    if (!is_gits) environment.emplace_back(text);
  }
  environment.push_back("GIT_TERMINAL_PROMPT=0");
  return environment;
}

// What git prints on standard output; its error output is the reason of a failure.
Result<std::string> run_git(const std::string& directory, std::vector<std::string> arguments) {
  const UniqueFd out(::memfd_create("git", MFD_CLOEXEC)), err(::memfd_create("git", MFD_CLOEXEC));
  if (!out || !err) return sys_error("make a file in memory");
  std::vector<std::string> words = {"git",
                                    "-C",
                                    directory,
                                    "-c",
                                    "core.hooksPath=/dev/null",
                                    "-c",
                                    "protocol.ext.allow=never",
                                    "-c",
                                    "safe.directory=*",
                                    "-c",
                                    "advice.detachedHead=false"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto child = spawn({.program = "git",
                      .arguments = std::move(words),
                      .environment = git_environment(),
                      .in = kDevNull,
                      .out = out.get(),
                      .err = err.get(),
                      .dies_with_caller = true});
  if (!child) return std::move(child).error().during("start git, which fetches repositories (package 'git')");
  const WaitStatus status = TRY(child->wait());
  (void)::lseek(out.get(), 0, SEEK_SET);
  (void)::lseek(err.get(), 0, SEEK_SET);
  if (status.is_success()) return read_all(out.get(), "git's answer", kMaxAnswer);
  std::string why = TRY(read_all(err.get(), "git's errors", kMaxAnswer));
  while (why.ends_with('\n')) why.pop_back();
  return error(Code::Unavailable, "git {}: {}", arguments.front(), printable(why, 400));
}

bool is_commit(const std::string& reference) {
  return reference.size() == 40 && std::ranges::all_of(reference, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

class GitContext final : public Context {
 public:
  explicit GitContext(GitSource source) : source_(std::move(source)) {}

  void use_scratch(UniqueFd directory) override { scratch_ = std::move(directory); }

  Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) override {
    return read_context_file(*TRY(fetched()), path, limit);
  }

  Result<ContextFiles> files(const std::vector<std::string>&) override {
    return ContextFiles{TRY(TRY(fetched())->open_path("/", O_RDONLY | O_DIRECTORY)), false};
  }

 private:
  Result<const kernel::RootDir*> fetched() {
    if (!root_) root_.emplace(TRY(fetch_git(source_, scratch_.get(), false)));
    return &*root_;
  }

  GitSource source_;
  UniqueFd scratch_;
  std::optional<kernel::RootDir> root_;
};

}  // namespace

bool is_git_url(std::string_view text) {
  const std::string_view url = text.substr(0, text.find('#'));
  for (const char* prefix : {"git://", "git@", "ssh://", "github.com/"})
    if (url.starts_with(prefix)) return true;
  return (url.starts_with("http://") || url.starts_with("https://") || url.starts_with("file://")) &&
         url.ends_with(".git");
}

Result<GitSource> GitSource::parse(std::string_view text) {
  GitSource source;
  const std::size_t hash = text.find('#');
  source.url = text.substr(0, hash);
  if (source.url.starts_with("github.com/")) source.url = "https://" + source.url;
  if (hash != text.npos) {
    const std::string_view fragment = text.substr(hash + 1);
    const std::size_t colon = fragment.find(':');
    source.reference = fragment.substr(0, colon);
    if (colon != fragment.npos) source.subdirectory = fragment.substr(colon + 1);
  }
  if (source.url.empty() || source.url.starts_with('-') || source.reference.starts_with('-'))
    return error(Code::InvalidArgument, "'{}' is no address of a git repository", printable(text));
  return source;
}

Result<std::unique_ptr<Context>> git_context(std::string_view url) {
  return std::unique_ptr<Context>(std::make_unique<GitContext>(TRY(GitSource::parse(url))));
}

Result<UniqueFd> fetch_git(const GitSource& source, int into, bool keeps_git) {
  const std::string directory = TRY(kernel::path_of(into));
  const std::string reference = source.reference.empty() ? "HEAD" : source.reference;
  TRY(run_git(directory, {"init", "--quiet"}));
  // A commit is fetched by its name where the server allows that; else with all there is.
  Result<std::string> fetched =
      run_git(directory, {"fetch", "--quiet", "--depth=1", "--", source.url, reference});
  if (!fetched && is_commit(reference))
    fetched =
        run_git(directory, {"fetch", "--quiet", "--", source.url, "+refs/heads/*:refs/remotes/origin/*"});
  TRY(std::move(fetched));
  TRY(run_git(directory, {"checkout", "--quiet", is_commit(reference) ? reference : "FETCH_HEAD", "--"}));
  TRY(run_git(directory, {"submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"}));
  if (!keeps_git) TRY(remove_tree_at(into, ".git"));
  const kernel::RootDir root(TRY(open_at(into, ".", O_PATH | O_DIRECTORY)));
  return TRY_DURING(root.open_path("/" + source.subdirectory, O_RDONLY | O_DIRECTORY), "directory of '{}'",
                    printable(source.url));
}

Result<std::string> find_commit(const GitSource& source) {
  if (is_commit(source.reference)) return source.reference;
  const std::string reference = source.reference.empty() ? "HEAD" : source.reference;
  const std::string answer = TRY(run_git("/", {"ls-remote", "--", source.url, reference}));
  // "<commit>\t<name>": of a tag that is an object of its own, "name^{}" is its commit; the first will do.
  const std::string commit = answer.substr(0, answer.find_first_of("\t\n"));
  if (!is_commit(commit))
    return error(Code::NotFound, "'{}' has no branch or tag '{}'", printable(source.url),
                 printable(reference));
  return commit;
}

}  // namespace gantry::build
