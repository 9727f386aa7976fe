// SPDX-License-Identifier: Apache-2.0
//
// Overlay mounts (Documentation/filesystems/overlayfs.rst of the kernel): read-only
// directories on top of each other and, above them, one that takes what is written.
//
//   OverlayMount root = TRY(mount_overlay({.lowers = {top.get(), base.get()}, .writable = snapshot.get()}));
//   TRY(root.mount.attach_to(target.get()));
//
// Layers are named by descriptors, so neither the length of their paths nor their number
// (up to kMaxOverlayLowers) meets a limit of the mount call. Kernels that take no descriptors
// (before 6.13), or no detached mounts as layers (before 6.15), get the same mount from a thread that
// stacks the layers in a mount namespace of its own; the callers' mounts are never touched.
//
// Inside of a user namespace the marks for opaque directories are in user.overlay.* rather than
// trusted.overlay.*, on the layers' directories as in the mount.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernel/mount.h"

namespace gantry::kernel {

// The kernel's own limit is 500; images stop far below.
inline constexpr std::size_t kMaxOverlayLowers = 128;

// Names inside of `Overlay::writable`. overlayfs demands that both are on one mount.
inline constexpr const char* kOverlayUpper = "fs";
inline constexpr const char* kOverlayWork = "work";

struct Overlay {
  std::vector<int> lowers;  // directories (O_PATH will do), the topmost first; not owned
  // A directory that holds the empty directories "fs" (what is written) and "work" (the kernel's); not
  // owned. -1: the mount is read-only.
  int writable = -1;
  // Every layer, the writable one too, is shown with the ids of this user namespace's map, and what is
  // written is stored with the ids of the image. Nothing is copied. -1: ids are shown as they are.
  int user_namespace = -1;
  // Ignore fsync and syncfs: after a crash of the host the upper directory must not be used again.
  bool is_volatile = false;
};

enum class OverlayMethod : std::uint8_t {
  Automatic,    // Descriptors, else PrivateMounts where the kernel is too old for it; else Fuse
  Descriptors,  // fsconfig(2) with descriptors of layers
  PrivateMounts,
  Fuse,  // fuse-overlayfs(1), a process for each mount
};

struct OverlayMount {
  DetachedMount mount;
  OverlayMethod method = OverlayMethod::Descriptors;
  // Why the kernel's own overlay was not used; empty if it was. One sentence, for a warning.
  std::string why_fuse;
};

// With OverlayMethod::Fuse the mount is served by a process that is no child of the caller and ends when
// the mount is gone.
Result<OverlayMount> mount_overlay(const Overlay& overlay, OverlayMethod method = OverlayMethod::Automatic);

// What was written while `writable` was mounted volatile is whole: the host has not gone down since. Without
// this word the kernel refuses to mount it again.
void trust_volatile(int writable);

// Whether an overlay that is mounted anywhere, attached or not, writes into that directory (the one with "fs"
// and "work"). One that was mounted while another of the same was still going away is not seen: the kernel
// lets only the first have the directory. Asks the kernel by trying a mount: only for a directory that is to
// be removed if the answer is no, for what the kernel notes in it.
Result<bool> is_overlay_writing_to(int writable);

}  // namespace gantry::kernel
