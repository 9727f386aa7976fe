// SPDX-License-Identifier: Apache-2.0
#include "engine/remove_container.h"

#include <fcntl.h>

#include <utility>

#include "base/file.h"
#include "engine/container_events.h"
#include "engine/container_paths.h"
#include "engine/end_container.h"
#include "engine/image_mounts.h"
#include "engine/object_events.h"
#include "engine/volume_mounts.h"

namespace gantry::engine {

namespace {

// Its processes have ended, and who copies files of a container that does not run holds its lock.
Result<void> remove_snapshot(Core& core, const std::string& id) {
  Result<void> removed = core.snapshots.remove(snapshot_key_of(id), image::Snapshots::IfMounted::Remove,
                                               database::Durability::Lazy);
  if (!removed && removed.error().code() == Code::NotFound) return {};
  return removed;
}

void remove_anonymous_volumes(Core& core, const ContainerRecord& record) {
  for (const std::string& name : record.settings->anonymous_volumes) {
    // One that somebody else uses by now stays.
    if (core.volumes->remove(name)) publish_volume_event(core.events, "destroy", name, "local");
  }
}

Result<void> set_status(Core& core, Container& container, Status status, std::string error_text) {
  ContainerRecord record = *container.record();
  record.state.status = status;
  record.state.error = std::move(error_text);
  TRY(core.database.save_state(container.number, record.state));
  container.publish(std::move(record));
  return {};
}

void forget_image(Core& core, const ContainerRecord& record) {
  const auto digest = oci::Digest::parse(record.settings->image);
  if (digest)
    (void)core.store.remove_user(*digest, image_user_of(record.id),
                                 database::Durability::Lazy);  // it may have gone by force
}

Result<void> remove_what_it_has(Core& core, const ContainerRecord& record, AnonymousVolumes volumes) {
  TRY(remove_image_mounts(core, record.id, record.settings->mounts));
  TRY(remove_files(core, record.id));
  forget_mounts(record.id, record.settings->mounts, *core.volumes);
  if (volumes == AnonymousVolumes::Remove) remove_anonymous_volumes(core, record);
  forget_image(core, record);
  return {};
}

// The row goes last: while it is there, the next engine knows that something may be left.
Result<void> remove_with_record(Core& core, Container& container, AnonymousVolumes volumes) {
  TRY(set_status(core, container, Status::Removing, {}));
  const ContainerRef record = container.record();
  // An end that could not be recorded has left them.
  if (has_run_leftovers(core, *record)) clean_up_run(core, *record);
  if (Result<void> removed = remove_what_it_has(core, *record, volumes); !removed) {
    TRY(set_status(core, container, Status::Dead, removed.error().message()));
    return removed;
  }
  TRY(core.database.remove_container(container.number));
  container.is_removed = true;
  core.containers.remove(record->id);
  core.containers.release_name(record->name);
  publish_event(core.events, *record, "destroy");
  container.waits.removed({.exit_code = record->state.exit_code});
  container.attaches.attach_all([&](const AttachRequest&) -> Result<Attachment> {
    return error(Code::NotFound, "No such container: {}", record->id);
  });
  return {};
}

}  // namespace

Result<void> remove_files(Core& core, const std::string& id) {
  Result<void> snapshot = remove_snapshot(core, id);
  Result<void> directory = remove_tree_at(AT_FDCWD, containers_directory(core.options) + "/" + id);
  return snapshot ? std::move(directory) : std::move(snapshot);
}

Result<void> remove_container(Core& core, Container& container, AnonymousVolumes volumes) {
  Result<void> removed = remove_with_record(core, container, volumes);
  if (!removed)
    container.waits.not_removed(
        {.exit_code = container.record()->state.exit_code, .error = removed.error().message()});
  return removed;
}

}  // namespace gantry::engine
