// SPDX-License-Identifier: Apache-2.0
#include "daemon/serve.h"

#include <chrono>
#include <string>

#include "base/heap.h"
#include "daemon/notify.h"
#include "registry/server.h"

namespace gantry::daemon {
namespace {

constexpr std::chrono::seconds kGrace{10};  // for requests that are running when the end is wished for

// A service manager that cannot be told gives up on us by itself.
void tell(const std::string& state, const Logger& log) {
  if (const Result<void> told = notify_service_manager(state); !told)
    log.warn("the service manager does not know the state", {{"error", told.error().message()}});
}

// As Type=notify-reload wants it: with the time, so that it can tell this reload from others.
std::string reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

Result<Signals> Signals::block() {
  Signals signals;
  sigemptyset(&signals.set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals.set_, signal);
  if (const int failed = ::pthread_sigmask(SIG_BLOCK, &signals.set_, nullptr); failed != 0)
    return sys_error_of(failed, "block signals");
  return signals;
}

Wish Signals::wait() const {
  for (;;) switch (::sigwaitinfo(&set_, nullptr)) {
      case SIGHUP: return Wish::Reload;
      case SIGTERM:
      case SIGINT: return Wish::Stop;
      default: break;  // EINTR
    }
}

Result<void> serve_registry(const registry::Config& config, image::ImageStore& store, const Signals& signals,
                            const Logger& log) {
  keep_heap_small();
  const auto server = TRY(registry::RegistryServer::start(config, store, log));
  for (const std::string& address : server->addresses()) log.info("registry listens", {{"address", address}});
  tell("READY=1", log);
  while (signals.wait() == Wish::Reload) {
    tell(reloading(), log);
    if (const Result<void> done = server->reload(); !done)
      log.error("reload failed; what could not be read stays as it was", {{"error", done.error().message()}});
    tell("READY=1", log);
  }
  log.info("registry stops");
  tell("STOPPING=1", log);
  server->stop(kGrace);
  return {};
}

}  // namespace gantry::daemon
