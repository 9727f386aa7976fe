// SPDX-License-Identifier: Apache-2.0
#include "cli/store_snapshot.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/human.h"
#include "store/snapshot_file.h"

namespace gantry::cli {
namespace {

struct StoreOptions {
  std::string directory = "/var/lib/gantry/control-plane";
  std::vector<Option> table() {
    return {{0, "data-dir", "DIR", &directory,
             "The control plane's directory (default: /var/lib/gantry/control-plane)"}};
  }
  std::string store() const { return directory + "/store.db"; }
};

Result<int> save(Context&, const StoreOptions& options, const Words& words) {
  const std::uint64_t bytes = TRY(store::save_snapshot(options.store(), words[0]));
  TRY(print(fmt::format("{}: {}\n", words[0], human_size(bytes))));
  return 0;
}

Result<int> restore(Context&, const StoreOptions& options, const Words& words) {
  TRY(make_directories(options.directory, 0700));
  const store::Revision revision = TRY(store::restore_snapshot(words[0], options.store()));
  TRY(print(fmt::format("{}: at revision {}\n", options.store(), revision)));
  return 0;
}

}  // namespace

const Verb kSaveStore = make_verb<StoreOptions, save>(
    "save", "FILE", {1, 1},
    "Save the objects of a control plane, running or not; its certificates are files beside");
const Verb kRestoreStore = make_verb<StoreOptions, restore>(
    "restore", "FILE", {1, 1}, "Make a control plane's store of what 'save' wrote, where there is none");

}  // namespace gantry::cli
