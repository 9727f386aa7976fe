// SPDX-License-Identifier: Apache-2.0
#include "daemon/control_plane_service.h"

#include <utility>

#include "base/event_loop.h"
#include "base/heap.h"
#include "base/loop_thread.h"
#include "kube/control_plane/control_plane.h"

namespace gantry::daemon {
namespace {

constexpr std::chrono::hours kBetweenLooks{1};  // at how long the certificates are still good

class ControlPlaneService final : public Service {
 public:
  ControlPlaneService(std::unique_ptr<kube::ControlPlane> plane, std::unique_ptr<LoopThread> clock,
                      const Logger& log)
      : plane_(std::move(plane)),
        log_(log),
        clock_(std::move(clock)),
        timer_(std::make_unique<Timer>(clock_->loop(), Callback::to<&ControlPlaneService::on_timer>(*this))) {
    clock_->post([this] { timer_->start(kBetweenLooks); });
  }
  ~ControlPlaneService() override {
    clock_->call([this] { timer_.reset(); });
  }

  std::string_view name() const override { return "control plane"; }
  std::vector<std::string> addresses() const override { return {plane_->address()}; }
  Result<void> reload() override { return plane_->renew_certificates(); }
  void stop(std::chrono::milliseconds grace) override { plane_->stop(grace); }

 private:
  void on_timer() {
    timer_->start(kBetweenLooks);
    if (const auto renewed = plane_->renew_certificates(); !renewed)
      log_.error("certificates that are about to expire could not be renewed",
                 {{"error", renewed.error().message()}});
  }

  const std::unique_ptr<kube::ControlPlane> plane_;
  const Logger& log_;
  const std::unique_ptr<LoopThread> clock_;
  std::unique_ptr<Timer> timer_;  // of the clock's thread
};

}  // namespace

Result<std::unique_ptr<Service>> start_control_plane(const kube::ControlPlaneOptions& options,
                                                     const Logger& log) {
  keep_heap_small();
  auto plane = TRY(kube::ControlPlane::start(options, log));
  log.info("the administrator's kubeconfig", {{"file", plane->admin_kubeconfig()}});
  auto clock = TRY(LoopThread::start("certificates"));
  return std::make_unique<ControlPlaneService>(std::move(plane), std::move(clock), log);
}

}  // namespace gantry::daemon
