// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "engine/testing_host.h"
#include "engine/volumes.h"
#include "runtime/shim/client_frames.h"

namespace gantry::engine {
namespace {

// What an attached connection gives until the session's end.
std::string output_of(Attachment attachment) {
  std::string text;
  std::string frame(shim::kHeaderSize + shim::kMaxBody, '\0');
  for (;;) {
    const ssize_t n = ::recv(attachment.connection.get(), frame.data(), frame.size(), 0);
    if (n < 0 && errno == EAGAIN) {
      pollfd ready{.fd = attachment.connection.get(), .events = POLLIN};
      (void)::poll(&ready, 1, -1);
      continue;
    }
    if (n <= 0) return text;
    const auto answer = MUST(shim::parse_answer({frame.data(), static_cast<std::size_t>(n)}));
    if (answer.type == shim::FrameType::Exited) return text;
    if (answer.type == shim::FrameType::Output) text += answer.body;
  }
}

std::vector<std::string> actions(TestHost& host, const std::string& actor) {
  std::vector<std::string> found;
  for (const EventRef& event : host->events().between(0, std::numeric_limits<TimeNs>::max()))
    if (event->actor == actor) found.push_back(event->action);
  return found;
}

// Soon after its end.
void expect_removed(TestHost& host, const std::string& id) {
  for (int i = 0; i < 6000 && host->find(id); ++i) ::usleep(10'000);
  EXPECT_FALSE(host->find(id).has_value());
}

TEST(Engine, runs_a_container_and_says_how_it_ended) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.run({"sh", "-c", "echo hello; exit 7"});
    EXPECT_EQ(host.wait(id), 7);
    EXPECT_EQ(host.record(id)->state.status, Status::Exited);
    EXPECT_EQ(host.record(id)->state.exit_code, 7);
    EXPECT_EQ(host.log_of(id), "hello\n");
    MUST(host->remove(id));
    EXPECT_EQ(host->find(id).error().code(), Code::NotFound);
    EXPECT_EQ(actions(host, id), (std::vector<std::string>{"create", "start", "die", "destroy"}));
  });
}

// Here nobody but the engine itself tells: as if each daemon had been killed before it did.
TEST(Engine, tells_at_its_start_what_was_not_told_of_volumes_and_networks) {
  NEEDS_ROOT();
  on_a_host([] {
    using Actions = std::vector<std::string>;
    TestHost host;
    MUST(host->remove(host.create({"true"})));  // so that there are events before
    MUST(host->volumes().create({.name = "data"}));
    network::NetworkConfig config;
    config.name = "net";
    config.driver = "bridge";
    const std::string network = MUST(host.networks().create(config));
    const auto restart = [&] {
      host.end_engine();
      host.start_engine();
    };
    restart();
    EXPECT_EQ(actions(host, "data"), (Actions{"create"}));
    EXPECT_EQ(actions(host, network), (Actions{"create"}));
    restart();
    EXPECT_EQ(actions(host, "data"), (Actions{"create"}));

    CreateRequest request = host.request({"sleep", "1000"});
    request.host_config.binds = {"data:/data"};
    request.host_config.network_mode = "net";
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    restart();
    EXPECT_EQ(actions(host, "data"), (Actions{"create", "mount"}));
    EXPECT_EQ(actions(host, network), (Actions{"create", "connect"}));
    EXPECT_EQ(actions(host, id), (Actions{"create", "start"}));
    host->events().publish(
        {.type = "network", .action = "disconnect", .actor = network, .attributes = {{"container", id}}});
    host->events().publish(
        {.type = "volume", .action = "unmount", .actor = "data", .attributes = {{"container", id}}});
    restart();
    EXPECT_EQ(actions(host, "data"), (Actions{"create", "mount", "unmount", "mount"}));
    EXPECT_EQ(actions(host, network), (Actions{"create", "connect", "disconnect", "connect"}));

    MUST(host->remove(id, {.force = true}));
    host->events().publish(
        {.type = "network", .action = "connect", .actor = network, .attributes = {{"container", id}}});
    MUST(host.networks().remove("net"));
    MUST(host->volumes().remove("data"));
    restart();
    EXPECT_EQ(actions(host, "data"), (Actions{"create", "mount", "unmount", "mount", "unmount", "destroy"}));
    EXPECT_EQ(actions(host, network), (Actions{"create", "connect", "disconnect", "connect", "disconnect",
                                               "connect", "disconnect", "destroy"}));
    restart();
    EXPECT_EQ(actions(host, network).size(), 8u);

    MUST(host->volumes().create({.name = "data"}));  // another one
    restart();
    EXPECT_EQ(actions(host, "data").back(), "create");
  });
}

