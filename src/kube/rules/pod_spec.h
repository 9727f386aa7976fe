// SPDX-License-Identifier: Apache-2.0
//
// What pods are made of, wherever they stand: in a Pod, or in the template of something that makes pods
// (core/v1 PodSpec).
#pragma once

#include <set>
#include <span>
#include <string_view>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void pod_spec(const Spot& spec);

// Parts of it, a file each.
using Names = std::set<std::string_view>;
// Gives the volumes' names.
Names volumes(const Spot& volumes);
// The source of one of them, and of persistent ones.
void nfs_volume(const Spot& source);
// All kinds of containers, that share names and ports.
void containers(const Spot& spec, const Names& volumes);
void placement(const Spot& spec);  // nodes, tolerations, affinity, spread

// A template that makes pods: its labels have to be what `selector` selects (null: nothing is asked), and its
// restart policy one of `restart_policies` (none: it is asked elsewhere).
void pod_template(const Spot& pod_template, const json::Tree* selector,
                  std::span<const std::string_view> restart_policies);

// A name that stands among others of its kind once: tells of those that are missing, malformed or there
// already.
void unique_name(const Spot& name, Names& names);

}  // namespace gantry::kube::rules
