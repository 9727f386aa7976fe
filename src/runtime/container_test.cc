// SPDX-License-Identifier: Apache-2.0
#include "runtime/container.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "oci/default_spec.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::runtime {
namespace {

struct ContainerTest : ::testing::Test {
  Container make(const std::string& id) {
    Container container = MUST(Container::create(root, id));
    MUST(container.save());
    return container;
  }
  std::string state_file(const std::string& id) { return root + "/" + id + "/state.json"; }
  testing::TempDir dir;
  const std::string root = dir / "root";
};

// A process that stands for a container's first one.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0)
      for (;;) ::pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { reap(); }
  int pid() const { return pid_; }
  void kill() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT), 0);
  }
  void reap() {
    if (is_reaped_) return;
    kill();
    ::waitpid(pid_, nullptr, 0);
    is_reaped_ = true;
  }

 private:
  pid_t pid_;
  bool is_reaped_ = false;
};

// ---- ids

TEST(ContainerId, has_letters_digits_and_few_signs) {
  for (const std::string& id : {std::string("web"), std::string("A-b_c+d.1"), std::string("..."),
                                std::string("-x"), std::string(1024, 'x')})
    EXPECT_TRUE(check_id(id)) << id;
  for (const std::string& id :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("../x"),
        std::string("/etc"), std::string("a b"), std::string("a\n"), std::string("a\0b", 3),
        std::string("\xc3\xa4"), std::string("a:b"), std::string(1025, 'x')}) {
    const auto checked = check_id(id);
    ASSERT_FALSE(checked) << id;
    EXPECT_EQ(checked.error().code(), Code::InvalidArgument);
  }
}

TEST_F(ContainerTest, a_bad_id_touches_nothing) {
  for (const char* id : {"..", "../root", "a/b", ""}) {
    EXPECT_FALSE(Container::create(root, id));
    EXPECT_FALSE(Container::open(root, id));
    EXPECT_FALSE(Container::open_damaged(root, id));
    EXPECT_FALSE(Container::is_remnant(root, id));
  }
  EXPECT_TRUE(MUST(names_in(dir.fd(), ".")).empty());
}

// ---- on disk

TEST_F(ContainerTest, a_record_comes_back_as_it_was) {
  Container container = MUST(Container::create(root, "web"));
  Record& record = container.record();
  record.oci_version = "1.2.0";
  record.bundle = "/bundles/\"we b\"\n\xff";
  record.rootfs = "/bundles/web/rootfs";
  record.created = "2026-11-21T10:20:30.123456789Z";
  record.owner = 0xffff'ffffU;
  record.is_created = true;
  record.creator = {.pid = 12, .start_time = 0xffff'ffff'ffff'ffffULL};
  record.init = {.pid = 34, .start_time = 56};
  record.has_pid_namespace = false;
  record.cgroups = {{"", "/sys/fs/cgroup/unified/x"}, {"memory", "/sys/fs/cgroup/memory/x"}};
  record.systemd_unit = "web.scope";
  record.annotations = {{"", ""}, {"a", "b"}};
  record.poststart = {{.path = "/a", .args = {"b", ""}, .env = {"C=D"}, .timeout = 5}};
  record.poststop = {{.path = "/e"}};
  MUST(container.save());

  const Container again = MUST(Container::open(root, "web"));
  const Record& read = again.record();
  EXPECT_EQ(again.id(), "web");
  EXPECT_EQ(read.oci_version, record.oci_version);
  EXPECT_EQ(read.rootfs, record.rootfs);
  EXPECT_EQ(read.created, record.created);
  EXPECT_EQ(read.owner, record.owner);
  EXPECT_TRUE(read.is_created);
  EXPECT_EQ(read.creator.pid, 12);
  EXPECT_EQ(read.creator.start_time, record.creator.start_time);
  EXPECT_EQ(read.init.start_time, 56U);
  EXPECT_FALSE(read.has_pid_namespace);
  EXPECT_EQ(read.cgroups, record.cgroups);
  EXPECT_EQ(read.systemd_unit, record.systemd_unit);
  EXPECT_EQ(read.annotations, record.annotations);
  ASSERT_EQ(read.poststart.size(), 1U);
  EXPECT_EQ(read.poststart[0].args, record.poststart[0].args);
  EXPECT_EQ(read.poststart[0].env, record.poststart[0].env);
  EXPECT_EQ(read.poststart[0].timeout, 5);
  ASSERT_EQ(read.poststop.size(), 1U);
  EXPECT_FALSE(read.poststop[0].timeout);
}

TEST_F(ContainerTest, an_id_is_taken_once) {
  make("web");
  const auto again = Container::create(root, "web");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::AlreadyExists);
  EXPECT_EQ(again.error().message(), "container with id exists already: 'web'");
}

