// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

using testing::TempDir;

TEST(CriuComplaints, AreTheErrorsOfTheLogOnceAndWithoutTheirOrigin) {
  const std::string log =
      "(00.000001) Version: 3.17.1\n"
      "(00.000002) Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds\n"
      "(00.001000)      1: Error (criu/mount-v2.c:891): mnt-v2: Failed to copy sharing\n"
      "(00.002000) Warn  (criu/net.c:3767): NSID isn't reported for network links\n"
      "(00.003000) Error (criu/cr-restore.c:2537): Restoring FAILED.";
  EXPECT_EQ(criu_complaints("Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds\n", log),
            "Error (criu/vdso.c:381): vdso: Unexpected rt vDSO area bounds; "
            "Error (criu/mount-v2.c:891): mnt-v2: Failed to copy sharing; "
            "Error (criu/cr-restore.c:2537): Restoring FAILED.");
}

TEST(CriuComplaints, KeepAllOfStandardError) {
  EXPECT_EQ(criu_complaints("criu: unrecognized option '--x'\n\n  12:30\n", ""),
            "criu: unrecognized option '--x'; 12:30");
  EXPECT_EQ(criu_complaints("", ""), "");
}

// A shell script in its place.
std::string fake(const TempDir& dir, std::string_view script) {
  const std::string path = dir.path() + "/criu";
  MUST(replace_file_at(AT_FDCWD, path, fmt::format("#!/bin/sh\n{}\n", script), 0755));
  return path;
}

TEST(Criu, GetsItsArgumentsAndInheritsWhatIsNamed) {
  TempDir dir;
  Criu criu(fake(dir,
                 "echo \"$@\" > $3/arguments; read -r line < \"/proc/self/fd/$(echo $8 | tr -dc 0-9)\"; "
                 "echo $line > $3/inherited"),
            "restore", dir.path());
  UniqueFd hello = MUST(open_at(AT_FDCWD, dir.path() + "/hello", O_RDWR | O_CREAT, 0600));
  MUST(write_all(hello.get(), "hello\n", "file"));
  const int fd = hello.get();
  criu.inherit(std::move(hello), "key");
  criu.add_if(false, "--no");
  criu.add_if(true, "--yes");
  MUST(criu.run());
  EXPECT_EQ(MUST(read_file(dir.path() + "/arguments")),
            fmt::format("restore --work-dir {} --log-file restore.log -v4 --inherit-fd fd[{}]:key --yes\n",
                        dir.path(), fd));
  EXPECT_EQ(MUST(read_file(dir.path() + "/inherited")), "hello\n");
}

TEST(Criu, ThatFailsSaysItsStatusAndAllItsErrors) {
  TempDir dir;
  MUST(replace_file_at(AT_FDCWD, dir.path() + "/dump.log", "(00.1) Error (of): another run\n", 0600));
  Criu criu(fake(dir, "echo 'Error (early)' >&2; echo '(00.01) Error (late): x' >> $3/dump.log; exit 3"),
            "dump", dir.path());
  const auto result = criu.run();
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error().message(),
      fmt::format(
          "{0}/criu dump: exit status 3: Error (early); Error (late): x (all of it is in '{0}/dump.log')",
          dir.path()));
}

TEST(Criu, ThatIsNotThereIsNamed) {
  TempDir dir;
  const auto result = Criu("/nowhere/criu", "dump", dir.path()).run();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message(), "run '/nowhere/criu': No such file or directory (ENOENT)");
}

TEST(Criu, DoesNotRunWhenItsPlaceFails) {
  TempDir dir;
  Criu criu(fake(dir, "touch $3/ran"), "dump", dir.path());
  const auto nothing = [] { return Result<void>(); };
  const auto outside =
      criu.run(-1, [](pid_t) -> Result<void> { return error(Code::Unsupported, "no place"); }, nothing);
  const auto inside = criu.run(
      -1, [](pid_t) { return Result<void>(); },
      []() -> Result<void> { return error(Code::Unsupported, "no way in"); });
  EXPECT_EQ(outside.error().message(), "no place");
  EXPECT_EQ(inside.error().message(), "no way in");
  EXPECT_FALSE(read_file(dir.path() + "/ran"));
}

}  // namespace
}  // namespace gantry::runtime
