// SPDX-License-Identifier: Apache-2.0
//
// Engine: whether what is on disk is what the records say.
#include <algorithm>

#include "engine/container_paths.h"
#include "engine/disk_usage.h"
#include "engine/engine_state.h"
#include "engine/image_mounts.h"

namespace gantry::engine {

namespace {

void add_container(DiskCheckInput& input, const ContainerRecord& record) {
  input.owners.insert(record.id);
  input.snapshots.emplace(snapshot_key_of(record.id), record.id);
  for (const std::string& key : image_mount_keys(record.id, record.settings->mounts))
    input.snapshots.emplace(key, record.id);
  if (record.state.status == Status::Removing || record.state.status == Status::Dead)
    input.unfinished.insert(record.id);
}

DiskCheckInput input_of(const Core& core) {
  DiskCheckInput input{.root = core.options.root};
  for (std::string& id : core.containers.unfinished()) input.unfinished.insert(std::move(id));
  for (const std::shared_ptr<Container>& container : core.containers.all())
    add_container(input, *container->record());
  for (const std::shared_ptr<Pod>& pod : core.pods.all()) input.owners.insert(pod->record()->id);
  return input;
}

}  // namespace

Result<std::vector<std::string>> Engine::check_disk() const {
  const Core& core = state_->core;
  const auto look = [&] { return engine::check_disk(input_of(core), core.snapshots, *core.volumes); };
  std::vector<std::string> findings = TRY(look());
  if (findings.empty()) return findings;
  // What was made or removed between the two looks at records and disk is none when they are taken again.
  const std::vector<std::string> again = TRY(look());
  std::erase_if(findings,
                [&](const std::string& one) { return std::ranges::find(again, one) == again.end(); });
  return findings;
}

}  // namespace gantry::engine
