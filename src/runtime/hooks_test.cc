// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

class Hooks : public ::testing::Test {
 protected:
  // Runs the shell with `script`, in the test's directory.
  oci::Hook shell(const std::string& script) {
    return {.path = "/bin/sh", .args = {"sh", "-c", "cd " + dir_.path() + "\n" + script}};
  }
  std::string written(const std::string& file) { return MUST(read_file_at(dir_.fd(), file)); }
  static std::string failure_of(const std::vector<oci::Hook>& hooks) {
    const auto run = run_hooks("prestart", hooks, kState);
    return run ? "none" : run.error().message();
  }

  static inline const oci::State kState = {.oci_version = "1.2.0",
                                           .id = "web",
                                           .status = "creating",
                                           .pid = 4321,
                                           .bundle = "/b\"undle",
                                           .annotations = {{"key", "value"}}};
  testing::TempDir dir_;
};

TEST_F(Hooks, get_the_state_on_standard_input) {
  MUST(run_hooks("prestart", {shell("cat > state")}, kState));
  EXPECT_EQ(written("state"), oci::to_json(kState));
  EXPECT_NE(written("state").find(R"("pid":4321)"), std::string::npos);
  EXPECT_NE(written("state").find(R"("status":"creating")"), std::string::npos);
}

TEST_F(Hooks, get_a_state_of_any_size_and_need_not_read_it) {
  oci::State huge = kState;
  huge.annotations["big"] = std::string(1 << 20, 'x');
  MUST(run_hooks("prestart", {shell("wc -c > size"), shell("exit 0")}, huge));
  EXPECT_EQ(std::stoul(written("size")), oci::to_json(huge).size());
}

TEST_F(Hooks, run_in_order_and_stop_at_the_first_that_fails) {
  const std::string failure =
      failure_of({shell("echo 0 >> runs"), shell("echo 1 >> runs; exit 3"), shell("echo 2 >> runs")});
  EXPECT_EQ(failure, "hooks.prestart[1]: '/bin/sh': exit status 3, stderr: ");
  EXPECT_EQ(written("runs"), "0\n1\n");
}

TEST_F(Hooks, have_the_arguments_and_environment_that_they_are_given) {
  oci::Hook hook = shell("echo \"$0\" \"$1\" \"$GREETING\" \"$HOME\" > said");
  hook.args.insert(hook.args.end(), {"zero", "one two"});
  hook.env = {"GREETING=hello", "PATH=/usr/bin:/bin"};
  MUST(run_hooks("poststop", {hook}, kState));
  EXPECT_EQ(written("said"), "zero one two hello \n");
}

TEST_F(Hooks, are_called_by_their_path_without_arguments) {
  EXPECT_EQ(failure_of({{.path = "/bin/true"}}), "none");
  EXPECT_EQ(failure_of({{.path = "/bin/false"}}), "hooks.prestart[0]: '/bin/false': exit status 1, stderr: ");
}

TEST_F(Hooks, say_on_standard_error_why_they_fail) {
  EXPECT_EQ(failure_of({shell("echo no; echo why >&2; echo because >&2; exit 7")}),
            "hooks.prestart[0]: '/bin/sh': exit status 7, stderr: why\nbecause");
}

TEST_F(Hooks, that_say_too_much_are_cut_and_do_not_hang) {
  const std::string failure = failure_of({shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1")});
  EXPECT_LT(failure.size(), 5000U);
  EXPECT_GT(failure.size(), 4000U);
}

TEST_F(Hooks, may_be_killed) {
  EXPECT_EQ(failure_of({shell("kill -9 $$")}),
            "hooks.prestart[0]: '/bin/sh' was killed by signal 9, stderr: ");
}

TEST_F(Hooks, that_cannot_be_started_are_errors) {
  EXPECT_EQ(failure_of({{.path = "/no/such/hook"}}),
            "hooks.prestart[0]: run '/no/such/hook': No such file or directory (ENOENT)");
  MUST(replace_file_at(dir_.fd(), "plain", "", 0644));
  EXPECT_NE(failure_of({{.path = dir_ / "plain"}}).find("Permission denied (EACCES)"), std::string::npos);
}

TEST_F(Hooks, that_take_too_long_are_killed) {
  oci::Hook hook = shell("echo $$ > pid; exec sleep 100");
  hook.timeout = 1;
  const auto begin = std::chrono::steady_clock::now();
  const auto run = run_hooks("createRuntime", {hook}, kState);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code(), Code::TimedOut);
  EXPECT_EQ(run.error().message(), "hooks.createRuntime[0]: '/bin/sh' timed out after 1 s");
  EXPECT_EQ(::kill(std::stoi(written("pid")), 0), -1);
}

TEST_F(Hooks, that_end_in_time_are_not_waited_for_longer) {
  oci::Hook hook = shell("exit 0");
  hook.timeout = 1'000'000'000'000;
  EXPECT_EQ(failure_of({hook}), "none");
}

TEST_F(Hooks, leave_neither_process_nor_descriptor) {
  const auto before = MUST(names_in(AT_FDCWD, "/proc/self/fd")).size();
  (void)failure_of({shell("exit 1")});
  (void)failure_of({{.path = "/no/such/hook"}});
  EXPECT_EQ(MUST(names_in(AT_FDCWD, "/proc/self/fd")).size(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(Hooks, inherit_nothing_but_their_three_descriptors) {
  UniqueFd secret = MUST(open_at(AT_FDCWD, "/dev/null", O_RDONLY));
  MUST(run_hooks("prestart",
                 {shell("ls /proc/$$/fd | tr '\\n' ' ' > fds; test -e /proc/$$/fd/" +
                        std::to_string(secret.get()) + " && echo leaked >> fds; true")},
                 kState));
  EXPECT_EQ(written("fds").find("leaked"), std::string::npos) << written("fds");
}

TEST_F(Hooks, none_need_nothing) { MUST(run_hooks("prestart", {}, kState)); }

}  // namespace
}  // namespace gantry::runtime
