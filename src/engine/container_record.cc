// SPDX-License-Identifier: Apache-2.0
#include "engine/container_record.h"

namespace gantry::engine {

std::vector<std::string> ContainerSettings::command() const {
  std::vector<std::string> words;
  if (config.entrypoint) words = *config.entrypoint;
  // {""} is how clients say that the image's entrypoint does not apply.
  if (words.size() == 1 && words[0].empty()) words.clear();
  words.insert(words.end(), config.cmd.begin(), config.cmd.end());
  return words;
}

void fields(json::Fields& f, IdMapping& mapping) {
  f("Inside", mapping.inside);
  f("Outside", mapping.outside);
  f("Size", mapping.size);
}

void fields(json::Fields& f, ContainerSettings& settings) {
  f("Config", settings.config);
  f("HostConfig", settings.host_config);
  f("Image", settings.image);
  f("ImageName", settings.image_name);
  f("ImageManifest", settings.image_manifest);
  f("Platform", settings.platform);
  f("Pod", settings.pod);
  f("Mounts", settings.mounts);
  f("AnonymousVolumes", settings.anonymous_volumes);
  f("UidMappings", settings.uid_mappings);
  f("GidMappings", settings.gid_mappings);
}

void fields(json::Fields& f, ContainerNetworks& networks) {
  f("Wanted", networks.wanted);
  f("Endpoints", networks.endpoints);
  f("Ports", networks.ports);
  f("SandboxKey", networks.sandbox_key);
}

}  // namespace gantry::engine
