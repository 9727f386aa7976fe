// SPDX-License-Identifier: Apache-2.0
//
// The registry and nothing else, until SIGTERM: what bench/registry.py measures.
//
//   bench_registry_serve STORE CONFIG.json     prints the addresses that it listens on
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include <fmt/core.h>

#include "base/heap.h"
#include "base/log.h"
#include "image/image_store.h"
#include "registry/server.h"

using namespace gantry;

static Result<void> serve(const char* root, const char* path) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  keep_heap_small();
  const Logger log(STDERR_FILENO);
  registry::Config config = TRY(registry::Config::load(path));
  image::ImageStore store = TRY(image::ImageStore::open(root));
  const auto server = TRY(registry::RegistryServer::start(std::move(config), store, log));
  for (const std::string& address : server->addresses()) fmt::print("{}\n", address);
  std::fflush(stdout);
  int signal = 0;
  (void)::sigwait(&signals, &signal);
  server->stop(std::chrono::seconds(5));
  return {};
}

int main(int count, char** words) {
  if (count != 3) {
    fmt::print(stderr, "usage: {} STORE CONFIG.json\n", words[0]);
    return 2;
  }
  const Result<void> served = serve(words[1], words[2]);
  if (!served) fmt::print(stderr, "{}\n", served.error().message());
  return served ? 0 : 1;
}
