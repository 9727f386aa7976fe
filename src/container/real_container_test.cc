// SPDX-License-Identifier: Apache-2.0
//
// Settings to processes, with the real shim and the real runtime: containers of Debian's static busybox.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include <fmt/format.h>

#include "base/file.h"
#include "container/blocking_shim_client.h"
#include "container/exec_process.h"
#include "container/exit_record.h"
#include "container/launch.h"
#include "container/make_spec.h"
#include "container/run_once.h"
#include "container/shim_client.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::container {
namespace {

using namespace std::chrono_literals;

constexpr const char* kBusybox = "/bin/busybox";
constexpr std::uint32_t kContainer = shim::kContainerSession;
constexpr auto kLong = std::chrono::minutes(2);

// A root file system, directories for what a daemon has, and one container's settings.
class RealContainer : public ::testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ROOT();
    if (::access(kBusybox, X_OK) != 0) GTEST_SKIP() << "needs " << kBusybox;
    for (const char* name : {"rootfs/bin", "rootfs/tmp", "bundle"}) MUST(make_directories(dir_ / name, 0755));
    copy_busybox();
    host_.network_mode = "none";
    host_.ipc_mode = host_.cgroupns_mode = "private";
  }

  void TearDown() override {
    if (!IsSkipped()) MUST(remove_leftovers(runtime_, runtime_root()));
  }

  void copy_busybox() {
    const UniqueFd from = MUST(open_at(AT_FDCWD, kBusybox, O_RDONLY));
    const UniqueFd to = MUST(open_at(AT_FDCWD, dir_ / "rootfs/bin/busybox", O_WRONLY | O_CREAT, 0755));
    struct stat st{};
    ASSERT_EQ(::fstat(from.get(), &st), 0);
    for (off_t copied = 0; copied < st.st_size;)
      ASSERT_GT(::sendfile(to.get(), from.get(), &copied, static_cast<std::size_t>(st.st_size)), 0);
    for (const char* name : {"sh", "cat", "echo", "sleep", "head", "id", "true"})
      ASSERT_EQ(::symlink("busybox", (dir_ / "rootfs/bin/").append(name).c_str()), 0);
  }

  std::string runtime_root() const { return dir_ / "runtime"; }
  std::string state_dir() const { return dir_ / "state"; }
  std::string socket() const { return shim_socket(state_dir()); }

  oci::Spec write_bundle(Words command) {
    config_.cmd = std::move(command);
    oci::Spec spec = MUST(make_spec({.id = id_,
                                     .config = config_,
                                     .host_config = host_,
                                     .defaults = {},
                                     .rootfs = dir_ / "rootfs",
                                     .init_program = PROGRAMS "/gantry-init",
                                     .cgroup_path = "/gantry-" + id_}));
    MUST(replace_file_at(dir_.fd(), "bundle/config.json", oci::to_json(spec), 0600));
    return spec;
  }

  Result<pid_t> launch(Words command) {
    write_bundle(std::move(command));
    return launch_shim({.program = PROGRAMS "/gantry-shim",
                        .id = id_,
                        .bundle = dir_ / "bundle",
                        .runtime = runtime_,
                        .runtime_root = runtime_root(),
                        .state_dir = state_dir(),
                        .log_path = dir_ / "log",
                        .open_stdin = config_.open_stdin});
  }

  BlockingShimClient connect() { return MUST(BlockingShimClient::connect(socket())); }
  // Ends the container and its shim.
  void remove() { MUST(connect().remove(kContainer, true)); }

  // What the runtime still knows of.
  std::vector<std::string> recorded() const {
    auto ids = names_in(AT_FDCWD, runtime_root());
    if (!ids && ids.error().code() == Code::NotFound) return {};
    return MUST(std::move(ids));
  }

  RunOnce once(Words command) {
    write_bundle(std::move(command));
    return {.runtime = runtime_,
            .runtime_root = runtime_root(),
            .id = id_,
            .bundle = dir_ / "bundle",
            .out = kDevNull,
            .err = kDevNull};
  }

  testing::TempDir dir_;
  const std::string id_ = fmt::format("unit-{}", ::getpid());
  const std::string runtime_ = PROGRAMS "/gantry-runtime";
  Config config_;
  HostConfig host_;
};