TEST(Engine, layers_that_a_crash_of_the_host_took_are_unpacked_again_for_its_containers) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.create({"cat", "/data/from-image"});
    host.end_engine();
    MUST(host.store().database().write([](database::Connection& connection) {
      return connection.execute(
          "UPDATE directories SET unsynced = 'another boot' WHERE unsynced IS NOT NULL");
    }));
    MUST(image::Snapshots::open(host.path() + "/root", host.store().database()));  // finds it out
    MUST(host.snapshots().collect());
    EXPECT_FALSE(host.snapshots().mount("container/" + id)) << "its layer is gone";
    host.start_engine();
    MUST(host->start(id));
    EXPECT_EQ(host.wait(id), 0);
    EXPECT_EQ(host.log_of(id), "image\n");
    MUST(host->remove(id));
  });
}

TEST(Engine, removes_as_it_begins_what_a_killed_removal_left_of_a_snapshot) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    host.end_engine();
    const std::string nobodys = host.path() + "/root/snapshots/4711";
    ASSERT_EQ(::mkdir(nobodys.c_str(), 0700), 0);
    host.start_engine();
    host.end_engine();  // when it has repaired
    EXPECT_NE(::access(nobodys.c_str(), F_OK), 0);
  });
}

TEST(Engine, finds_containers_by_id_prefix_and_name_and_refuses_a_name_twice) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"true"});
    request.name = "web";
    const std::string id = MUST(host->create(request)).id;
    for (const std::string& ref : {id, id.substr(0, 12), std::string("web"), std::string("/web")})
      EXPECT_EQ(MUST(host->find(ref))->id, id) << ref;
    const auto second = host->create(request);
    EXPECT_EQ(second.error().code(), Code::Conflict);
    EXPECT_TRUE(
        second.error().message().starts_with("Conflict. The container name \"/web\" is already in use"))
        << second.error().message();
    EXPECT_EQ(host->create({.name = "-x", .config = host.request({}).config}).error().code(),
              Code::InvalidArgument);
    request.config.image = "missing";
    EXPECT_EQ(host->create(request).error().message(), "No such image: missing:latest");
  });
}

TEST(Engine, renames) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.create({"true"});
    const std::string old_name = host.record(id)->name;
    MUST(host->rename(id, "other"));
    EXPECT_EQ(MUST(host->find("other"))->id, id);
    EXPECT_FALSE(host->find(old_name).has_value());
  });
}

TEST(Engine, hands_the_streams_to_who_waits_before_the_program_runs) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.create({"echo", "first words"});
    std::optional<Attachment> attachment;
    const Subscription attach =
        MUST(host->attach(id, {.stdout_too = true, .stderr_too = true}, [&](Result<Attachment> attached) {
          attachment.emplace(MUST(std::move(attached)));
        }));
    EXPECT_FALSE(attachment.has_value());
    MUST(host->start(id));
    ASSERT_TRUE(attachment.has_value());
    EXPECT_EQ(output_of(std::move(*attachment)), "first words\n");
    EXPECT_EQ(host.wait(id), 0);
  });
}

