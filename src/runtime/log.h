// SPDX-License-Identifier: Apache-2.0
//
// The log file of one runtime call, in the two formats that callers of runc
// read: --log FILE --log-format text|json. containerd's shim and conmon show
// the last line of the JSON form to the user. Without a file, lines go to
// standard error. Lines are written whole, so a child may share the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace gantry::runtime {

enum class LogFormat : std::uint8_t { Text, Json };
enum class Level : std::uint8_t { Debug, Warning, Error };

class Log {
 public:
  Log() = default;  // text on standard error
  // An empty path: standard error.
  static Result<Log> open(const std::string& path, LogFormat format, bool debug);

  void debug(std::string_view message) const { write(Level::Debug, message); }
  void warn(std::string_view message) const { write(Level::Warning, message); }
  void error(std::string_view message) const { write(Level::Error, message); }

  // Whether errors in the log are hidden from who looks at standard error.
  bool is_file() const { return static_cast<bool>(file_); }
  // What another runtime process needs to write to the same log.
  int fd() const { return file_ ? file_.get() : 2; }

 private:
  void write(Level level, std::string_view message) const;
  UniqueFd file_;
  LogFormat format_ = LogFormat::Text;
  bool debug_ = false;
};

}  // namespace gantry::runtime