TEST_F(RealContainer, starts_ends_and_leaves_its_exit_on_disk) {
  const pid_t pid = MUST(launch({"sh", "-c", "exit 7"}));
  EXPECT_EQ(::kill(pid, 0), 0);
  BlockingShimClient shim = connect();
  EXPECT_EQ(MUST(shim.status()).state, shim::State::Live);
  EXPECT_FALSE(MUST(read_exit_record(state_dir())));
  MUST(shim.start());
  EXPECT_EQ(MUST(shim.wait_exit(kContainer, kLong)).code, 7U);
  const auto record = MUST(read_exit_record(state_dir()));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, id_);
  EXPECT_EQ(record->pid, pid);
  EXPECT_EQ(record->status.code, 7U);
  EXPECT_GT(record->status.seconds, 1'700'000'000);
  MUST(shim.remove(kContainer, false));
  while (MUST(read_exit_record(state_dir()))) ::sched_yield();  // it answers before it ends
}

TEST_F(RealContainer, is_signalled_and_waited_for_with_a_limit) {
  MUST(launch({"sleep", "1000"}));
  BlockingShimClient shim = connect();
  MUST(shim.start());
  EXPECT_EQ(shim.wait_exit(kContainer, 1ms).error().code(), Code::TimedOut);
  MUST(shim.signal(kContainer, SIGKILL));
  EXPECT_EQ(MUST(shim.wait_exit(kContainer, kLong)).signal, static_cast<std::uint32_t>(SIGKILL));
  MUST(shim.remove(kContainer, false));
}

TEST_F(RealContainer, that_cannot_be_made_leaves_the_runtimes_reason) {
  struct Case {
    const char* program;
    const char* reason;
    int status;
  };
  for (const Case& one :
       {Case{"nosuch", "executable file not found in $PATH", 127},
        Case{"/bin/nosuch", "no such file or directory", 127}, Case{"/bin", "is a directory", 126}}) {
    const auto failed = launch({one.program});
    ASSERT_FALSE(failed) << one.program;
    EXPECT_NE(failed.error().message().find(one.reason), std::string::npos) << failed.error().message();
    EXPECT_EQ(status_of_failed_start(failed.error()), one.status);
    EXPECT_EQ(failed.error().code(), Code::InvalidArgument);
  }
}

TEST_F(RealContainer, has_no_shim_to_reach_before_and_after) {
  EXPECT_EQ(BlockingShimClient::connect(socket()).error().code(), Code::NotFound);
  MUST(launch({"true"}));
  remove();
  auto gone = BlockingShimClient::connect(socket());
  while (gone) gone = BlockingShimClient::connect(socket());  // as above
  EXPECT_TRUE(gone.error().code() == Code::NotFound || gone.error().code() == Code::Unavailable);
}

// What a connection on a loop tells.
class Recorder final : public ShimListener {
 public:
  void on_output(std::uint32_t session, shim::Stream stream, std::string_view bytes) override {
    output[session] += bytes;
    if (stream == shim::Stream::Stderr) errors += bytes;
    if (pause_at_first_output) std::exchange(pause_at_first_output, nullptr)->pause_reading();
  }
  void on_lost(std::uint32_t, shim::Stream, std::uint64_t bytes) override { lost += bytes; }
  void on_exit(std::uint32_t session, const shim::ExitStatus& exit) override { exits[session] = exit.code; }
  void on_writable() override { ++writable; }
  void on_closed(const Error& why) override { closed = why.code(); }

  std::map<std::uint32_t, std::string> output;
  std::string errors;
  std::uint64_t lost = 0;
  std::map<std::uint32_t, std::uint32_t> exits;
  int writable = 0;
  std::optional<Code> closed;
  ShimClient* pause_at_first_output = nullptr;
};

class RealShimClient : public RealContainer {
 protected:
  std::unique_ptr<ShimClient> open(Recorder& recorder) {
    return MUST(ShimClient::connect(loop_, socket(), recorder));
  }
  template <class Condition>
  void run_until(Condition condition) {
    while (!condition()) MUST(loop_.run_once());
  }
  ShimClient::Answer<void> expect_ok() {
    return [](Result<void> ok) { EXPECT_TRUE(ok) << ok.error().message(); };
  }

  static EventLoop make_loop() { return MUST(EventLoop::make()); }
  EventLoop loop_ = make_loop();
};

