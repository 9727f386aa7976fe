// SPDX-License-Identifier: Apache-2.0
#include "daemon/serve.h"

#include <chrono>
#include <string>
#include <utility>

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

class RegistryService final : public Service {
 public:
  explicit RegistryService(std::unique_ptr<registry::RegistryServer> server) : server_(std::move(server)) {}
  std::string_view name() const override { return "registry"; }
  std::vector<std::string> addresses() const override { return server_->addresses(); }
  Result<void> reload() override { return server_->reload(); }
  void stop(std::chrono::milliseconds grace) override { server_->stop(grace); }

 private:
  const std::unique_ptr<registry::RegistryServer> server_;
};

void reload(std::span<const std::unique_ptr<Service>> services, const Logger& log) {
  for (const auto& service : services)
    if (const Result<void> done = service->reload(); !done)
      log.error("reload failed; what could not be read stays as it was",
                {{"service", service->name()}, {"error", done.error().message()}});
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

Result<std::unique_ptr<Service>> start_registry(const registry::Config& config, image::ImageStore& store,
                                                const Logger& log) {
  keep_heap_small();
  return std::make_unique<RegistryService>(TRY(registry::RegistryServer::start(config, store, log)));
}

Result<void> serve(std::span<const std::unique_ptr<Service>> services, const Signals& signals,
                   const Logger& log) {
  for (const auto& service : services)
    for (const std::string& address : service->addresses())
      log.info("listening", {{"service", service->name()}, {"address", address}});
  tell("READY=1", log);
  while (signals.wait() == Wish::Reload) {
    tell(reloading(), log);
    reload(services, log);
    tell("READY=1", log);
  }
  log.info("stopping");
  tell("STOPPING=1", log);
  for (const auto& service : services) service->stop(kGrace);
  return {};
}

}  // namespace gantry::daemon
