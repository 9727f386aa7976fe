// SPDX-License-Identifier: Apache-2.0
//
// How it is known that a container is well, and what is done when it starts and ends.
#include <algorithm>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/pod_spec.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

constexpr std::string_view kSchemes[] = {"HTTP", "HTTPS"};
constexpr std::string_view kSignalsOfWindows[] = {"SIGKILL", "SIGTERM"};
constexpr std::string_view kSignals[] = {
    "SIGABRT",     "SIGALRM",     "SIGBUS",      "SIGCHLD",     "SIGCLD",      "SIGCONT",     "SIGFPE",
    "SIGHUP",      "SIGILL",      "SIGINT",      "SIGIO",       "SIGIOT",      "SIGKILL",     "SIGPIPE",
    "SIGPOLL",     "SIGPROF",     "SIGPWR",      "SIGQUIT",     "SIGRTMAX",    "SIGRTMAX-1",  "SIGRTMAX-10",
    "SIGRTMAX-11", "SIGRTMAX-12", "SIGRTMAX-13", "SIGRTMAX-14", "SIGRTMAX-2",  "SIGRTMAX-3",  "SIGRTMAX-4",
    "SIGRTMAX-5",  "SIGRTMAX-6",  "SIGRTMAX-7",  "SIGRTMAX-8",  "SIGRTMAX-9",  "SIGRTMIN",    "SIGRTMIN+1",
    "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+2",
    "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",  "SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",
    "SIGSEGV",     "SIGSTKFLT",   "SIGSTOP",     "SIGSYS",      "SIGTERM",     "SIGTRAP",     "SIGTSTP",
    "SIGTTIN",     "SIGTTOU",     "SIGURG",      "SIGUSR1",     "SIGUSR2",     "SIGVTALRM",   "SIGWINCH",
    "SIGXCPU",     "SIGXFSZ"};

void exec(const Spot& action, const Spot& /*spec*/) { required(action["command"]); }

void http_get(const Spot& action, const Spot& /*spec*/) {
  required(action["path"]);
  port_number_or_name(action["port"]);
  const Spot scheme = action["scheme"];
  if (std::ranges::find(kSchemes, scheme.text()) == std::end(kSchemes)) scheme.not_supported(kSchemes);
  const Spot headers = action["httpHeaders"];
  headers.each([&](const Spot& header) {
    headers.with_value_of(header["name"]).invalid_for(header_name_faults(header["name"].text()));
  });
}

void tcp_socket(const Spot& action, const Spot& /*spec*/) { port_number_or_name(action["port"]); }
void grpc(const Spot& action, const Spot& /*spec*/) { port_number(action["port"]); }

void sleep(const Spot& action, const Spot& spec) {
  const Spot grace = spec["terminationGracePeriodSeconds"];
  const Spot seconds = action["seconds"];
  if (grace.is_set() && (seconds.number() < 0 || seconds.number() > grace.number()))
    action.invalid(
        Tree(seconds.number()),
        fmt::format("must be non-negative and less than terminationGracePeriodSeconds ({})", grace.number()));
}

struct Action {
  const char* field;
  void (*check)(const Spot& action, const Spot& spec);
};
constexpr Action kOfProbes[] = {
    {"exec", exec}, {"httpGet", http_get}, {"tcpSocket", tcp_socket}, {"grpc", grpc}};
constexpr Action kOfLifecycles[] = {
    {"exec", exec}, {"httpGet", http_get}, {"tcpSocket", tcp_socket}, {"sleep", sleep}};

// Exactly one.
void handler(const Spot& handler, std::span<const Action> actions, const Spot& spec) {
  bool has_one = false;
  for (const Action& action : actions) {
    const Spot wanted = handler[action.field];
    if (!wanted.is_set()) continue;
    if (has_one)
      wanted.forbidden("may not specify more than 1 handler type");
    else
      action.check(wanted, spec);
    has_one = true;
  }
  if (!has_one) handler.required("must specify a handler type");
}

void probe(const Spot& probe, const Spot& spec) {
  handler(probe, kOfProbes, spec);
  for (const char* field :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"})
    non_negative(probe[field]);
  const Spot grace = probe["terminationGracePeriodSeconds"];
  if (grace.is_set() && grace.number() <= 0) grace.invalid("must be greater than 0");
}

// Of one that ends the container when it fails.
void probe_of_life(const Spot& life, const Spot& spec) {
  if (!life.is_set()) return;
  probe(life, spec);
  const Spot successes = life["successThreshold"];
  if (successes.is_set() && successes.number() != 1) successes.invalid("must be 1");
}

void probe_of_readiness(const Spot& readiness, const Spot& spec) {
  if (!readiness.is_set()) return;
  probe(readiness, spec);
  const Spot grace = readiness["terminationGracePeriodSeconds"];
  if (grace.is_set()) grace.invalid("must not be set for readinessProbes");
}

void stop_signal(const Spot& signal, const Spot& spec) {
  if (!signal.is_set()) return;
  const Spot os = spec["os"];
  if (!os.is_set()) return signal.forbidden("may not be set for containers with empty `spec.os.name`");
  if (os["name"].text() == "windows") one_of_if_set(signal, kSignalsOfWindows);
  if (os["name"].text() == "linux") one_of_if_set(signal, kSignals);
}

void lifecycle(const Spot& lifecycle, const Spot& spec) {
  for (const char* when : {"postStart", "preStop"})
    if (const Spot wanted = lifecycle[when]; wanted.is_set()) handler(wanted, kOfLifecycles, spec);
  stop_signal(lifecycle["stopSignal"], spec);
}

}  // namespace

void long_running(const Spot& container, const Spot& spec) {
  lifecycle(container["lifecycle"], spec);
  probe_of_life(container["livenessProbe"], spec);
  probe_of_readiness(container["readinessProbe"], spec);
  probe_of_life(container["startupProbe"], spec);
}

}  // namespace gantry::kube::rules