TEST(Engine, says_why_a_program_cannot_be_started) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.create({"/no/such/program"});
    std::string told;
    const Subscription attach = MUST(host->attach(
        id, {.stdout_too = true}, [&](Result<Attachment> attached) { told = attached.error().message(); }));
    const auto started = host->start(id);
    ASSERT_FALSE(started.has_value());
    EXPECT_NE(started.error().message().find("no such file or directory"), std::string::npos)
        << started.error().message();
    EXPECT_EQ(told, started.error().message());
    EXPECT_EQ(host.record(id)->state.exit_code, 127);
    EXPECT_EQ(host.record(id)->state.status, Status::Created);
    MUST(host->remove(id));

    CreateRequest shy = host.request({"/no/such/program"});
    shy.host_config.auto_remove = true;
    const std::string shy_id = MUST(host->create(std::move(shy))).id;
    std::int64_t exit_code = 0;
    const Subscription wait = MUST(host->wait(
        shy_id, WaitCondition::Removed, [&](const WaitResult& result) { exit_code = result.exit_code; }));
    EXPECT_FALSE(host->start(shy_id).has_value());
    EXPECT_EQ(exit_code, 127);
    EXPECT_FALSE(host->find(shy_id).has_value());
  });
}

TEST(Engine, stops_with_the_signal_asked_for_and_then_for_good) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string polite =
        host.run({"sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"});
    while (host.log_of(polite).empty()) std::this_thread::yield();
    EXPECT_TRUE(MUST(host->stop(polite)));
    EXPECT_EQ(host.record(polite)->state.exit_code, 3);
    EXPECT_FALSE(MUST(host->stop(polite)));

    const std::string deaf = host.run({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"});
    while (host.log_of(deaf).empty()) std::this_thread::yield();
    EXPECT_TRUE(MUST(host->stop(deaf, {.patience = std::chrono::seconds(0)})));
    EXPECT_EQ(host.record(deaf)->state.exit_code, 137);

    EXPECT_TRUE(MUST(host->start(deaf)));
    EXPECT_FALSE(MUST(host->start(deaf)));
    MUST(host->kill(deaf, "KILL"));
    EXPECT_EQ(host.record(deaf)->state.status, Status::Exited);
    EXPECT_EQ(host.wait(deaf), 137);
    EXPECT_EQ(host->kill(deaf, "KILL").error().code(), Code::Conflict);
  });
}

TEST(Engine, pauses_and_goes_on) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.run({"sleep", "1000"});
    MUST(host->pause(id));
    EXPECT_EQ(host.record(id)->state.status, Status::Paused);
    EXPECT_EQ(host->exec_create(id, {.cmd = {"true"}}).error().code(), Code::Conflict);
    MUST(host->unpause(id));
    EXPECT_EQ(host.record(id)->state.status, Status::Running);
    MUST(host->pause(id));
    MUST(host->remove(id, {.force = true}));
  });
}

TEST(Engine, removes_only_by_force_what_runs_and_removes_itself_if_asked) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.run({"sleep", "1000"});
    EXPECT_EQ(host->remove(id).error().code(), Code::Conflict);
    MUST(host->remove(id, {.force = true}));
    EXPECT_FALSE(host->find(id).has_value());

    CreateRequest request = host.request({"sh", "-c", "exit 5"});
    request.host_config.auto_remove = true;
    const std::string shy = MUST(host->create(std::move(request))).id;
    Latch removed;
    std::int64_t exit_code = 0;
    const Subscription wait = MUST(host->wait(shy, WaitCondition::Removed, [&](const WaitResult& result) {
      exit_code = result.exit_code;
      removed.open();
    }));
    MUST(host->start(shy));
    removed.wait_until(std::nullopt);
    EXPECT_EQ(exit_code, 5);
    EXPECT_FALSE(host->find(shy).has_value());
  });
}

