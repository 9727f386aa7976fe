// SPDX-License-Identifier: Apache-2.0
//
// `gantry doctor`: what of this host containers need, whether it is there, and how to mend what is not.
// Looks, and changes nothing but a file below `root` that it makes and removes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_codec.h"

namespace gantry::engine {

enum class Verdict : std::uint8_t { Ok, Warning, Problem };
constexpr std::array<std::string_view, 3> names_of(Verdict) { return {"ok", "warning", "problem"}; }

struct Finding {
  std::string area;   // "kernel", "cgroups", "storage", "network", "firewall", "security"
  std::string check;  // "overlay file system"
  Verdict verdict = Verdict::Ok;
  std::string found;   // what is there: "cgroup v2, with cpu memory pids io"
  std::string remedy;  // what to do; empty if all is well
};
void fields(json::Fields& f, Finding& finding);

struct DoctorOptions {
  std::string root = "/var/lib/gantry";
  std::string run = "/run/gantry";
  std::string system;  // stands in front of /proc and /sys, for tests
};
std::vector<Finding> examine_host(const DoctorOptions& options);

}  // namespace gantry::engine
