// SPDX-License-Identifier: Apache-2.0
#include "container/make_spec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "container/exec_process.h"
#include "container/isolation.h"
#include "container/spec_mounts.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::container {
namespace {

using List = std::vector<std::string>;
using oci::NamespaceType;

class MakeSpec : public ::testing::Test {
 protected:
  MakeSpec() {
    MUST(make_directories(rootfs_ / "etc", 0755));
    MUST(replace_file_at(rootfs_.fd(), "etc/passwd", "web:x:1000:1001::/srv:/bin/sh\n", 0644));
    config_.cmd = {"sh"};
  }
  SpecInputs inputs() {
    return {.id = "0123456789abcdef",
            .config = config_,
            .host_config = host_,
            .defaults = defaults_,
            .rootfs = rootfs_.path()};
  }
  oci::Spec spec() { return MUST(make_spec(inputs())); }
  std::string refusal() { return refusal(inputs()); }
  static std::string refusal(const SpecInputs& inputs) {
    const auto made = make_spec(inputs);
    return made ? "" : made.error().message();
  }

  static const oci::Mount* mount_at(const oci::Spec& spec, std::string_view target) {
    const auto found = std::ranges::find(spec.mounts, target, &oci::Mount::destination);
    return found == spec.mounts.end() ? nullptr : &*found;
  }
  static bool has(const List& words, std::string_view word) {
    return std::ranges::find(words, word) != words.end();
  }

