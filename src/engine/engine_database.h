// SPDX-License-Identifier: Apache-2.0
//
// engine.db: what the engine must know again after its process was killed (docs/formats/engine-database.md).
// Everything is written Lazy: what was answered survives kill -9; a power loss may take the last seconds, and
// the next start then finds what has no row and removes it.
//
// A container has its row from when it is made until the last of it is gone. What a killed create() leaves is
// found by the id in its name. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "database/database.h"
#include "engine/container_record.h"
#include "engine/events.h"
#include "engine/exec_record.h"
#include "engine/pod_record.h"

namespace gantry::engine {

// The number of a container's or pod's row.
using RowNumber = std::int64_t;

struct StoredContainer {
  RowNumber number = 0;
  ContainerRecord record;
};

struct StoredPod {
  RowNumber number = 0;
  PodRecord record;
};

class EngineDatabase {
 public:
  // Makes the file if it is missing.
  static Result<EngineDatabase> open(const std::string& path);

  // By row number, which is the order they were made in.
  Result<std::vector<StoredContainer>> containers() const;
  Result<RowNumber> add_container(const ContainerRecord& container);
  Result<void> save_name(RowNumber number, const std::string& name);
  Result<void> save_settings(RowNumber number, const ContainerSettings& settings);
  Result<void> save_networks(RowNumber number, const ContainerNetworks& networks);
  Result<void> save_state(RowNumber number, const ContainerState& state);
  // The two in one transaction: what a start and an end change.
  Result<void> save_run(RowNumber number, const ContainerState& state, const ContainerNetworks& networks);
  // With its execs.
  Result<void> remove_container(RowNumber number);

  Result<std::vector<ExecRecord>> execs() const;
  Result<void> save_exec(const ExecRecord& exec);
  Result<void> remove_exec(std::string_view id);

  Result<std::vector<StoredPod>> pods() const;
  Result<RowNumber> add_pod(const PodRecord& pod);
  // Its networks and whether it runs.
  Result<void> save_pod(RowNumber number, const PodRecord& pod);
  Result<void> remove_pod(RowNumber number);

  void release_memory() { database_.release_memory(); }

 private:
  explicit EngineDatabase(database::Database database) : database_(std::move(database)) {}
  database::Database database_;
};

}  // namespace gantry::engine
