// SPDX-License-Identifier: Apache-2.0
#include "engine/export.h"

#include "engine/tree_archive.h"

namespace gantry::engine {

Result<void> export_root(int root, ByteSink& tar, const kernel::IdMaps& id_maps) {
  TreeArchive archive(tar, id_maps);
  TRY(archive.add_contents(root, ""));
  return archive.finish();
}

}  // namespace gantry::engine
