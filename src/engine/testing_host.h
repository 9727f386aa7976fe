// SPDX-License-Identifier: Apache-2.0
//
// A host of its own for tests of the engine: namespaces, directories, an image of busybox, and an engine
// that can be ended and started again. What runs on it ends with it.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/file.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/wait_list.h"
#include "image/archive_io.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "kernel/cgroup_layout.h"
#include "network/networks.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {

// Runs `body` as the first process of a PID namespace, with mounts, network and names of its own. When it
// returns, the kernel ends what it started.
template <class Body>
void on_a_host(Body body) {
  testing::in_namespaces(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, [&] {
    testing::in_child([&] {
      ASSERT_EQ(::mount("proc", "/proc", "proc", 0, nullptr), 0) << errno;
      body();
    });
  });
}

struct StringSink final : ByteSink {
  std::string text;
  Result<void> write(std::span<const std::byte> from) override {
    text.append(reinterpret_cast<const char*>(from.data()), from.size());
    return {};
  }
};

class TestHost {
 public:
  explicit TestHost(LogLevel level = LogLevel::Warning)
      : TestHost(std::make_unique<testing::TempDir>(), level) {
    import_busybox();
    start_engine();
  }
  // The one of another process, which has ended.
  explicit TestHost(const std::string& directory, LogLevel level = LogLevel::Warning)
      : directory_(directory),
        log_(STDERR_FILENO, {.level = level}),
        cgroup_parent_("/gantry-engine-test." + directory.substr(directory.rfind('/') + 1)),
        store_(MUST(image::ImageStore::open(directory + "/root"))),
        snapshots_(MUST(image::Snapshots::open(directory + "/root", store_.database()))) {}
  ~TestHost() {
    end_engine();
    if (own_) remove_cgroups();
  }

  // Directory, image and nothing else: for engines in other processes.
  static std::unique_ptr<TestHost> without_engine() {
    std::unique_ptr<TestHost> host(new TestHost(std::make_unique<testing::TempDir>(), LogLevel::Warning));
    host->import_busybox();
    return host;
  }

  Engine& engine() { return *engine_; }
  Engine* operator->() { return engine_.get(); }
  network::Networks& networks() { return *networks_; }
  const std::string& path() const { return directory_; }
  const std::string& cgroup_parent() const { return cgroup_parent_; }
  image::Snapshots& snapshots() { return snapshots_; }
  image::ImageStore& store() { return store_; }

  void start_engine() {
    networks_ = MUST(network::Networks::open(
        {.root = directory_ + "/root", .run = directory_ + "/run", .log = &log_, .follow_changes = false}));
    EngineOptions options{.root = directory_ + "/root",
                          .run = directory_ + "/run",
                          .shim = GANTRY_BIN "/gantry-shim",
                          .runtime = GANTRY_BIN "/gantry-runtime",
                          .init = GANTRY_BIN "/gantry-init"};
    options.defaults.cgroup_parent = cgroup_parent_;
    engine_ = MUST(Engine::start(std::move(options), store_, snapshots_, *networks_, log_));
  }
  // Containers go on.
  void end_engine() {
    engine_.reset();
    networks_.reset();
  }

  // A container of busybox on no network. `change` may say more.
  CreateRequest request(std::vector<std::string> command) {
    CreateRequest request;
    request.config.image = "busybox";
    request.config.cmd = container::Words(std::move(command));
    request.host_config.network_mode = "none";
    return request;
  }
  std::string create(std::vector<std::string> command) {
    return MUST(engine_->create(request(std::move(command)))).id;
  }
  std::string run(std::vector<std::string> command) {
    const std::string id = create(std::move(command));
    MUST(engine_->start(id));
    return id;
  }
  ContainerRef record(const std::string& id) { return MUST(engine_->find(id)); }

  // Waits for it; the exit code.
  std::int64_t wait(const std::string& id, WaitCondition condition = WaitCondition::NotRunning) {
    Latch latch;
    WaitResult result;
    const Subscription wait = MUST(engine_->wait(id, condition, [&](const WaitResult& told) {
      result = told;
      latch.open();
    }));
    latch.wait_until(std::nullopt);
    return result.exit_code;
  }

  // What it wrote, without the columns of the log in front.
  std::string log_of(const std::string& id) {
    const std::string log = MUST(read_file(engine_->paths(*record(id)).log));
    std::string text;
    for (std::size_t at = 0; at < log.size();) {
      const std::size_t end = log.find('\n', at);
      text += log.substr(at + 40, end - at - 40) + "\n";
      at = end + 1;
    }
    return text;
  }

 private:
  void import_busybox() {
    const testing::TempDir root;
    for (const char* name : {"bin", "etc", "tmp", "proc", "sys", "dev", "data"})
      ASSERT_EQ(::mkdir((root / name).c_str(), 0755), 0);
    const std::string busybox = MUST(read_file("/bin/busybox"));
    MUST(replace_file_at(root.fd(), "bin/busybox", busybox, 0755));
    for (const char* name :
         {"sh", "true", "sleep", "cat", "echo", "hostname", "id", "ls", "kill", "wc", "dd"})
      ASSERT_EQ(::symlink("busybox", (root / (std::string("bin/") + name)).c_str()), 0);
    MUST(replace_file_at(root.fd(), "etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644));
    MUST(replace_file_at(root.fd(), "data/from-image", "image\n", 0644));
    StringSink tar;
    MUST(image::export_tar(root.fd(), tar));
    StringSource source(tar.text);
    MUST(image::import_tar(store_, snapshots_, source,
                           {.name = "docker.io/library/busybox:latest",
                            .platform = {},
                            .comment = {},
                            .config = R"({"Env":["PATH=/bin"],"Cmd":["sh"]})"}));
  }

  void remove_cgroups() {
    const auto layout = kernel::CgroupLayout::read();
    if (!layout) return;
    for (const kernel::Hierarchy& hierarchy : layout->hierarchies) {
      const std::string path = hierarchy.mount + cgroup_parent_;
      const auto names = names_in(AT_FDCWD, path);
      if (!names) continue;
      for (const std::string& name : *names) (void)::rmdir((path + "/" + name).c_str());
      (void)::rmdir(path.c_str());
    }
  }

  TestHost(std::unique_ptr<testing::TempDir> own, LogLevel level) : TestHost(own->path(), level) {
    own_ = std::move(own);
  }

  const std::string directory_;
  Logger log_;
  const std::string cgroup_parent_;
  image::ImageStore store_;
  image::Snapshots snapshots_;
  std::unique_ptr<testing::TempDir> own_;  // none: it is another's
  std::unique_ptr<network::Networks> networks_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace gantry::engine
