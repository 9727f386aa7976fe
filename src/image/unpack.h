// SPDX-License-Identifier: Apache-2.0
//
// Unpacks the tar of one layer into a directory that becomes a layer of an overlay mount.
//
//   UnpackResult layer = TRY(unpack(tar, directory.get(), {}, &parents));
//
// Nothing outside of the directory is read or touched, whatever the archive holds. Names are resolved a step
// at a time by descriptor, without the kernel following a link; a link on the way is followed by us, with the
// directory as "/". Refused with InvalidArgument: "..", names and symbolic links that lead out, absolute
// names (unless allowed), hard links to what is not there, whiteouts that name no file, devices and
// attributes that overlayfs would take for its own marks, more than kMaxDepth directories inside each other.
// Later entries replace earlier ones of the same name; a directory keeps what is in it.
//
// Whiteouts (image specification, layer.md, "Whiteouts") say what is hidden of the layers below, never of
// this one, in any order: ".wh.name" becomes a character device 0:0, ".wh..wh..opq" the opaque mark of its
// directory. The metadata of aufs (".wh..wh.aufs", "orph", "plnk") is left out.
//
// What the layers below decide: the attributes of directories that are only implied by the names in them,
// where a name leads that is a link there, and what a hard link refers to that is not in this archive.
// ParentView is asked for those only.
//
// Times of files are set to the nanosecond, those of directories at the end. On failure the directory is left
// as it is then: the caller removes it. Nothing is synced. One thread; memory: about 200 bytes for each
// directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/piece_source.h"

namespace gantry::image {

inline constexpr std::size_t kMaxDepth = 256;  // each level of the one being worked in costs a descriptor

// The layers below.
class ParentView {
 public:
  virtual ~ParentView() = default;
  // A directory where they are seen as one, read-only. Blocks until they are all unpacked. Called at most
  // once; the descriptor stays the view's and is used until unpack() returns. -1: there are none.
  virtual Result<int> directory() = 0;
};

// Where the opaque mark goes: inside of a user namespace overlayfs is mounted with "userxattr".
enum class OverlayMarks : std::uint8_t { Trusted, User };

enum class DevicePolicy : std::uint8_t {
  Make,
  Skip,    // and report: where mknod(2) is not permitted
  Refuse,  // the layer
};

// What the file system or a lack of privilege does not allow.
enum class LossPolicy : std::uint8_t {
  Refuse,  // the layer
  Report,  // in UnpackResult
};

struct UnpackOptions {
  OverlayMarks marks = OverlayMarks::Trusted;
  DevicePolicy devices = DevicePolicy::Make;
  LossPolicy xattrs = LossPolicy::Refuse;  // security.selinux is the host's to set and always left out
  bool keep_owners = true;                 // else everything belongs to who unpacks
  bool allow_absolute_names = false;       // "/etc/x" is "etc/x"
  bool may_lack_end = false;               // TarLimits::may_lack_end
  std::uint64_t max_entries = 16 << 20;
};

struct UnpackResult {
  std::uint64_t entries = 0;
  std::uint64_t size = 0;  // bytes of the files, each once, holes included
  // What is in the directory depends on the layers below: it must not serve above others.
  bool has_used_parents = false;
  // The archive has an entry for the directory itself, and so says what a container's "/" is like.
  bool has_root = false;
  // Sentences about what could not be kept (UnpackOptions says when that is no error): the first
  // kMaxLosses, and how many there were.
  static constexpr std::size_t kMaxLosses = 16;
  std::vector<std::string> losses;
  std::uint64_t loss_count = 0;
};

// Is told what could not be kept, a sentence a call, by several threads at once where several layers are
// unpacked. Empty: nobody wants to know.
using OnLoss = std::function<void(const std::string& sentence)>;

// Reads `tar` to its end, also behind that of the archive. `directory` is empty. `parents` may be null: there
// are none.
Result<UnpackResult> unpack(PieceSource& tar, int directory, const UnpackOptions& options,
                            ParentView* parents = nullptr);
// The same through a buffer.
Result<UnpackResult> unpack(ByteSource& tar, int directory, const UnpackOptions& options,
                            ParentView* parents = nullptr);

}  // namespace gantry::image
