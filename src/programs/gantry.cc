// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "cli/docker/image_verbs.h"
#include "cli/docker/verbs.h"
#include "cli/groups.h"

int main(int argc, char** argv) {
  using namespace gantry::cli;
  const std::array groups = {
      Group{"builder", "Builds: from Dockerfiles, and what is kept of them", builder_verbs()},
      Group{"cluster", "Clusters: the Kubernetes API", cluster_verbs()},
      Group{"container", "Containers: run, stop, look into them", docker::container_verbs()},
      Group{"host", "This host: what containers lack here", host_verbs()},
      Group{"image", "Images: pull, push, list, save, load, remove", docker::image_verbs()},
      Group{"network", "Networks of containers", docker::network_verbs()},
      Group{"pod", "Pods: containers that share a network and names, and start and stop together",
            docker::pod_verbs()},
      Group{"registry", "Registries: log in; run one, and see what it keeps", registry_verbs()},
      Group{"rootless", "For users without privileges: see what gantry mounts", rootless_verbs()},
      Group{"snapshot", "Root file systems above images; the cluster's store, saved and restored",
            snapshot_verbs()},
      Group{"system", "The daemon: what it is, uses and does", docker::system_verbs()},
      Group{"volume", "Volumes: files that outlive containers", docker::volume_verbs()},
  };
  const Command command{.shortcuts = docker::shortcuts(), .groups = groups, .candidates = docker::candidates};
  return run(command, argc, argv);
}