TEST_F(ContainerTest, what_does_not_exist_is_not_found) {
  for (const bool with_root : {false, true}) {
    if (with_root) MUST(make_directories(root, 0711));
    const auto opened = Container::open(root, "web");
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::NotFound);
    EXPECT_EQ(opened.error().message(), "container 'web' does not exist");
    EXPECT_TRUE(MUST(Container::list(root)).empty());
  }
}

TEST_F(ContainerTest, a_directory_without_a_record_is_a_remnant) {
  MUST(Container::create(root, "half"));
  EXPECT_EQ(Container::open(root, "half").error().code(), Code::NotFound);
  EXPECT_TRUE(Container::is_remnant(root, "half"));
  MUST(Container::remove_remnant(root, "half"));
  EXPECT_FALSE(Container::is_remnant(root, "half"));
  make("whole");
  EXPECT_FALSE(Container::is_remnant(root, "whole"));
}

TEST_F(ContainerTest, damaged_state_is_an_error_that_names_the_container) {
  make("web");
  for (const char* text :
       {"", "{", "[]", "null", "{\"init\": 7}", "{\"id\": {}}", "\xff", "{\"owner\": -1}"}) {
    MUST(replace_file_at(AT_FDCWD, state_file("web"), text, 0600));
    const auto opened = Container::open(root, "web");
    ASSERT_FALSE(opened) << text;
    EXPECT_NE(opened.error().code(), Code::NotFound) << text;
    EXPECT_TRUE(opened.error().message().starts_with("state of container 'web': "))
        << opened.error().message();
  }
  const auto damaged = Container::open_damaged(root, "web");
  ASSERT_TRUE(damaged) << damaged.error().message();
  EXPECT_EQ(damaged->id(), "web");
  MUST(damaged->remove());
  EXPECT_TRUE(MUST(Container::list(root)).empty());
}

TEST_F(ContainerTest, a_link_in_the_place_of_a_container_is_refused) {
  make("web");
  ASSERT_EQ(::symlink("web", (root + "/link").c_str()), 0);
  EXPECT_FALSE(Container::open(root, "link"));
}

