// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/each.h"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::cli::docker {

Result<int> for_each_name(const Words& names,
                          const std::function<Result<std::string>(const std::string&)>& act,
                          IfMissing if_missing) {
  int status = 0;
  for (const std::string& name : names) {
    const auto answer = act(name);
    if (answer) {
      TRY(print(*answer + "\n"));
      continue;
    }
    if (if_missing == IfMissing::Fail || answer.error().code() != Code::NotFound) status = 1;
    TRY(write_all(STDERR_FILENO, fmt::format("{}\n", answer.error().message()), "standard error"));
  }
  return status;
}

}  // namespace gantry::cli::docker