  testing::TempDir rootfs_;
  Config config_;
  HostConfig host_;
  HostDefaults defaults_;
};

TEST_F(MakeSpec, a_container_that_asks_for_nothing_is_isolated_as_Dockers) {
  const oci::Spec made = spec();
  for (const NamespaceType type : {NamespaceType::Mount, NamespaceType::Pid, NamespaceType::Network,
                                   NamespaceType::Ipc, NamespaceType::Uts, NamespaceType::Cgroup})
    EXPECT_NE(made.find_namespace(type), nullptr) << oci::name_of(type);
  EXPECT_EQ(made.find_namespace(NamespaceType::User), nullptr);
  EXPECT_EQ(made.process->capabilities->bounding, default_capabilities());
  EXPECT_EQ(made.process->capabilities->effective, default_capabilities());
  EXPECT_TRUE(made.process->capabilities->inheritable.empty());
  EXPECT_TRUE(made.linux_.seccomp);
  EXPECT_EQ(made.linux_.masked_paths, default_masked_paths());
  EXPECT_FALSE(made.root.readonly);
  EXPECT_EQ(made.hostname, "0123456789ab");
  EXPECT_EQ(made.linux_.sysctl.at("net.ipv4.ip_unprivileged_port_start"), "0");
  EXPECT_EQ(made.process->cwd, "/");
}

TEST_F(MakeSpec, the_usual_mounts_come_in_Dockers_order) {
  List targets;
  for (const oci::Mount& mount : spec().mounts) targets.push_back(mount.destination);
  EXPECT_EQ(targets,
            (List{"/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/mqueue", "/dev/shm"}));
  EXPECT_TRUE(has(mount_at(spec(), "/sys")->options, "ro"));
  EXPECT_TRUE(has(mount_at(spec(), "/dev/shm")->options, "size=67108864"));
}

TEST_F(MakeSpec, the_environment_has_what_Docker_gives_links_and_the_containers_own) {
  config_.env = {"A=1", "PATH=/mine"};
  config_.tty = true;
  SpecInputs with_links = inputs();
  with_links.link_env = {"DB_PORT=tcp://1", "A=link"};
  const List expected = {"PATH=/mine", "HOSTNAME=0123456789ab", "TERM=xterm", "DB_PORT=tcp://1", "A=1"};
  EXPECT_EQ(MUST(make_spec(with_links)).process->env, expected);
}

TEST_F(MakeSpec, a_user_is_looked_up_in_the_root_and_has_no_effective_capabilities) {
  config_.user = "web";
  host_.group_add = {"7"};
  const oci::Spec made = spec();
  EXPECT_EQ(made.process->user.uid, 1000U);
  EXPECT_EQ(made.process->user.additional_gids, (std::vector<std::uint32_t>{7, 1001}));
  EXPECT_TRUE(made.process->capabilities->effective.empty());
  config_.user = "nosuch";
  EXPECT_EQ(refusal(), "unable to find user nosuch: no matching entries in passwd file");
}

TEST_F(MakeSpec, a_privileged_container_is_not_confined) {
  host_.privileged = true;
  const oci::Spec made = spec();
  EXPECT_EQ(made.process->capabilities->bounding, available_capabilities());
  EXPECT_FALSE(made.linux_.seccomp);
  EXPECT_TRUE(made.linux_.masked_paths.empty());
  EXPECT_FALSE(has(mount_at(made, "/sys")->options, "ro"));
  EXPECT_TRUE(made.linux_.resources->devices.at(0).allow);
}

TEST_F(MakeSpec, modes_of_the_host_share_its_namespaces) {
  host_.network_mode = host_.ipc_mode = host_.pid_mode = host_.uts_mode = host_.cgroupns_mode = "host";
  const oci::Spec made = spec();
  EXPECT_EQ(made.linux_.namespaces.size(), 1U);
  EXPECT_TRUE(made.hostname.empty());
  EXPECT_TRUE(made.linux_.sysctl.empty());
  EXPECT_EQ(mount_at(made, "/dev/shm")->source, "/dev/shm");
}

TEST_F(MakeSpec, namespaces_are_joined_by_path) {
  host_.network_mode = "container:x";
  host_.ipc_mode = "container:x";
  SpecInputs joining = inputs();
  EXPECT_EQ(refusal(joining), "cannot join the namespace of 'container:x': it is not there");
  joining.joined = {.network = "/run/netns/x", .ipc = "/proc/1/ns/ipc"};
  joining.shm = "/run/shm/x";
  const oci::Spec made = MUST(make_spec(joining));
  EXPECT_EQ(made.find_namespace(NamespaceType::Network)->path, "/run/netns/x");
  EXPECT_EQ(mount_at(made, "/dev/shm")->source, "/run/shm/x");
  EXPECT_TRUE(made.linux_.sysctl.empty());
}

TEST_F(MakeSpec, a_user_namespace_has_the_maps_that_are_given) {
  SpecInputs mapped = inputs();
  mapped.uid_mappings = mapped.gid_mappings = {{.container_id = 0, .host_id = 100000, .size = 65536}};
  const oci::Spec made = MUST(make_spec(mapped));
  EXPECT_NE(made.find_namespace(NamespaceType::User), nullptr);
  EXPECT_EQ(made.linux_.uid_mappings.at(0).host_id, 100000U);
}

TEST_F(MakeSpec, an_init_is_mounted_and_runs_the_command) {
  host_.init = true;
  EXPECT_EQ(refusal(), "HostConfig.Init: there is no init program");
  config_.entrypoint = Words{"/entry"};
  SpecInputs with_init = inputs();
  with_init.init_program = "/usr/libexec/gantry-init";
  const oci::Spec made = MUST(make_spec(with_init));
  EXPECT_EQ(made.process->args, (List{"/sbin/docker-init", "--", "/entry", "sh"}));
  EXPECT_EQ(mount_at(made, "/sbin/docker-init")->source, "/usr/libexec/gantry-init");
}

TEST_F(MakeSpec, mounts_of_ones_own_take_the_place_of_others_parents_first) {
  host_.tmpfs = {{"/run", "size=1m"}};
  SpecInputs mounting = inputs();
  mounting.hosts = "/h/hosts";
  mounting.resolv_conf = "/h/resolv.conf";
  mounting.mounts = {{.destination = "/a/b/c", .type = "bind", .source = "/x"},
                     {.destination = "/a//", .type = "bind", .source = "/y"},
                     {.destination = "/etc/hosts", .type = "bind", .source = "/mine"},
                     {.destination = "/dev/shm", .type = "bind", .source = "/z"}};
  const oci::Spec made = MUST(make_spec(mounting));
  EXPECT_EQ(mount_at(made, "/etc/hosts")->source, "/mine");
  EXPECT_EQ(mount_at(made, "/etc/resolv.conf")->source, "/h/resolv.conf");
  EXPECT_EQ(mount_at(made, "/dev/shm")->source, "/z");
  EXPECT_LT(mount_at(made, "/a"), mount_at(made, "/a/b/c"));
  EXPECT_EQ(std::ranges::count(made.mounts, "/dev/shm", &oci::Mount::destination), 1);
}

TEST_F(MakeSpec, two_mounts_at_one_place_are_refused) {
  host_.tmpfs = {{"/run", ""}};
  SpecInputs mounting = inputs();
  mounting.mounts = {{.destination = "/run/", .type = "bind", .source = "/x"}};
  EXPECT_EQ(refusal(mounting), "Duplicate mount point: /run");
  mounting.mounts = {{.destination = "/..", .type = "bind", .source = "/x"}};
  EXPECT_EQ(refusal(mounting), "invalid mount config: destination can't be '/'");
}

TEST_F(MakeSpec, a_dev_of_ones_own_gets_nothing_mounted_into_it) {
  SpecInputs mounting = inputs();
  mounting.mounts = {{.destination = "/dev", .type = "bind", .source = "/dev"}};
  const oci::Spec made = MUST(make_spec(mounting));
  EXPECT_EQ(mount_at(made, "/dev/pts"), nullptr);
  EXPECT_EQ(mount_at(made, "/dev")->source, "/dev");
}

TEST_F(MakeSpec, shared_mounts_need_a_root_that_passes_them_on) {
  SpecInputs mounting = inputs();
  mounting.mounts = {{.destination = "/a", .type = "bind", .source = "/x", .options = {"rbind", "rslave"}}};
  EXPECT_EQ(MUST(make_spec(mounting)).linux_.rootfs_propagation, "rslave");
  mounting.mounts.push_back(
      {.destination = "/b", .type = "bind", .source = "/x", .options = {"rbind", "rshared"}});
  EXPECT_EQ(MUST(make_spec(mounting)).linux_.rootfs_propagation, "shared");
}

TEST_F(MakeSpec, a_read_only_root_has_read_only_files_of_the_engine) {
  host_.readonly_rootfs = true;
  SpecInputs mounting = inputs();
  mounting.hosts = "/h/hosts";
  const oci::Spec made = MUST(make_spec(mounting));
  EXPECT_TRUE(made.root.readonly);
  EXPECT_TRUE(has(mount_at(made, "/etc/hosts")->options, "ro"));
}

TEST_F(MakeSpec, security_options_choose_profiles) {
  host_.security_opt = {"seccomp=unconfined", "apparmor=mine", "no-new-privileges"};
  const oci::Spec made = spec();
  EXPECT_FALSE(made.linux_.seccomp);
  EXPECT_EQ(made.process->apparmor_profile, "mine");
  EXPECT_TRUE(made.process->no_new_privileges);
  host_.security_opt = {R"(seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[]})"};
  EXPECT_EQ(spec().linux_.seccomp->default_action, "SCMP_ACT_ALLOW");
  host_.security_opt = {"seccomp={"};
  EXPECT_EQ(refusal().substr(0, 33), "Decoding seccomp profile failed: ");
}

TEST_F(MakeSpec, paths_that_are_given_take_the_place_of_the_defaults) {
  host_.masked_paths = List{};
  host_.readonly_paths = List{"/proc/sys"};
  EXPECT_TRUE(spec().linux_.masked_paths.empty());
  EXPECT_EQ(spec().linux_.readonly_paths, List{"/proc/sys"});
}

TEST_F(MakeSpec, sysctls_that_are_given_win) {
  host_.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "1024"}};
  EXPECT_EQ(spec().linux_.sysctl.at("net.ipv4.ip_unprivileged_port_start"), "1024");
}

