// SPDX-License-Identifier: Apache-2.0
#include "engine/shim_monitor.h"

#include <utility>

namespace gantry::engine {

std::shared_ptr<ShimMonitor> ShimMonitor::start(Core& core, UniqueFd connection, OnEnd on_end,
                                                OnExecEnd on_exec_end) {
  // Destroyed where its watch is: on the loop. Tasks that are posted before that come before it.
  std::shared_ptr<ShimMonitor> monitor(new ShimMonitor(core, std::move(on_end), std::move(on_exec_end)),
                                       [&core](ShimMonitor* last) {
                                         core.loop->post([&core, last] {
                                           core.monitors.erase(last);
                                           delete last;
                                         });
                                       });
  core.loop->post([monitor = monitor.get(), connection = std::move(connection)]() mutable {
    monitor->open(std::move(connection));
  });
  return monitor;
}

void ShimMonitor::open(UniqueFd connection) {
  if (core_.is_ending) return;
  core_.monitors.insert(this);
  client_ = std::make_unique<container::ShimClient>(core_.loop->loop(), std::move(connection), *this);
  client_->wait(shim::kContainerSession);
}

void ShimMonitor::watch_exec(std::uint32_t session) {
  core_.loop->post([this, session] {
    if (client_) client_->wait(session);
  });
}

void ShimMonitor::forget_exec(std::uint32_t session) {
  core_.loop->post([this, session] {
    if (client_) client_->remove(session, false, {});
  });
}

void ShimMonitor::on_exit(std::uint32_t session, const shim::ExitStatus& exit) {
  if (session == shim::kContainerSession)
    report({.exit = exit});
  else
    core_.later([on_exec_end = on_exec_end_, session, exit] { on_exec_end(session, exit); });
}

void ShimMonitor::on_closed(const Error&) {
  client_.reset();
  report({});
}

void ShimMonitor::report(RunEnd end) {
  if (std::exchange(has_ended_, true)) return;
  core_.later([on_end = on_end_, end] { on_end(end); });
}

}  // namespace gantry::engine
