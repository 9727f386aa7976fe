// SPDX-License-Identifier: Apache-2.0
#include "docker/volume_views.h"

#include "docker/container_views.h"

namespace gantry::docker {

using json::Presence;

static void fields(json::Fields& f, VolumeView::UsageData& usage) {
  f("RefCount", usage.ref_count, Presence::Always);
  f("Size", usage.size, Presence::Always);
}

void fields(json::Fields& f, VolumeView& view) {
  f("CreatedAt", view.created_at, Presence::Always);
  f("Driver", view.driver, Presence::Always);
  f("Labels", view.labels, Presence::Always);
  f("Mountpoint", view.mountpoint, Presence::Always);
  f("Name", view.name, Presence::Always);
  f("Options", view.options, Presence::Always);
  f("Scope", view.scope, Presence::Always);
  f("UsageData", view.usage_data);
}

VolumeView view_of(const engine::Volume& volume) {
  return {.created_at = time_text(volume.created),
          .driver = volume.driver,
          .labels = volume.labels,
          .mountpoint = volume.mountpoint,
          .name = volume.name,
          .options = volume.options,
          .scope = "local"};
}

}  // namespace gantry::docker
