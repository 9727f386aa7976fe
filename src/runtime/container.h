// SPDX-License-Identifier: Apache-2.0
//
// What is on disk of a container: <root>/<id>/ with
//   state.json    the Record below, replaced in one step
//   config.json   the bundle's, as it was when the container was created
//   seccomp.bpf   the filter of linux.seccomp, compiled, if there is one
//   start.sock    listens while the container waits for `start`
// The record is written before anything is made that would outlive a killed
// runtime (cgroups), so `delete --force` always knows what to look for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "kernel/cgroup.h"
#include "oci/runtime_spec.h"

namespace gantry::runtime {

// A process by the pair that is never used twice.
struct ProcessRef {
  int pid = 0;
  std::uint64_t start_time = 0;  // clock ticks after boot

  static ProcessRef of(int pid);
  bool is_alive() const;  // and not a zombie
};

struct Record {
  std::string oci_version;
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339
  std::uint32_t owner = 0;
  bool is_created = false;  // `create` came to its end
  ProcessRef creator;       // the runtime process that makes, or made, the container
  ProcessRef init;
  bool is_checkpointed = false;                // it ended because a checkpoint was made of it
  bool has_pid_namespace = false;              // its processes die with the first one
  std::map<std::string, std::string> cgroups;  // by hierarchy name ("" for v2): the directory
  std::string systemd_unit;
  oci::StringMap annotations;
  std::vector<oci::Hook> poststart;
  std::vector<oci::Hook> poststop;
};

enum class Status : std::uint8_t { Creating, Created, Running, Paused, Stopped };
std::string_view name_of(Status status);

class Container {
 public:
  // Takes the id: AlreadyExists when there is one. Nothing but the directory is made.
  static Result<Container> create(const std::string& root, const std::string& id);
  // NotFound when there is none, or not even a record of one (see is_remnant()).
  static Result<Container> open(const std::string& root, const std::string& id);
  // With what can be known when the record cannot be read: where its groups are, by its config.json.
  static Result<Container> open_damaged(const std::string& root, const std::string& id);
  // The ids below `root`, sorted.
  static Result<std::vector<std::string>> list(const std::string& root);
  // A directory without a record: its maker was killed in its first steps.
  static bool is_remnant(const std::string& root, const std::string& id);
  static Result<void> remove_remnant(const std::string& root, const std::string& id);

  Record& record() { return record_; }
  const Record& record() const { return record_; }
  const std::string& id() const { return record_.id; }

  Result<void> save() const;
  Result<void> save_config(std::string_view json) const;
  Result<oci::Spec> load_spec() const;
  // The compiled seccomp filter (kept_filter.h).
  Result<void> save_filter(std::string_view bytes) const;
  Result<std::string> load_filter() const;

  // Whether it is being created is as it was when the record was read.
  Status status() const;
  oci::State state(Status status) const;

  // The container's group in every hierarchy; none at all for one that has no groups of its own.
  Result<kernel::Cgroup> open_cgroup() const;

  // A socket that waits for `start`; the first process gets it.
  Result<UniqueFd> listen_for_start() const;
  // Connects to that socket and takes it away, so that nobody starts the container a second time.
  Result<UniqueFd> connect_for_start() const;

  // Everything on disk.
  Result<void> remove() const;

 private:
  Container(std::string root, UniqueFd dir) : root_(std::move(root)), dir_(std::move(dir)) {}
  bool is_paused() const;
  // Fails as reading its file does.
  Result<void> read_record();

  std::string root_;
  UniqueFd dir_;
  Record record_;
  bool is_being_created_ = false;
};

// Letters, digits and "_+-." as runc has it; neither "." nor "..".
Result<void> check_id(const std::string& id);

}  // namespace gantry::runtime
