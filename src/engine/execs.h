// SPDX-License-Identifier: Apache-2.0
//
// Further processes in running containers. Each is a session of the container's shim; the record here says
// which one, and outlives the engine from its start on.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "container/exec_process.h"
#include "engine/engine.h"
#include "engine/exec_record.h"
#include "runtime/shim/protocol.h"

namespace gantry::engine {

struct Core;

// Execs by id. Thread-safe.
class ExecIndex {
 public:
  void put(ExecRecord record);  // in the place of the one with its id
  // The same, for one that has ended: false if another has said so before.
  bool end(ExecRecord record);
  // NotFound "No such exec instance: x".
  Result<ExecRef> find(std::string_view id) const;
  // The same, of one that was started, or could not be; TimedOut if that takes longer.
  Result<ExecRef> wait_for_start(std::string_view id, std::chrono::milliseconds patience) const;
  std::vector<ExecRef> of_container(std::string_view container) const;
  ExecRef with_session(std::string_view container, std::uint32_t session) const;
  void remove(std::string_view id);
  void remove_all(std::string_view container);

 private:
  mutable Mutex mutex_;  // guards what follows
  std::map<std::string, ExecRef, std::less<>> by_id_ GUARDED_BY(mutex_);
  mutable CondVar changed_;
};

Result<std::string> create_exec(Core& core, std::string_view container, ExecConfig config);
Result<Attachment> start_exec(Core& core, std::string_view id, const ExecStart& start);
Result<void> resize_exec(Core& core, std::string_view id, std::uint16_t rows, std::uint16_t columns);

// A session has ended, says the shim of the run that began at `run_started`.
void on_exec_end(Core& core, const std::string& container, TimeNs run_started, std::uint32_t session,
                 const shim::ExitStatus& exit);
// The container has ended, and everything in it. Forgets its execs after a while.
void end_execs(Core& core, const ContainerRecord& container);

// Writes process.json for something to run in a running container; answers its path, which the caller
// removes once the shim has answered.
Result<std::string> write_exec_process(Core& core, const ContainerRecord& container,
                                       const std::string& file_name, const container::ExecRequest& request);

}  // namespace gantry::engine
