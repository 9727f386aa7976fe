// SPDX-License-Identifier: Apache-2.0
//
// Where `gantry cp` puts things: docker's rules, which are those of cp -r, decided before anything is copied.
//
//   source      destination          result
//   file        nothing there        a file of that name; with a '/' at its end an error
//   file        file                 overwritten
//   file, dir   directory            inside of it, by its own name
//   dir         nothing there        a directory of that name, with the contents
//   dir/.       directory            the contents, inside of it
//   dir         file                 an error
#pragma once

#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "base/error.h"

namespace gantry::cli::docker {

struct CopyEnd {
  std::string path;  // absolute
  bool exists = false;
  bool is_directory = false;
};

// An archive is unpacked into `directory`, after its first name was changed ("" to leave it as it is).
struct CopyPlan {
  std::string directory;
  std::string from, to;
};

Result<CopyPlan> plan_copy(const CopyEnd& source, const CopyEnd& destination);

// The archive with `from` at the beginning of its names changed into `to`.
Result<void> rename_entries(ByteSource& archive, ByteSink& result, const CopyPlan& plan);

// "web:/etc" is container "web", path "/etc"; "./a:b" and "/a:b" are local paths, with an empty container.
struct CopyOperand {
  std::string container;
  std::string path;
};
CopyOperand parse_copy_operand(std::string_view text);

}  // namespace gantry::cli::docker