TEST_F(RealShimClient, attaches_starts_and_hears_everything_before_the_exit) {
  MUST(launch({"sh", "-c", "echo out; echo err >&2; exit 3"}));
  Recorder recorder;
  auto client = open(recorder);
  client->attach(kContainer, shim::kAttachStdout | shim::kAttachStderr | shim::kLossless, expect_ok());
  client->start(expect_ok());
  run_until([&] { return recorder.exits.contains(kContainer); });
  EXPECT_EQ(recorder.exits[kContainer], 3U);
  EXPECT_EQ(recorder.output[kContainer].size(), 8U);
  EXPECT_EQ(recorder.errors, "err\n");
  remove();
}

TEST_F(RealShimClient, carries_standard_input_to_its_end) {
  config_.open_stdin = true;
  MUST(launch({"cat"}));
  Recorder recorder;
  auto client = open(recorder);
  client->attach(kContainer, shim::kAttachStdin | shim::kAttachStdout, expect_ok());
  client->start(expect_ok());
  EXPECT_EQ(client->send_stdin(kContainer, "typed"), 5U);
  client->close_stdin(kContainer, expect_ok());
  run_until([&] { return recorder.exits.contains(kContainer); });
  EXPECT_EQ(recorder.output[kContainer], "typed");
  remove();
}

TEST_F(RealShimClient, is_told_to_wait_when_the_process_takes_no_input_and_goes_on_when_it_does) {
  config_.open_stdin = true;
  MUST(launch({"sh", "-c", "sleep 1000 & wait; exec cat >/dev/null"}));
  Recorder recorder;
  auto client = open(recorder);
  client->attach(kContainer, shim::kAttachStdin, expect_ok());
  client->start(expect_ok());
  const std::string much(16 << 20, 'x');
  std::size_t sent = 0;
  std::size_t taken;
  do {
    MUST(loop_.run_once(std::chrono::steady_clock::now()));
    taken = client->send_stdin(kContainer, std::string_view(much).substr(0, 1 << 20));
    sent += taken;
  } while (taken == 1 << 20 && sent < much.size());
  ASSERT_LT(sent, much.size());

  // Another connection is not held up.
  Recorder other_recorder;
  auto other = open(other_recorder);
  other->signal(kContainer, SIGKILL, 0, expect_ok());
  other->wait(kContainer);
  run_until([&] { return other_recorder.exits.contains(kContainer); });
  EXPECT_EQ(other_recorder.exits[kContainer], 137U);
  remove();
}

TEST_F(RealShimClient, that_pauses_loses_nothing_when_it_is_waited_for) {
  MUST(launch({"head", "-c", "8388608", "/dev/zero"}));
  Recorder recorder;
  auto client = open(recorder);
  client->attach(kContainer, shim::kAttachStdout | shim::kLossless, expect_ok());
  client->start(expect_ok());
  recorder.pause_at_first_output = client.get();
  run_until([&] { return !recorder.output[kContainer].empty(); });
  const std::size_t before = recorder.output[kContainer].size();
  for (int i = 0; i < 10; ++i) MUST(loop_.run_once(std::chrono::steady_clock::now() + 1ms));
  EXPECT_EQ(recorder.output[kContainer].size(), before);
  client->resume_reading();
  run_until([&] { return recorder.exits.contains(kContainer); });
  EXPECT_EQ(recorder.output[kContainer].size(), 8388608U);
  EXPECT_EQ(recorder.lost, 0U);
  remove();
}

TEST_F(RealShimClient, runs_execs_with_streams_of_their_own) {
  MUST(launch({"sleep", "1000"}));
  MUST(connect().start());
  const oci::Spec spec = write_bundle({"sleep", "1000"});
  const kernel::RootDir root = MUST(kernel::RootDir::open(dir_ / "rootfs"));
  const oci::Process process = MUST(
      make_exec_process(*spec.process, {.cmd = {"sh", "-c", "echo $A; exit 4"}, .env = {"A=said"}}, root));
  MUST(replace_file_at(dir_.fd(), "process.json", oci::to_json(process), 0600));

  Recorder recorder;
  auto client = open(recorder);
  ShimClient::Exec exec;
  client->exec(dir_ / "process.json", shim::kAttachStdout, {}, [&](Result<ShimClient::Exec> started) {
    exec = MUST(std::move(started));
    EXPECT_TRUE(recorder.output.empty());
  });
  run_until([&] { return exec.session != 0 && recorder.exits.contains(exec.session); });
  EXPECT_EQ(recorder.exits[exec.session], 4U);
  EXPECT_EQ(recorder.output[exec.session], "said\n");
  EXPECT_EQ(MUST(connect().wait_exit(exec.session, kLong)).code, 4U);
  remove();
}

