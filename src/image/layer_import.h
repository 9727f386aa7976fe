// SPDX-License-Identifier: Apache-2.0
//
// The one pass in which a layer comes in: received, hashed, stored, decompressed, hashed again, unpacked.
// The caller's thread receives, hashes and stores; one more decompresses, hashes and unpacks; between them
// are a few buffers (kImportMemory bytes), so memory is bounded and the slower side sets the pace. A failure
// of either ends both, and leaves nothing but, where asked for, the bytes to resume from.
//
//   LayerImport import(store, snapshots, config.rootfs.diff_ids);        // shared by the threads below
//   pool: TRY(import.layer(i, descriptor, open, {}));                     // in any order, the lowest begun
//   first TRY(import.finish(config_digest));                                    // belongs to that image from
//   now on
//
// A layer that is there already costs no byte; one that another thread or process is bringing in is waited
// for. A layer whose unpacking has to look at those below waits for them: begin the layers in order (they may
// end in any), or with fewer threads than layers all of them could wait for one that was not begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace gantry::image {

inline constexpr std::size_t kImportMemory = 2 << 20;  // bytes in flight between the two threads of one layer

enum class ImportEvent : std::uint8_t {
  Waiting,    // another thread or process brings the same layer in
  Exists,     // nothing to do
  Receiving,  // bytes come in; `done` of `total` (compressed)
  Unpacking,  // all bytes are in; what is left is unpacked, from the store or from the buffers
  Done,
};

struct LayerImportOptions {
  // Called from the thread that called layer(), at most once per buffer.
  std::function<void(ImportEvent, std::uint64_t done, std::uint64_t total)> on_progress;
  std::uint64_t max_layer_bytes = std::uint64_t{1} << 40;  // uncompressed
  double max_ratio = 1100;  // uncompressed to compressed; deflate's own limit is 1032
};

// Opens the blob's bytes from `offset` on. Called only if bytes are needed.
using OpenBlob = std::function<Result<std::unique_ptr<ByteSource>>(std::uint64_t offset)>;

class LayerImport {
 public:
  // `diff_ids` of the image's config, the lowest layer first. Both references outlive this object.
  LayerImport(ImageStore& store, Snapshots& snapshots, std::vector<oci::Digest> diff_ids);
  LayerImport(const LayerImport&) = delete;
  LayerImport& operator=(const LayerImport&) = delete;
  ~LayerImport();

  // Brings one layer in, blob and directory. May be called from several threads, once for each index.
  // InvalidArgument if digest, size or diff id are not what was said, whatever `open` threw up otherwise.
  Result<Layer> layer(std::size_t index, const oci::Descriptor& blob, const OpenBlob& open,
                      const LayerImportOptions& options = {});

  // Wakes layers that wait for those below, with this error: for a caller that will not begin them any more.
  void give_up(const Error& why);

  // The chain id of the topmost layer; the layers belong to that config from now on. All have to be in.
  Result<oci::Digest> finish(const oci::Digest& config);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::image