TEST(Engine, restarts_even_what_removes_itself) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"sleep", "1000"});
    request.host_config.auto_remove = true;
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    const pid_t first = host.record(id)->state.pid;
    MUST(host->restart(id, {.patience = std::chrono::seconds(0)}));
    EXPECT_EQ(host.record(id)->state.status, Status::Running);
    EXPECT_NE(host.record(id)->state.pid, first);
    MUST(host->kill(id, "KILL"));
    expect_removed(host, id);
  });
}

TEST(Engine, starts_again_what_fails_as_often_as_the_policy_says) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"sh", "-c", "echo run; exit 1"});
    request.host_config.restart_policy = {.name = "on-failure", .maximum_retry_count = 2};
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    while (host.record(id)->state.status != Status::Exited) std::this_thread::yield();
    EXPECT_EQ(host.log_of(id), "run\nrun\nrun\n");
    EXPECT_EQ(host.record(id)->state.restart_count, 2);
  });
}

TEST(Engine, removes_a_container_whose_files_somebody_else_has_mounted) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"sleep", "1000"});
    request.host_config.auto_remove = true;
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    // As a client that copies files does, or a mount namespace that is just being made for another container.
    const UniqueFd root = MUST(
        open_at(AT_FDCWD, fmt::format("/proc/{}/root", host.record(id)->state.pid), O_PATH | O_DIRECTORY));
    MUST(host->kill(id, "KILL"));
    expect_removed(host, id);
    EXPECT_FALSE(MUST(host.snapshots().snapshot(host->snapshot_key({.id = id}))));
  });
}

TEST(Engine, tells_who_waits_for_a_removal_why_there_is_none) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"true"});
    request.host_config.auto_remove = true;
    const std::string id = MUST(host->create(std::move(request))).id;
    const std::string busy = host.path() + "/root/containers/" + id + "/busy";
    ASSERT_EQ(::mkdir(busy.c_str(), 0700), 0);
    ASSERT_EQ(::mount("tmpfs", busy.c_str(), "tmpfs", 0, nullptr), 0) << errno;
    WaitResult told;
    Latch latch;
    const Subscription wait = MUST(host->wait(id, WaitCondition::Removed, [&](const WaitResult& result) {
      told = result;
      latch.open();
    }));
    MUST(host->start(id));
    latch.wait_until(std::nullopt);
    EXPECT_NE(told.error.find("EBUSY"), std::string::npos) << told.error;
    ASSERT_EQ(::umount(busy.c_str()), 0) << errno;
    MUST(host->remove(id));
  });
}

TEST(Engine, runs_further_processes) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.run({"sleep", "1000"});
    const std::string exec = MUST(host->exec_create(
        id, {.attach_stdout = true, .env = {"X=y"}, .cmd = {"sh", "-c", "echo $X; exit 4"}}));
    EXPECT_EQ(output_of(MUST(host->exec_start(exec, {}))), "y\n");
    while (MUST(host->exec_inspect(exec))->status != ExecStatus::Exited) std::this_thread::yield();
    EXPECT_EQ(MUST(host->exec_inspect(exec))->exit_code, 4);
    EXPECT_EQ(host->exec_start(exec, {}).error().code(), Code::Conflict);

    const std::string missing = MUST(host->exec_create(id, {.cmd = {"nothing"}}));
    const auto refused = host->exec_start(missing, {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(MUST(host->exec_inspect(missing))->exit_code, 127) << refused.error().message();
    MUST(host->remove(id, {.force = true}));
  });
}

// The shim answers that it runs, the container ends, and only then is it known to run.
TEST(Engine, an_exec_that_begins_while_its_container_ends_has_ended) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    for (int i = 0; i < 5; ++i) {
      const std::string id = host.run({"sleep", "1000"});
      const std::string exec = MUST(host->exec_create(id, {.cmd = {"sleep", "1000"}}));
      std::thread client([&] { (void)host->exec_start(exec, {.detach = true}); });
      std::this_thread::sleep_for(std::chrono::milliseconds(4 * i));  // any moment will do
      MUST(host->kill(id, "KILL"));
      client.join();
      EXPECT_EQ(host.wait(id), 137);
      EXPECT_NE(MUST(host->exec_inspect(exec))->status, ExecStatus::Running) << i;
      MUST(host->remove(id));
    }
  });
}

