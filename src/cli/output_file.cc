// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace gantry::cli {

Result<OutputFile> OutputFile::open(const std::string& path) {
  OutputFile output({}, path);
  if (path.empty()) {
    if (::isatty(STDOUT_FILENO) == 1)
      return error(Code::InvalidArgument,
                   "an archive is not written to a terminal: use --output or redirect it");
    return output;
  }
  output.file_ = UniqueFd(::open(output.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!output.file_) return sys_error("make '{}'", output.temporary());
  return output;
}

OutputFile::~OutputFile() {
  if (file_) (void)::unlink(temporary().c_str());
}

Result<void> OutputFile::write(std::span<const std::byte> from) {
  return FdSink(file_ ? file_.get() : STDOUT_FILENO, path_.empty() ? "standard output" : path_).write(from);
}

Result<void> OutputFile::commit() {
  if (!file_) return {};
  if (::rename(temporary().c_str(), path_.c_str()) < 0)
    return sys_error("name '{}' as '{}'", temporary(), path_);
  file_ = UniqueFd();
  return {};
}

}  // namespace gantry::cli