TEST_F(ContainerTest, the_list_is_sorted_and_has_only_containers) {
  for (const char* id : {"b", "a", "c"}) make(id);
  MUST(replace_file_at(AT_FDCWD, root + "/file", "", 0600));
  ASSERT_EQ(::mkdir((root + "/not an id").c_str(), 0700), 0);
  ASSERT_EQ(::symlink("a", (root + "/link").c_str()), 0);
  EXPECT_EQ(MUST(Container::list(root)), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_FALSE(Container::list(root + "/file"));
}

TEST_F(ContainerTest, the_config_is_kept_as_it_was) {
  Container container = make("web");
  EXPECT_EQ(container.load_spec().error().code(), Code::NotFound);
  oci::Spec spec = oci::default_spec();
  spec.hostname = "h";
  MUST(container.save_config(oci::to_json(spec)));
  EXPECT_EQ(MUST(container.load_spec()).hostname, "h");
  MUST(container.save_config("{"));
  EXPECT_FALSE(container.load_spec());
}

TEST_F(ContainerTest, nobody_else_reads_what_is_kept) {
  make("web");
  struct stat st{};
  ASSERT_EQ(::stat(state_file("web").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
}

TEST_F(ContainerTest, is_removed_whole) {
  Container container = make("web");
  MUST(container.save_config("{}"));
  UniqueFd socket = MUST(container.listen_for_start());
  MUST(container.remove());
  EXPECT_TRUE(MUST(names_in(AT_FDCWD, root)).empty());
  MUST(container.remove());
}

// ---- status

TEST_F(ContainerTest, is_creating_as_long_as_its_creator_lives) {
  Sleeper creator;
  Container container = make("web");
  container.record().creator = ProcessRef::of(creator.pid());
  EXPECT_EQ(container.status(), Status::Creating);
  MUST(container.save());
  EXPECT_EQ(MUST(Container::open(root, "web")).status(), Status::Creating);
  creator.reap();
  EXPECT_EQ(MUST(Container::open(root, "web")).status(), Status::Stopped);
}

TEST_F(ContainerTest, is_never_taken_for_stopped_when_its_creator_ends) {
  Sleeper init;
  for (int i = 0; i < 30; ++i) {
    Container container = make("web");
    container.record().init = ProcessRef::of(init.pid());
    int recorded[2];
    ASSERT_EQ(::pipe(recorded), 0);
    const pid_t creator = ::fork();
    if (creator == 0) {
      (void)::close(recorded[1]);
      char end;
      (void)!::read(recorded[0], &end, 1);
      container.record().is_created = true;
      ::_exit(container.save() ? 0 : 1);
    }
    container.record().creator = ProcessRef::of(creator);
    MUST(container.save());
    for (const int fd : recorded) (void)::close(fd);
    auto status = Status::Creating;
    while (status == Status::Creating) status = MUST(Container::open(root, "web")).status();
    EXPECT_EQ(status, Status::Running);
    EXPECT_EQ(::waitpid(creator, nullptr, 0), creator);
    MUST(container.remove());
  }
}

TEST_F(ContainerTest, goes_from_created_to_running_to_stopped) {
  Sleeper init;
  Container container = make("web");
  container.record().is_created = true;
  container.record().init = ProcessRef::of(init.pid());
  UniqueFd socket = MUST(container.listen_for_start());
  EXPECT_EQ(container.status(), Status::Created);
  EXPECT_EQ(container.state(Status::Created).pid, init.pid());
  MUST(container.connect_for_start());
  EXPECT_EQ(container.status(), Status::Running);
  init.kill();
  EXPECT_EQ(container.status(), Status::Stopped) << "a zombie has stopped";
  EXPECT_EQ(container.state(Status::Stopped).pid, 0);
  init.reap();
  EXPECT_EQ(container.status(), Status::Stopped);
}

TEST_F(ContainerTest, is_not_mistaken_for_another_process_with_its_pid) {
  Sleeper other;
  Container container = make("web");
  container.record().is_created = true;
  container.record().init = ProcessRef::of(other.pid());
  container.record().init.start_time += 1;
  EXPECT_EQ(container.status(), Status::Stopped);
}

TEST(ProcessRef, of_no_process_is_not_alive) {
  EXPECT_FALSE(ProcessRef{}.is_alive());
  EXPECT_FALSE((ProcessRef{.pid = -1}).is_alive());
  EXPECT_FALSE(ProcessRef::of(0x7fff'ffff).is_alive());
  EXPECT_TRUE(ProcessRef::of(::getpid()).is_alive());
}

TEST(Status, has_the_words_of_the_specification) {
  EXPECT_EQ(name_of(Status::Creating), "creating");
  EXPECT_EQ(name_of(Status::Created), "created");
  EXPECT_EQ(name_of(Status::Running), "running");
  EXPECT_EQ(name_of(Status::Paused), "paused");
  EXPECT_EQ(name_of(Status::Stopped), "stopped");
}

// ---- start

TEST_F(ContainerTest, is_started_once) {
  Container container = make("web");
  UniqueFd listening = MUST(container.listen_for_start());
  UniqueFd caller = MUST(container.connect_for_start());
  UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(accepted);
  const auto second = container.connect_for_start();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::NotFound);
}

TEST_F(ContainerTest, is_started_however_long_its_path_is) {
  const std::string deep = root + "/" + std::string(200, 'd');
  Container container = MUST(Container::create(deep, std::string(100, 'i')));
  UniqueFd listening = MUST(container.listen_for_start());
  EXPECT_TRUE(MUST(container.connect_for_start()));
}

}  // namespace
}  // namespace gantry::runtime