TEST(TmpfsOptions, later_ones_take_the_place_of_opposites_and_of_the_same) {
  EXPECT_EQ(MUST(tmpfs_options("")), (List{"noexec", "nosuid", "nodev"}));
  EXPECT_EQ(MUST(tmpfs_options("exec,size=1m,mode=755,size=2m,rw")),
            (List{"nosuid", "nodev", "exec", "mode=755", "size=2m", "rw"}));
  for (const char* options : {"bogus", "size", "lowerdir=/etc", "bind"})
    EXPECT_FALSE(tmpfs_options(options)) << options;
}

class ExecProcess : public MakeSpec {};

TEST_F(ExecProcess, is_like_the_container_but_for_what_is_asked) {
  config_.env = {"A=1"};
  config_.working_dir = "/srv";
  const oci::Process container = *spec().process;
  const kernel::RootDir root = MUST(kernel::RootDir::open(rootfs_.path()));
  const oci::Process same = MUST(make_exec_process(container, {.cmd = {"id"}}, root));
  EXPECT_EQ(same.args, List{"id"});
  EXPECT_EQ(same.cwd, "/srv");
  EXPECT_EQ(same.env, container.env);
  EXPECT_EQ(same.capabilities->effective, default_capabilities());

  const oci::Process other = MUST(make_exec_process(container,
                                                    {.cmd = {"id"},
                                                     .env = {"A=2", "B=3"},
                                                     .user = "web",
                                                     .working_dir = "/",
                                                     .tty = true,
                                                     .console_size = {24, 80}},
                                                    root));
  EXPECT_EQ(other.user.uid, 1000U);
  EXPECT_TRUE(other.capabilities->effective.empty());
  EXPECT_EQ(other.console_size->width, 80U);
  EXPECT_TRUE(has(other.env, "A=2") && has(other.env, "B=3") && has(other.env, "TERM=xterm"));
}

TEST_F(ExecProcess, with_privileges_has_them_whoever_runs_it) {
  config_.user = "web";
  const kernel::RootDir root = MUST(kernel::RootDir::open(rootfs_.path()));
  const oci::Process process =
      MUST(make_exec_process(*spec().process, {.cmd = {"id"}, .privileged = true}, root));
  EXPECT_EQ(process.user.uid, 1000U);
  EXPECT_EQ(process.capabilities->effective, available_capabilities());
}

TEST_F(ExecProcess, needs_a_command) {
  const kernel::RootDir root = MUST(kernel::RootDir::open(rootfs_.path()));
  EXPECT_EQ(make_exec_process(*spec().process, {}, root).error().message(), "No exec command specified");
}

}  // namespace
}  // namespace gantry::container
