// SPDX-License-Identifier: Apache-2.0
//
// tar_context() of context.h. A client sends its tar once, and the Dockerfile may be its last file: so all of
// it is unpacked as soon as anything is asked for.
#include <fcntl.h>

#include <optional>
#include <utility>

#include "base/file.h"
#include "build/context.h"
#include "build/context_file.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"

namespace gantry::build {
namespace {

class TarContext final : public Context {
 public:
  explicit TarContext(ByteSource& tar) : tar_(tar) {}

  Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) override {
    return read_context_file(*TRY(unpacked()), path, limit);
  }

  Result<ContextFiles> files(const std::vector<std::string>&) override {
    return ContextFiles{TRY(TRY(unpacked())->open_path("/", O_RDONLY | O_DIRECTORY)), false};
  }

  void use_scratch(UniqueFd directory) override { scratch_ = std::move(directory); }

 private:
  Result<const kernel::RootDir*> unpacked() {
    if (root_) return &*root_;
    const auto plain = TRY(oci::decompress(tar_));
    // Whiteouts are files like any other here, and would be refused: nobody sends them. Absolute names and
    // owners are the sender's own affair.
    const image::UnpackOptions options{
        .xattrs = image::LossPolicy::Report, .keep_owners = false, .allow_absolute_names = true};
    TRY_DURING(image::unpack(*plain, scratch_.get(), options), "unpack the context");
    root_.emplace(TRY(open_at(scratch_.get(), ".", O_PATH | O_DIRECTORY)));
    return &*root_;
  }

  ByteSource& tar_;
  UniqueFd scratch_;
  std::optional<kernel::RootDir> root_;
};

}  // namespace

std::unique_ptr<Context> tar_context(ByteSource& tar) { return std::make_unique<TarContext>(tar); }

}  // namespace gantry::build
