// SPDX-License-Identifier: Apache-2.0
//
// For tests: a real etcd (Debian's package etcd-server) of one or more members on loopback, gone with its
// owner.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "store/etcd/etcd_store.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::store {

struct TestDisk {
  std::string directory = {};  // empty: one of the tests'
  bool is_synced = false;      // tests need no fsync
};

class TestCluster {
 public:
  static bool is_possible() { return ::access("/usr/bin/etcd", X_OK) == 0; }

  // `client_options` are put behind those of every member; `scheme` is that of clients.
  explicit TestCluster(int members, std::vector<std::string> client_options = {}, std::string scheme = "http",
                       TestDisk disk = {})
      : directory_(disk.directory.empty() ? dir_.path() : disk.directory),
        client_options_(std::move(client_options)),
        scheme_(std::move(scheme)) {
    MUST(make_directories(directory_, 0700));
    if (!disk.is_synced) client_options_.push_back("--unsafe-no-fsync");
    for (int i = 0; i < members; ++i)
      members_.push_back({.client_port = free_port(), .peer_port = free_port(), .process = std::nullopt});
    for (int i = 0; i < members; ++i) start(i);
  }

  EtcdOptions options() const {
    EtcdOptions options;
    for (const Member& member : members_)
      options.endpoints.push_back(scheme_ + "://127.0.0.1:" + std::to_string(member.client_port));
    return options;
  }

  // Waits until the cluster answers.
  std::unique_ptr<EtcdStore> open(const EtcdOptions& options) const {
    for (int attempt = 0;; ++attempt) {
      auto store = EtcdStore::open(options);
      if (store || attempt == 600) return MUST(std::move(store));
      ::usleep(100'000);
    }
  }
  std::unique_ptr<EtcdStore> open() const { return open(options()); }

  void kill(int member) { members_[static_cast<std::size_t>(member)].process.reset(); }
  void start(int index) {
    Member& member = members_[static_cast<std::size_t>(index)];
    const std::string client = scheme_ + "://127.0.0.1:" + std::to_string(member.client_port);
    std::string cluster;
    for (std::size_t i = 0; i < members_.size(); ++i)
      cluster += (i == 0 ? "" : ",") + name(i) + "=" + peer_url(members_[i]);
    const std::string own = name(static_cast<std::size_t>(index));
    Command command{.program = "/usr/bin/etcd",
                    .arguments = {"etcd", "--name", own, "--data-dir", directory_ + "/" + own,
                                  "--listen-client-urls", client, "--advertise-client-urls", client,
                                  "--listen-peer-urls", peer_url(member), "--initial-advertise-peer-urls",
                                  peer_url(member), "--initial-cluster", cluster, "--log-level", "error"}};
    command.arguments.insert(command.arguments.end(), client_options_.begin(), client_options_.end());
    const UniqueFd log(
        ::open((directory_ + "/" + own + ".log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    command.in = kDevNull;
    command.out = log.get();
    command.err = log.get();
    member.process.emplace(MUST(spawn(command)));
  }

 private:
  struct Member {
    std::uint16_t client_port, peer_port;
    std::optional<ChildProcess> process;
  };
  static std::string name(std::size_t index) { return "m" + std::to_string(index); }
  static std::string peer_url(const Member& member) {
    return "http://127.0.0.1:" + std::to_string(member.peer_port);
  }
  // One that is free now; the kernel gives others to whoever asks next.
  static std::uint16_t free_port() {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  const testing::TempDir dir_;
  const std::string directory_;
  std::vector<std::string> client_options_;
  const std::string scheme_;
  std::vector<Member> members_;
};

}  // namespace gantry::store
