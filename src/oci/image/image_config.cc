// SPDX-License-Identifier: Apache-2.0
#include "oci/image/image_config.h"

#include <algorithm>

#include "base/printable.h"
#include "oci/image/codec.h"

namespace gantry::oci {

using enum json::Presence;

void fields(json::Fields&, EmptyObject&) {}

void fields(json::Fields& f, Healthcheck& check) {
  f("Test", check.test);
  f("Interval", check.interval);
  f("Timeout", check.timeout);
  f("StartPeriod", check.start_period);
  f("StartInterval", check.start_interval);
  f("Retries", check.retries);
}

void fields(json::Fields& f, ContainerConfig& config) {
  f("User", config.user);
  f("ExposedPorts", config.exposed_ports);
  f("Env", config.env);
  f("Entrypoint", config.entrypoint);
  f("Cmd", config.cmd);
  f("Volumes", config.volumes);
  f("WorkingDir", config.working_dir);
  f("Labels", config.labels);
  f("StopSignal", config.stop_signal);
  f("StopTimeout", config.stop_timeout);
  f("ArgsEscaped", config.args_escaped);
  f("Healthcheck", config.healthcheck);
  f("OnBuild", config.on_build);
  f("Shell", config.shell);
}

static void fields(json::Fields& f, RootFs& rootfs) {
  f("type", rootfs.type, Required);
  f("diff_ids", rootfs.diff_ids, Always);
}

void fields(json::Fields& f, History& history) {
  f("created", history.created);
  f("created_by", history.created_by);
  f("author", history.author);
  f("comment", history.comment);
  f("empty_layer", history.empty_layer);
}

static void fields(json::Fields& f, ImageConfig& config) {
  f("created", config.created);
  f("author", config.author);
  fields(f, config.platform);
  f("config", config.config);
  f("rootfs", config.rootfs, Required);
  f("history", config.history);
}

Result<ImageConfig> parse_image_config(std::string_view json) {
  const json::Document document = TRY(json::Document::parse(std::string(json), {.bytes = kMaxConfigBytes}));
  ImageConfig config = TRY(json::decode<ImageConfig>(document.root()));
  if (config.rootfs.type != "layers")
    return error(Code::Unsupported, "rootfs.type: '{}' is not 'layers'", printable(config.rootfs.type));
  if (config.rootfs.diff_ids.size() > kMaxManifestLayers)
    return error(Code::InvalidArgument, "rootfs.diff_ids: has {} elements, more than the {} allowed",
                 config.rootfs.diff_ids.size(), kMaxManifestLayers);
  return config;
}

std::string to_json(const ImageConfig& config) { return json::encode(config); }

Result<void> check_matches(const ImageConfig& config, const Manifest& manifest) {
  TRY(check_is_image(manifest));
  const std::size_t layers = manifest.layers.size();
  if (config.rootfs.diff_ids.size() != layers)
    return error(Code::InvalidArgument, "rootfs.diff_ids: has {} elements, but the manifest has {} layers",
                 config.rootfs.diff_ids.size(), layers);
  // Squashed and old images tell less than there is, or nothing.
  const auto steps =
      static_cast<std::size_t>(std::ranges::count(config.history, false, &History::empty_layer));
  if (steps > layers)
    return error(Code::InvalidArgument, "history: speaks of {} layers, but the manifest has {}", steps,
                 layers);
  return {};
}

}  // namespace gantry::oci