TEST_F(RealShimClient, gets_the_shims_refusals_with_their_codes) {
  MUST(launch({"sleep", "1000"}));
  Recorder recorder;
  auto client = open(recorder);
  std::map<std::string, Code> codes;
  client->signal(77, SIGTERM, 0, [&](Result<void> ok) { codes["signal"] = ok.error().code(); });
  client->wait(78, [&](Result<void> ok) { codes["wait"] = ok.error().code(); });
  client->exec("relative", 0, {}, [&](Result<ShimClient::Exec> ok) { codes["exec"] = ok.error().code(); });
  run_until([&] { return codes.size() == 3; });
  EXPECT_EQ(codes["signal"], Code::NotFound);
  EXPECT_EQ(codes["wait"], Code::NotFound);
  EXPECT_EQ(codes["exec"], Code::InvalidArgument);
  remove();
}

TEST_F(RealShimClient, answers_what_is_open_when_the_shim_goes_and_what_comes_after) {
  MUST(launch({"sleep", "1000"}));
  Recorder recorder;
  auto client = open(recorder);
  std::optional<Code> waiting;
  client->wait(kContainer, [&](Result<void> ok) { waiting = ok.error().code(); });
  // Whoever waits hears of the end first; an exec session that is not there would not be waited for.
  remove();
  run_until([&] { return recorder.closed.has_value(); });
  EXPECT_EQ(recorder.closed, Code::Unavailable);
  EXPECT_TRUE(waiting || recorder.exits.contains(kContainer));

  std::optional<Code> late;
  client->status([&](Result<shim::Status> status) { late = status.error().code(); });
  run_until([&] { return late.has_value(); });
  EXPECT_EQ(late, Code::Unavailable);
}

TEST_F(RealShimClient, may_be_destroyed_by_what_it_tells) {
  MUST(launch({"echo", "hello"}));
  BlockingShimClient other = connect();  // for whom the shim stays when the program has ended
  struct Ending final : ShimListener {
    void on_output(std::uint32_t, shim::Stream, std::string_view) override { client.reset(); }
    void on_closed(const Error&) override { ADD_FAILURE(); }
    std::unique_ptr<ShimClient> client;
  } ending;
  ending.client = MUST(ShimClient::connect(loop_, socket(), ending));
  ending.client->attach(kContainer, shim::kAttachStdout, {});
  ending.client->start({});
  run_until([&] { return ending.client == nullptr; });
  MUST(other.remove(kContainer, true));
}

TEST_F(RealShimClient, goes_on_with_a_connection_that_was_attached_elsewhere) {
  MUST(launch({"echo", "hello"}));
  BlockingShimClient attached = connect();
  MUST(attached.attach(kContainer, shim::kAttachStdout));
  MUST(connect().start());
  Recorder recorder;
  const ShimClient client(loop_, std::move(attached).release(), recorder);
  run_until([&] { return recorder.exits.contains(kContainer); });
  EXPECT_EQ(recorder.output[kContainer], "hello\n");
  remove();
}

// ---- what settings become

class RealSettings : public RealContainer {
 protected:
  // What a line of the shell prints in a container with these settings.
  std::string said_by(const std::string& line) {
    const UniqueFd output = MUST(open_at(dir_.fd(), "output", O_RDWR | O_CREAT | O_TRUNC, 0600));
    RunOnce run = once({"sh", "-c", line});
    run.out = run.err = output.get();
    const auto status = run_once(run);
    EXPECT_TRUE(status) << status.error().message();
    return MUST(read_file(dir_ / "output"));
  }
  std::string status_of(const std::string& field) {
    return said_by("while read -r name value; do [ $name = " + field +
                   ": ] && echo $value; done </proc/self/status");
  }
};

