// SPDX-License-Identifier: Apache-2.0
//
// Images as files: `save` and `load` in the forms that docker, podman and skopeo read and write, `import` and
// `export` of a flat tar.
//
// What save writes for Docker is both of its forms in one tar, as docker does since version 25: an OCI image
// layout (image-spec/image-layout.md) and manifest.json beside it; blobs as they are in the store. The OCI
// form has no manifest.json, and Docker's media types in manifests become OCI's, so that strict readers take
// it.
//
// What load reads: docker-archive (also with links between the layers, as docker before 25 wrote) and OCI
// layouts, as a tar, compressed or not, seekable or not, or as a directory. Names and links are resolved
// among the members of the archive alone; nothing of it becomes a path. Digests are verified, whatever they
// are called.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "image/image_store.h"
#include "image/snapshots.h"
#include "image/unpack.h"
#include "oci/image/digest.h"

namespace gantry::image {

enum class ArchiveForm : std::uint8_t { Docker, Oci };

struct SaveOptions {
  ArchiveForm form = ArchiveForm::Docker;
  // For an index: the one platform to save ("linux/amd64"); empty: all whose blobs are in the store.
  std::string platform;
  // What the archive calls the image, in any form, in place of the names that it has here. For one image.
  std::vector<std::string> as;
};

// One tar of these images (names or ids; an image may be named several times), written in one pass.
Result<void> save(ImageStore& store, const std::vector<std::string>& names, ByteSink& tar,
                  const SaveOptions& options);
// An OCI layout (`form` has to say so) in a directory that is made, or that is an OCI layout to add to.
Result<void> save_to_directory(ImageStore& store, const std::vector<std::string>& names,
                               const std::string& directory, const SaveOptions& options);

struct LoadOptions {
  // Name for an image that the archive does not name; such an image is known by its id alone otherwise.
  std::string name;
  std::string platform;  // "linux/arm64"; empty: this host's, of an index
  // One line a step, for progress; may be empty.
  std::function<void(const std::string&)> on_progress;
  OnLoss on_loss;
  std::uint64_t max_archive_bytes = std::uint64_t{1} << 42;
};

struct LoadedImage {
  std::vector<std::string> names;  // empty: it had none
  oci::Digest digest;              // what the names point to: manifest or index
  oci::Digest config;              // the image id
};

// Everything in the archive, or nothing is named. `archive` is a file, a pipe or a directory.
Result<std::vector<LoadedImage>> load(ImageStore& store, Snapshots& snapshots, int archive,
                                      const LoadOptions& options);
// The same from a stream; it is kept in an unnamed file below the store's root until it is read.
Result<std::vector<LoadedImage>> load(ImageStore& store, Snapshots& snapshots, ByteSource& archive,
                                      const LoadOptions& options);

struct ImportOptions {
  std::string name;      // empty: the image has an id only
  std::string platform;  // empty: this host's
  std::string comment;   // for the history
  std::string config;    // a JSON object of the image config's "config" (Cmd, Env, ...); empty: none
  std::optional<timespec> created;  // none: now
  OnLoss on_loss = {};
};

// An image of one layer from a flat tar of a root file system, compressed or not.
Result<LoadedImage> import_tar(ImageStore& store, Snapshots& snapshots, ByteSource& tar,
                               const ImportOptions& options);

// The files of a directory tree as a flat tar, in a stable order: what a mounted snapshot shows.
Result<void> export_tar(int directory, ByteSink& tar);

}  // namespace gantry::image
