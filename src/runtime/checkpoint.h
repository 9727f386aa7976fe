// SPDX-License-Identifier: Apache-2.0
//
// A container's processes to files and back, by CRIU (criu.h). The options are
// runc's, and so is descriptors.json beside the images: where the standard
// streams led, to connect them again.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "runtime/container.h"
#include "runtime/log.h"

namespace gantry::runtime {

// What both directions have; CRIU's options of these names (criu(8)).
struct CriuOptions {
  std::string program = "criu";
  std::string image_path;  // directories
  std::string work_path;   // of logs; empty: image_path
  std::string manage_cgroups_mode = "soft";
  std::vector<std::string> empty_ns;
  bool tcp_established = false;
  bool tcp_skip_in_flight = false;
  bool link_remap = false;
  bool ext_unix_sk = false;
  bool shell_job = false;
  bool file_locks = false;
  bool auto_dedup = false;
  bool lazy_pages = false;
};

struct CheckpointOptions : CriuOptions {
  std::string parent_path;  // of an earlier pre-dump, relative to image_path
  std::string page_server;  // ADDRESS:PORT
  int status_fd = -1;       // told when lazy pages can be asked for
  bool leave_running = false;
  bool pre_dump = false;
};

struct RestoreOptions : CriuOptions {
  std::string root;
  std::string id;
  std::string bundle = ".";
  std::string pid_file;
  std::string lsm_profile;
  std::string lsm_mount_context;
  bool systemd_cgroup = false;
};

// When it fails the container goes on as before. Else it has ended, unless it is to be left running.
Result<void> checkpoint_container(Container& container, const CheckpointOptions& options);

// Makes a container anew whose first process, a child of the caller, and all others are those of the images.
// A container of that id that a checkpoint has ended makes room. A failure leaves nothing behind.
Result<Container> restore_container(const RestoreOptions& options, const std::string& config_json,
                                    const oci::Spec& spec, const Log& log);

}  // namespace gantry::runtime
