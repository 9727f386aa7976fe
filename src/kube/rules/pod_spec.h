// SPDX-License-Identifier: Apache-2.0
//
// What pods are made of, wherever they stand: in a Pod, or in the template of something that makes pods
// (core/v1 PodSpec).
#pragma once

#include <map>
#include <set>
#include <span>
#include <string_view>

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// Of pods that a node has made itself, to show them.
inline constexpr std::string_view kMirrorOf = "kubernetes.io/config.mirror";

// `pod`: its name; empty: it is a template's.
void pod_spec(const Spot& spec, std::string_view pod);
// Annotations that mean something to those who run it.
void pod_annotations(const Spot& annotations, const Spot& spec);

// A template that makes pods: its labels have to be what `selector` selects (null: nothing is asked), and its
// restart policy one of `restart_policies` (none: it is asked elsewhere).
void pod_template(const Spot& pod_template, const json::Tree* selector,
                  std::span<const std::string_view> restart_policies);
// Its metadata alone.
void pod_template_metadata(const Spot& pod_template);

// ---- Parts of it, a file each

using Names = std::set<std::string_view>;
// Those of which nothing is wrong, by name.
using Volumes = std::map<std::string_view, const json::Tree*>;
// `pod`: its name; empty in a template.
Volumes volumes(const Spot& volumes, std::string_view pod);

// All kinds of containers, that share names and ports. Of a template less is asked.
void containers(const Spot& spec, const Volumes& volumes, bool is_template);
void environment(const Spot& container);
// That files of variables are in directories which containers can write to.
void environment_files(const Spot& spec);
void mounts(const Spot& container, const Volumes& volumes);
// Probes and what is done at its start and end, of a container that stays.
void long_running(const Spot& container, const Spot& spec);

// `claims`: names of the pod's.
void container_resources(const Spot& container, const Spot& spec, const Names& claims);
Names names_of_claims(const Spot& spec);
// For all of its containers together, and what is needed beside them.
void pod_resources(const Spot& spec);
void overhead(const Spot& place, const Spot& amounts);
void resource_claims(const Spot& claims);

// Nodes and other pods that a pod is to be at, or not.
void affinity(const Spot& affinity);
void spread(const Spot& constraints);
void tolerations(const Spot& tolerations);
// core/v1 NodeSelector.
void node_selector(const Spot& selector);

void dns_config(const Spot& spec);
void hostname_override(const Spot& spec);
void host_aliases(const Spot& aliases);

void pod_security(const Spot& spec);
void container_security(const Spot& security, bool has_users_of_host);
void own_users(const Spot& spec);
void windows_options(const Spot& options);
// What containers of the host's processes ask of the pod, and what goes with its operating system.
void host_processes(const Spot& spec);
void operating_system(const Spot& spec);

void seccomp_profile(const Spot& profile);
void app_armor_profile(const Spot& profile);
// Annotations that say what these fields say today.
void profile_annotations(const Spot& annotations, const Spot& spec);
// Those and the fields say the same; asked of what is new.
void profiles_match_annotations(const json::Tree& annotations, const Spot& spec);
void app_armor_is_kept(const Spot& annotations, const json::Tree& before);

// ---- Help for them

// visit(Spot) for each container: those that end before the others first.
template <class Visit>
void each_container(const Spot& spec, Visit&& visit) {
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) spec[list].each(visit);
}

// Of the node, not of a namespace of the pod.
inline bool has_users_of_host(const Spot& spec) {
  return !spec["hostUsers"].is_set() || spec["hostUsers"].flag();
}

}  // namespace gantry::kube::rules
