// SPDX-License-Identifier: Apache-2.0
#include "build/file_mode.h"

#include <algorithm>

#include "base/printable.h"
#include "dockerfile/values.h"

namespace gantry::build {
namespace {

Error malformed(std::string_view text) {
  return error(Code::InvalidArgument, "'{}' is no mode: 0755 and u=rwX,go=rX are", printable(text));
}

}  // namespace

Result<FileMode::Change> FileMode::parse_change(std::string_view text, std::string_view whole) {
  const std::size_t operation = text.find_first_of("+-=");
  if (operation == text.npos) return malformed(whole);
  Change change{.operation = text[operation]};
  for (const char who : text.substr(0, operation)) {
    if (who == 'u')
      change.who |= 04700;
    else if (who == 'g')
      change.who |= 02070;
    else if (who == 'o')
      change.who |= 01007;
    else if (who == 'a')
      change.who |= 07777;
    else
      return malformed(whole);
  }
  if (operation == 0) change.who = 07777;
  for (const char permission : text.substr(operation + 1)) {
    if (permission == 'r')
      change.bits |= 0444;
    else if (permission == 'w')
      change.bits |= 0222;
    else if (permission == 'x')
      change.bits |= 0111;
    else if (permission == 's')
      change.bits |= 06000;
    else if (permission == 't')
      change.bits |= 01000;
    else if (permission == 'X')
      change.if_executable = true;
    else
      return malformed(whole);
  }
  return change;
}

Result<FileMode> FileMode::parse(std::string_view text) {
  FileMode mode;
  mode.absolute_ = dockerfile::parse_octal(text);
  if (mode.absolute_) return mode;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    mode.changes_.push_back(TRY(parse_change(text.substr(begin, end - begin), text)));
    begin = end + 1;
  }
  return mode;
}

mode_t FileMode::apply(mode_t mode, bool is_directory) const {
  if (absolute_) return *absolute_;
  for (const Change& change : changes_) {
    const bool may_execute = change.if_executable && (is_directory || (mode & 0111) != 0);
    const mode_t bits = (change.bits | (may_execute ? 0111 : 0)) & change.who;
    switch (change.operation) {
      case '+': mode |= bits; break;
      case '-': mode &= ~bits; break;
      default: mode = (mode & ~(change.who & 0777)) | bits; break;
    }
  }
  return mode;
}

}  // namespace gantry::build
