// SPDX-License-Identifier: Apache-2.0
//
// Where a verb writes bytes to: standard output, or a file that appears only when it is complete.
#pragma once

#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::cli {

class OutputFile final : public ByteSink {
 public:
  // `path` empty: standard output, which must not be a terminal.
  static Result<OutputFile> open(const std::string& path);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile() override;  // removes what was not committed

  Result<void> write(std::span<const std::byte> from) override;
  // The file takes its name, in the place of one that was there.
  Result<void> commit();

 private:
  OutputFile(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  std::string temporary() const { return path_ + ".partial"; }

  UniqueFd file_;  // none: standard output
  std::string path_;
};

}  // namespace gantry::cli
