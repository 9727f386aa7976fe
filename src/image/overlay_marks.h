// SPDX-License-Identifier: Apache-2.0
//
// How a layer says that something below is gone: in a tar as names (image specification, layer.md,
// "Whiteouts"), in a directory as what overlayfs looks for (Documentation/filesystems/overlayfs.rst of the
// kernel, "whiteouts and opaque directories").
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <string_view>

namespace gantry::image {

// In a tar: the file behind the prefix is gone; and, by a name of its own, all that the directory held.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueName = ".wh..wh..opq";

// In a directory: a character device 0:0, and an extended attribute of the directory with the value "y".
inline bool is_whiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == ::makedev(0, 0);
}
inline constexpr const char* kTrustedOpaque = "trusted.overlay.opaque";
inline constexpr const char* kUserOpaque = "user.overlay.opaque";

// Whether overlayfs means something of its own by the attribute: no layer may set one or hand one on.
inline bool is_overlay_mark(std::string_view xattr) {
  return xattr.starts_with("trusted.overlay.") || xattr.starts_with("user.overlay.");
}

// Whether the attribute is the host's policy rather than the file's.
inline bool is_host_label(std::string_view xattr) { return xattr == "security.selinux"; }

}  // namespace gantry::image
