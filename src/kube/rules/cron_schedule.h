// SPDX-License-Identifier: Apache-2.0
//
// Is a text a schedule of cron, as CronJob has it: five fields of numbers, names, ranges, steps and lists, or
// one of the words "@daily" ...
// (https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax)
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::kube::rules {

// What is wrong with it; nothing: it is one.
std::optional<std::string> schedule_fault(std::string_view text);

}  // namespace gantry::kube::rules
