// SPDX-License-Identifier: Apache-2.0
//
// What `kubectl get pods` says of a pod is put together from its containers' states.
#include <algorithm>

#include <fmt/format.h>

#include "base/timestamp.h"
#include "kube/views/age.h"
#include "kube/views/cell.h"
#include "kube/views/value_access.h"

namespace gantry::kube::views {
namespace {

using json::Value;

struct PodSummary {
  std::string status;
  std::size_t containers = 0;
  std::size_t ready = 0;
  std::int64_t restarts = 0;
  std::string_view last_restart;  // when; empty: none
};

// Restarts of some containers, and when the last of them was.
struct Restarts {
  std::int64_t count = 0;
  std::int64_t last_ns = 0;
  std::string_view last;

  void add(const Value& container) {
    count += number_at(container, "restartCount");
    const std::string_view finished = text_at(container, "lastState", "terminated", "finishedAt");
    const auto time = parse_timestamp(finished);
    if (!time || (!last.empty() && *time <= last_ns)) return;
    last_ns = *time;
    last = finished;
  }
};

// A sidecar: an init container that is started again whenever it ends.
bool is_restartable(const Value& container) { return text_at(container, "restartPolicy") == "Always"; }

bool is_restartable(const Value& pod, std::string_view init_container) {
  bool found = false;
  for_each(at(pod, "spec", "initContainers"), [&](const Value& container) {
    found = found || (text_at(container, "name") == init_container && is_restartable(container));
  });
  return found;
}

// "Error", or what is known where no reason is given.
std::string reason_of(const Value& terminated) {
  if (const std::string_view reason = text_at(terminated, "reason"); !reason.empty())
    return std::string(reason);
  if (const std::int64_t signal = number_at(terminated, "signal"); signal != 0)
    return fmt::format("Signal:{}", signal);
  return fmt::format("ExitCode:{}", number_at(terminated, "exitCode"));
}

class PodReader {
 public:
  explicit PodReader(const Value& pod) : pod_(pod) {}

  PodSummary read() {
    summary_.containers = size_of(at(pod_, "spec", "containers"));
    for_each(at(pod_, "spec", "initContainers"),
             [&](const Value& container) { summary_.containers += is_restartable(container) ? 1 : 0; });
    read_phase();
    const bool is_initializing = read_init_containers();
    if (!is_initializing || has_condition(pod_, "Initialized")) {
      restarts_ = sidecar_restarts_;
      read_containers();
    }
    read_deletion();
    summary_.restarts = restarts_.count;
    summary_.last_restart = restarts_.last;
    return std::move(summary_);
  }

 private:
  void read_phase() {
    const std::string_view reason = text_at(pod_, "status", "reason");
    summary_.status = reason.empty() ? text_at(pod_, "status", "phase") : reason;
    const auto scheduled = condition_of(pod_, "PodScheduled");
    if (scheduled && text_at(*scheduled, "reason") == "SchedulingGated") summary_.status = "SchedulingGated";
  }

  // Whether one of them is what the pod waits for.
  bool read_init_containers() {
    const auto statuses = at(pod_, "status", "initContainerStatuses");
    std::optional<std::string> pending;
    for (std::size_t i = 0; i < size_of(statuses); ++i) {
      const Value container = statuses->at(i);
      const bool is_sidecar = is_restartable(pod_, text_at(container, "name"));
      restarts_.add(container);
      if (is_sidecar) sidecar_restarts_.add(container);
      if (!pending) pending = read_init_container(container, is_sidecar, i);
    }
    if (pending) summary_.status = fmt::format("Init:{}", *pending);
    return pending.has_value();
  }

  // Nothing: it has done its work.
  std::optional<std::string> read_init_container(const Value& container, bool is_sidecar, std::size_t index) {
    const auto terminated = at(container, "state", "terminated");
    if (terminated && number_at(*terminated, "exitCode") == 0) return std::nullopt;
    if (is_sidecar && is_true_at(container, "started")) {
      summary_.ready += is_true_at(container, "ready") ? 1 : 0;
      return std::nullopt;
    }
    if (terminated) return reason_of(*terminated);
    const std::string_view waiting = text_at(container, "state", "waiting", "reason");
    if (!waiting.empty() && waiting != "PodInitializing") return std::string(waiting);
    return fmt::format("{}/{}", index, size_of(at(pod_, "spec", "initContainers")));
  }

  // From the last to the first, so that the first with something to tell has the last word.
  void read_containers() {
    const auto statuses = at(pod_, "status", "containerStatuses");
    bool is_running = false;
    for (std::size_t i = size_of(statuses); i-- > 0;) {
      const Value container = statuses->at(i);
      restarts_.add(container);
      const std::string_view waiting = text_at(container, "state", "waiting", "reason");
      if (!waiting.empty()) {
        summary_.status = waiting;
      } else if (const auto terminated = at(container, "state", "terminated")) {
        summary_.status = reason_of(*terminated);
      } else if (is_true_at(container, "ready") && at(container, "state", "running")) {
        is_running = true;
        ++summary_.ready;
      }
    }
    if (summary_.status == "Completed" && is_running)
      summary_.status = has_condition(pod_, "Ready") ? "Running" : "NotReady";
  }

  void read_deletion() {
    if (text_at(pod_, "metadata", "deletionTimestamp").empty()) return;
    const std::string_view phase = text_at(pod_, "status", "phase");
    if (text_at(pod_, "status", "reason") == "NodeLost")
      summary_.status = "Unknown";
    else if (phase != "Succeeded" && phase != "Failed")
      summary_.status = "Terminating";
  }

  const Value& pod_;
  PodSummary summary_;
  Restarts restarts_;
  Restarts sidecar_restarts_;
};

void ready(const Cell& cell) {
  const PodSummary pod = PodReader(cell.object).read();
  cell.write(fmt::format("{}/{}", pod.ready, pod.containers));
}

void status(const Cell& cell) { cell.write(PodReader(cell.object).read().status); }

void restarts(const Cell& cell) {
  const PodSummary pod = PodReader(cell.object).read();
  if (pod.restarts == 0 || pod.last_restart.empty()) return cell.write(fmt::format("{}", pod.restarts));
  cell.write(fmt::format("{} ({} ago)", pod.restarts, age_since(pod.last_restart, cell.now)));
}

void ip(const Cell& cell) {
  const auto addresses = at(cell.object, "status", "podIPs");
  cell.write(
      size_of(addresses) > 0 ? text_at(addresses->at(0), "ip") : text_at(cell.object, "status", "podIP"),
      "<none>");
}

void readiness_gates(const Cell& cell) {
  const auto gates = at(cell.object, "spec", "readinessGates");
  std::size_t met = 0;
  for_each(gates, [&](const Value& gate) {
    met += has_condition(cell.object, text_at(gate, "conditionType")) ? 1 : 0;
  });
  cell.write(size_of(gates) == 0 ? "<none>" : fmt::format("{}/{}", met, size_of(gates)));
}

constexpr NamedCell kCells[] = {{"pod_ready", ready},
                                {"pod_status", status},
                                {"pod_restarts", restarts},
                                {"pod_ip", ip},
                                {"pod_readiness_gates", readiness_gates}};

}  // namespace

NamedCells pod_cells() { return kCells; }

}  // namespace gantry::kube::views
