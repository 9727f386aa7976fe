// SPDX-License-Identifier: Apache-2.0
//
// The one pass in which a layer comes in: received, hashed, stored, decompressed, hashed again, unpacked. One
// thread receives and stores, one decompresses, the caller's unpacks, and hashing is done beside it, by
// whoever has time; between them are a few buffers (2 MiB for a layer), so memory is bounded and the slowest
// sets the pace. A failure of one ends all, and leaves nothing but, where asked for, the bytes to resume
// from.
//
//   LayerImport import(store, snapshots, config.rootfs.diff_ids);        // shared by the threads below
//   pool: TRY(import.layer(i, manifest.layers[i], open, {}));             // the lowest begun first
//   TRY(import.finish(config_digest));                                    // belongs to that image from now
//   on
//
// A layer that is there already costs no byte; one that another thread or process is bringing in is waited
// for. A layer whose unpacking has to look at those below waits for them: begin the layers in order (they may
// end in any), or with fewer threads than layers all of them could wait for one that was not begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace gantry::image {

enum class ImportEvent : std::uint8_t {
  Waiting,    // for who may be bringing the same layer in
  Exists,     // nothing to do
  Receiving,  // bytes come in; `done` of `total` (as transferred)
  Unpacking,  // all bytes are in
  Done,
};

struct LayerImportOptions {
  // Called from threads of the import, but never by two at once for one layer; at most once a buffer.
  std::function<void(ImportEvent, std::uint64_t done, std::uint64_t total)> on_progress;
  // Keep what was received when receiving fails or this process is killed, and go on from there the next
  // time.
  bool is_resumable = false;
  OnLoss on_loss;
  oci::DecompressLimits limits;
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
  // InvalidArgument if size, digest or diff id are not what was said; otherwise the errors of `open`, of the
  // store and of unpack().
  Result<Layer> layer(std::size_t index, const oci::Descriptor& blob, const OpenBlob& open,
                      const LayerImportOptions& options = {});

  // Wakes layers that wait for those below, with this error: for a caller that will not begin them any more.
  void give_up(const Error& why);

  // The chain id of the topmost layer (empty: there is none). The layers belong to that config, which is in
  // the store, from now on. All have to be in.
  Result<oci::Digest> finish(const oci::Digest& config);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gantry::image
