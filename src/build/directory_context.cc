// SPDX-License-Identifier: Apache-2.0
//
// directory_context() and empty_context() of context.h.
#include <fcntl.h>

#include <utility>

#include "base/file.h"
#include "build/context.h"
#include "build/context_file.h"
#include "kernel/rooted_path.h"

namespace gantry::build {
namespace {

class DirectoryContext final : public Context {
 public:
  explicit DirectoryContext(kernel::RootDir root) : root_(std::move(root)) {}

  Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) override {
    return read_context_file(root_, path, limit);
  }

  Result<ContextFiles> files(const std::vector<std::string>&) override {
    return ContextFiles{TRY(root_.open_path("/", O_RDONLY | O_DIRECTORY)), true};
  }

 private:
  kernel::RootDir root_;
};

class EmptyContext final : public Context {
 public:
  Result<std::optional<std::string>> read_file(const std::string&, std::size_t) override {
    return std::nullopt;
  }
  Result<ContextFiles> files(const std::vector<std::string>&) override {
    return ContextFiles{TRY(open_at(scratch_.get(), ".", O_RDONLY | O_DIRECTORY)), false};
  }
  void use_scratch(UniqueFd directory) override { scratch_ = std::move(directory); }

 private:
  UniqueFd scratch_;
};

}  // namespace

Result<std::optional<std::string>> read_context_file(const kernel::RootDir& root, const std::string& path,
                                                     std::size_t limit) {
  const auto file = root.open_path(kernel::clean_path(path), O_RDONLY | O_NONBLOCK);
  if (!file && file.error().code() == Code::NotFound) return std::nullopt;
  if (!file) return error(file.error().code(), "read {}", file.error().message());
  return std::optional(TRY(read_all(file->get(), path, limit)));
}

Result<std::unique_ptr<Context>> directory_context(const std::string& path) {
  return std::unique_ptr<Context>(std::make_unique<DirectoryContext>(TRY(kernel::RootDir::open(path))));
}

std::unique_ptr<Context> empty_context() { return std::make_unique<EmptyContext>(); }

}  // namespace gantry::build