TEST_F(RealSettings, by_default_are_Dockers) {
  EXPECT_EQ(status_of("CapEff"), "00000000a80425fb\n");
  EXPECT_EQ(status_of("Seccomp"), "2\n");
  EXPECT_EQ(said_by("cat /proc/keys /proc/timer_list 2>/dev/null"), "");
  EXPECT_EQ(said_by("cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "0\n");
  EXPECT_NE(said_by("echo x >/proc/sys/kernel/domainname").find("ead-only"), std::string::npos);
}

TEST_F(RealSettings, of_a_privileged_container_take_the_fences_down) {
  host_.privileged = true;
  EXPECT_EQ(status_of("Seccomp"), "0\n");
  EXPECT_EQ(said_by("[ -w /proc/sys/kernel ] && [ -c /dev/kmsg ] && echo open"), "open\n");
}

TEST_F(RealSettings, of_capabilities_and_privileges_hold) {
  host_.cap_drop = {"ALL"};
  host_.cap_add = {"KILL"};
  host_.security_opt = {"no-new-privileges"};
  EXPECT_EQ(status_of("CapBnd"), "0000000000000020\n");
  EXPECT_EQ(status_of("NoNewPrivs"), "1\n");
}

TEST_F(RealSettings, of_a_user_hold) {
  config_.user = "1000:1001";
  host_.group_add = {"50"};
  EXPECT_EQ(said_by("id -u; id -g; id -G"), "1000\n1001\n1001 50\n");
  EXPECT_EQ(status_of("CapEff"), "0000000000000000\n");
}

TEST_F(RealSettings, of_files_hold) {
  host_.readonly_rootfs = true;
  host_.tmpfs = {{"/tmp", "size=1m,exec"}};
  host_.devices = {{.path_on_host = "/dev/null", .path_in_container = "/dev/nothing"}};
  EXPECT_NE(said_by("echo x >/file").find("ead-only"), std::string::npos);
  EXPECT_EQ(said_by("echo x >/tmp/file; cat /tmp/file; echo gone >/dev/nothing; head -c 9 /dev/nothing"),
            "x\n");
}

TEST_F(RealSettings, of_names_limits_and_surroundings_hold) {
  config_.hostname = "box";
  config_.domainname = "example.org";
  config_.env = {"A=1"};
  config_.working_dir = "/made/for/it";
  host_.ulimits = {{.name = "nofile", .soft = 99, .hard = 100}};
  host_.oom_score_adj = 42;
  EXPECT_EQ(
      said_by("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname; echo $A $HOSTNAME $HOME; pwd"),
      "box\nexample.org\n1 box /\n/made/for/it\n");
  EXPECT_EQ(said_by("ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj"), "99\n100\n42\n");
}

TEST_F(RealSettings, of_an_init_put_one_before_the_command) {
#ifdef PROGRAMS_ARE_DYNAMIC
  GTEST_SKIP() << "the init of this build needs libraries, which the container does not have";
#endif
  host_.init = true;
  EXPECT_EQ(said_by("cat /proc/1/comm"), "docker-init\n");
}

// ---- run_once

TEST_F(RealContainer, that_runs_once_gives_its_output_and_status) {
  const UniqueFd output = MUST(open_at(dir_.fd(), "output", O_RDWR | O_CREAT, 0600));
  RunOnce run = once({"sh", "-c", "echo made; exit 5"});
  run.out = output.get();
  EXPECT_EQ(MUST(run_once(run)).exit_code(), 5);
  EXPECT_EQ(MUST(read_file(dir_ / "output")), "made\n");
  EXPECT_TRUE(recorded().empty());
}

TEST_F(RealContainer, that_cannot_run_once_says_why) {
  const auto failed = run_once(once({"nosuch"}));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("executable file not found"), std::string::npos);
  EXPECT_TRUE(recorded().empty());
  EXPECT_EQ(MUST(names_in(dir_.fd(), "bundle")), std::vector<std::string>{"config.json"});
}

TEST_F(RealContainer, that_runs_once_is_cancelled_at_any_time_without_a_trace) {
  const UniqueFd cancel(::eventfd(1, EFD_CLOEXEC));  // before it begins
  RunOnce run = once({"sleep", "1000"});
  run.cancel_fd = cancel.get();
  EXPECT_EQ(run_once(run).error().code(), Code::Conflict);
  EXPECT_TRUE(recorded().empty());

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  run = once({"sh", "-c", "echo; sleep 1000"});
  run.out = write_end.get();       // as soon as it runs...
  run.cancel_fd = read_end.get();  // ...it is cancelled
  EXPECT_EQ(run_once(run).error().code(), Code::Conflict);
  EXPECT_TRUE(recorded().empty());
}

}  // namespace
}  // namespace gantry::container