TEST(Engine, knows_what_is_healthy) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    CreateRequest request = host.request({"sleep", "1000"});
    request.config.healthcheck = container::HealthConfig{
        .test = {"CMD-SHELL", "echo looked; test -e /tmp/well"}, .interval = 20'000'000, .retries = 1};
    const std::string id = MUST(host->create(std::move(request))).id;
    MUST(host->start(id));
    const auto wait_for = [&](HealthStatus status) {
      while (host.record(id)->state.health->status != status) std::this_thread::yield();
    };
    wait_for(HealthStatus::Unhealthy);
    EXPECT_EQ(host.record(id)->state.health->log.back().output, "looked\n");
    const std::string heal = MUST(host->exec_create(id, {.cmd = {"sh", "-c", "echo >/tmp/well"}}));
    MUST(host->exec_start(heal, {.detach = true}));
    wait_for(HealthStatus::Healthy);
    MUST(host->remove(id, {.force = true}));
  });
}

TEST(Engine, containers_share_namespaces) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string first = host.run({"sleep", "1000"});
    CreateRequest request = host.request({"sh", "-c", "ls -l /proc/1/ns/net /proc/1/ns/pid; kill -0 1"});
    request.host_config.network_mode = request.host_config.pid_mode = "container:" + first;
    const std::string second = MUST(host->create(std::move(request))).id;
    MUST(host->start(second));
    EXPECT_EQ(host.wait(second), 0);
    MUST(host->remove(first, {.force = true}));
    EXPECT_EQ(host->start(second).error().code(), Code::NotFound);
  });
}

TEST(Engine, pods_hold_namespaces_without_a_process) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string pod = MUST(host->create_pod("pod", {.hostname = "inside", .network_mode = "none"})).id;
    CreateRequest request = host.request({"sh", "-c", "hostname; echo x >/dev/shm/a; sleep 1000"});
    request.pod = pod;
    const std::string first = MUST(host->create(request)).id;
    EXPECT_EQ(host->start(first).error().code(), Code::Conflict);
    EXPECT_TRUE(MUST(host->start_pod("pod")));
    EXPECT_FALSE(MUST(host->start_pod("pod")));
    while (host.log_of(first).empty()) std::this_thread::yield();
    EXPECT_EQ(host.log_of(first), "inside\n");
    request.config.cmd = {"cat", "/dev/shm/a"};
    const std::string second = MUST(host->create(request)).id;
    MUST(host->start(second));
    EXPECT_EQ(host.wait(second), 0);
    EXPECT_EQ(host.log_of(second), "x\n");
    EXPECT_EQ(host->containers_of(*MUST(host->find_pod(pod))).size(), 2U);
    MUST(host->remove_pod("pod", {.force = true}));
    EXPECT_TRUE(host->list().empty());
  });
}

TEST(Engine, opens_the_files_of_what_runs_and_of_what_does_not) {
  NEEDS_ROOT();
  on_a_host([] {
    TestHost host;
    const std::string id = host.run({"sh", "-c", "echo written >/tmp/file; sleep 1000"});
    const auto contents = [&] {
      const Engine::Rootfs root = MUST(host->open_rootfs(id));
      const auto text = read_file_at(root.directory(), "tmp/file");
      return text ? *text : std::string();
    };
    while (contents() != "written\n") std::this_thread::yield();
    MUST(host->kill(id, "KILL"));
    (void)host.wait(id);
    EXPECT_EQ(contents(), "written\n");
    EXPECT_FALSE(MUST(host->open_rootfs(id)).is_live());
  });
}

}  // namespace
}  // namespace gantry::engine
