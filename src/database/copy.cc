// SPDX-License-Identifier: Apache-2.0
#include "database/copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>

#include "base/file.h"
#include "base/unique_fd.h"

namespace gantry::database {
namespace {

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

}  // namespace

Result<void> save_copy(const std::string& path, const std::string& copy) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const bool is_open = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr) == SQLITE_OK;
  const std::unique_ptr<sqlite3, Close> handle(opened);
  sqlite3_stmt* prepared = nullptr;
  const bool is_prepared =
      is_open && sqlite3_prepare_v2(opened, "VACUUM INTO ?1", -1, &prepared, nullptr) == SQLITE_OK;
  const std::unique_ptr<sqlite3_stmt, Close> statement(prepared);
  const bool is_copied = is_prepared &&
                         sqlite3_bind_text(prepared, 1, copy.c_str(), -1, SQLITE_STATIC) == SQLITE_OK &&
                         sqlite3_step(prepared) == SQLITE_DONE;
  if (!is_copied) {
    const Code code = sqlite3_errcode(opened) == SQLITE_FULL ? Code::ResourceExhausted : Code::Internal;
    return error(code, "copy database '{}' to '{}': {}", path, copy, sqlite3_errmsg(opened));
  }
  const UniqueFd file = TRY(open_at(AT_FDCWD, copy, O_RDONLY));
  if (::fsync(file.get()) < 0) return sys_error("sync '{}'", copy);
  return {};
}

}  // namespace gantry::database
