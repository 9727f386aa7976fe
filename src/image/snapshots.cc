// SPDX-License-Identifier: Apache-2.0
#include "image/snapshots.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "base/timestamp.h"
#include "database/database.h"
#include "image/disk_usage.h"
#include "image/key_lock.h"
#include "image/layer_support.h"
#include "oci/image/chain_id.h"

namespace gantry::image {

using database::Connection;
using database::Durability;
using database::Rows;
using oci::Digest;

namespace {

// Below <root>/snapshots, beside the numbers.
constexpr const char* kBootFile = "boot";      // <number>/boot: of a volatile snapshot
constexpr const char* kBuilding = "building";  // /<chain id>: a layer that is being unpacked
constexpr const char* kTrash = "trash";        // what only has to be deleted
constexpr const char* kFiles = kernel::kOverlayUpper;

std::string files_of(std::int64_t number) { return fmt::format("{}/{}", number, kFiles); }
std::string layer_lock(const Digest& chain_id) { return "layer " + chain_id.str(); }
std::string snapshot_lock(std::string_view key) { return fmt::format("snapshot {}", key); }

Error no_snapshot(std::string_view key) { return error(Code::NotFound, "there is no snapshot '{}'", key); }

// ---- rows

Result<Digest> digest_of_row(std::string_view text) {
  auto digest = Digest::parse(text);
  if (!digest) return std::move(digest).error().with_code(Code::DataLoss).during("read the store's database");
  return std::move(*digest);
}

std::optional<std::string> text_of(const std::optional<Digest>& digest) {
  return digest ? std::optional(digest->str()) : std::nullopt;
}

Result<std::optional<Digest>> digest_of_row(const std::optional<std::string_view>& text) {
  if (!text) return std::optional<Digest>();
  return std::optional(TRY(digest_of_row(*text)));
}

// A layer, and whether it says what the root directory is like.
struct LayerRow {
  Layer layer;
  bool has_root = false;
};

// Of "chain_id, parent, diff_id, number, size, has_root".
Result<LayerRow> layer_of(const Rows& row) {
  LayerRow found{.layer = {.size = row.get<std::uint64_t>(4), .number = row.get<std::int64_t>(3)},
                 .has_root = row.get<bool>(5)};
  found.layer.chain_id = TRY(digest_of_row(row.get<std::string_view>(0)));
  found.layer.diff_id = TRY(digest_of_row(row.get<std::string_view>(2)));
  found.layer.parent = TRY(digest_of_row(row.get<std::optional<std::string_view>>(1)));
  return found;
}

Result<std::optional<Layer>> find_layer(Connection& connection, const Digest& chain_id) {
  Rows rows = TRY(connection.query(
      "SELECT chain_id, parent, diff_id, number, size, has_root FROM layers JOIN directories ON "
      "number = directory WHERE chain_id = ?1",
      chain_id.str()));
  if (!TRY(rows.next())) return std::optional<Layer>();
  return std::optional(TRY(layer_of(rows)).layer);
}

// What is below a layer: those of the image, or those whose directories its own needs below it.
enum class Below : std::uint8_t { Parents, Directories };

// The topmost first.
Result<std::vector<LayerRow>> stack_of(Connection& connection, const std::optional<Digest>& top,
                                       Below below = Below::Directories) {
  std::vector<LayerRow> stack;
  if (!top) return stack;
  Rows rows = TRY(connection.query(
      "WITH RECURSIVE stack (chain_id, below, depth) AS ("
      "  SELECT l.chain_id, iif(?2, coalesce(support, parent), parent), 0 FROM layers l"
      "  LEFT JOIN layer_supports s ON s.chain_id = l.chain_id WHERE l.chain_id = ?1 UNION ALL"
      "  SELECT l.chain_id, iif(?2, coalesce(support, parent), parent), depth + 1 FROM stack"
      "  JOIN layers l ON l.chain_id = below LEFT JOIN layer_supports s ON s.chain_id = l.chain_id)"
      "SELECT l.chain_id, parent, diff_id, number, size, has_root, below FROM stack s"
      " JOIN layers l ON l.chain_id = s.chain_id JOIN directories ON number = directory ORDER BY depth",
      top->str(), below == Below::Directories));
  std::optional<Digest> missing = top;
  while (TRY(rows.next())) {
    stack.push_back(TRY(layer_of(rows)));
    missing = TRY(digest_of_row(rows.get<std::optional<std::string_view>>(6)));
  }
  if (missing) return error(Code::NotFound, "layer '{}' is not unpacked", missing->str());
  return stack;
}

// ---- options of a snapshot, in its row

struct RangeRow {
  std::uint32_t inside = 0, outside = 0, size = 0;
};
void fields(json::Fields& f, RangeRow& range) {
  f("inside", range.inside);
  f("outside", range.outside);
  f("size", range.size);
}

struct OptionsRow {
  bool is_read_only = false, is_volatile = false;
  std::vector<RangeRow> uids, gids;
};
void fields(json::Fields& f, OptionsRow& row) {
  f("readOnly", row.is_read_only);
  f("volatile", row.is_volatile);
  f("uids", row.uids);
  f("gids", row.gids);
}

template <class To, class From>
std::vector<To> ranges_as(const std::vector<From>& ranges) {
  std::vector<To> converted;
  for (const From& range : ranges) converted.push_back({range.inside, range.outside, range.size});
  return converted;
}

std::string text_of(const SnapshotOptions& options) {
  OptionsRow row{options.is_read_only, options.is_volatile, ranges_as<RangeRow>(options.id_maps.uids),
                 ranges_as<RangeRow>(options.id_maps.gids)};
  return json::encode(row);
}

Result<SnapshotOptions> options_of(std::string text) {
  const json::Document document = TRY(json::Document::parse(std::move(text)));
  const auto row = TRY(json::decode<OptionsRow>(document.root()));
  return SnapshotOptions{
      .is_read_only = row.is_read_only,
      .id_maps = {.uids = ranges_as<kernel::IdRange>(row.uids), .gids = ranges_as<kernel::IdRange>(row.gids)},
      .is_volatile = row.is_volatile};
}

// Of "key, top, directory, options, created".
Result<Snapshot> snapshot_of(const Rows& row) {
  Snapshot snapshot{.key = row.get<std::string>(0),
                    .number = row.get<std::int64_t>(2),
                    .created = row.get<std::int64_t>(4)};
  snapshot.top = TRY(digest_of_row(row.get<std::optional<std::string_view>>(1)));
  snapshot.options =
      TRY_DURING(options_of(row.get<std::string>(3)), "read the options of snapshot '{}'", snapshot.key);
  return snapshot;
}

Result<std::optional<Snapshot>> find_snapshot(Connection& connection, std::string_view key) {
  Rows rows = TRY(
      connection.query("SELECT key, top, directory, options, created FROM snapshots WHERE key = ?1", key));
  if (!TRY(rows.next())) return std::optional<Snapshot>();
  return std::optional(TRY(snapshot_of(rows)));
}

// ---- directories

Result<void> make_directory_at(int dir, const std::string& name, mode_t mode) {
  if (::mkdirat(dir, name.c_str(), mode) < 0) return sys_error("make directory '{}'", name);
  return {};
}

// A directory that a killed process left under that name is out of the way afterwards. Quick: it is renamed.
Result<void> move_to_trash(int snapshots, const std::string& name) {
  std::string place = fmt::format("{}/{}.{}", kTrash, name.substr(name.rfind('/') + 1), ::gettid());
  for (int i = 0; ::renameat2(snapshots, name.c_str(), snapshots, place.c_str(), RENAME_NOREPLACE) < 0; ++i) {
    if (errno == ENOENT) return {};
    if (errno != EEXIST) return sys_error("move '{}' to the trash", name);
    place += fmt::format(".{}", i);
  }
  return {};
}

// Deletes what is in the trash; others may do so at the same time.
Result<std::uint64_t> empty_trash(int snapshots) {
  std::uint64_t freed = 0;
  for (const std::string& name : TRY(names_in(snapshots, kTrash))) {
    const std::string path = fmt::format("{}/{}", kTrash, name);
    if (auto usage = disk_usage(snapshots, path)) freed += usage->bytes;
    TRY(remove_tree_at(snapshots, path));
  }
  return freed;
}

bool is_number(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

// Owner, mode and attributes of the topmost layer that says them are those of the container's root directory.
// What overlayfs marks layers with stays behind.
Result<void> copy_attributes(int from, int to) {
  struct stat st{};
  if (::fstat(from, &st) < 0) return sys_error("look at a layer's root directory");
  if (::fchown(to, st.st_uid, st.st_gid) < 0)
    return sys_error("change the owner of a snapshot's root directory");
  if (::fchmod(to, st.st_mode & 07777) < 0)
    return sys_error("change the mode of a snapshot's root directory");
  std::string names(64 << 10, '\0'), value(64 << 10, '\0');  // the kernel's limits (XATTR_LIST_MAX)
  const ssize_t length = ::flistxattr(from, names.data(), names.size());
  if (length < 0)
    return errno == ENOTSUP ? Result<void>() : sys_error("list attributes of a layer's root directory");
  for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
    const char* name = names.data() + at;
    const std::string_view view = name;
    at += view.size() + 1;
    if (view.starts_with("trusted.overlay.") || view.starts_with("user.overlay.") ||
        view == "security.selinux")
      continue;
    const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
    if (size < 0) return sys_error("read attribute '{}' of a layer's root directory", view);
    if (::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) < 0)
      return sys_error("set attribute '{}' of a snapshot's root directory", view);
  }
  return {};
}

Result<UniqueFd> open_directory(int dir, const std::string& path, int flags = O_PATH) {
  return open_at(dir, path, flags | O_DIRECTORY | O_NOFOLLOW);
}

}  // namespace

struct Snapshots::State {
  std::string root;
  database::Database& database;
  UniqueFd directory;   // <root>/snapshots
  std::string boot_id;  // of the host

  // A directory that is in the stack twice is opened once, where it is topmost: overlayfs refuses it twice,
  // and whatever the lower one shows or hides, the upper one shows or hides too.
  Result<std::vector<UniqueFd>> open_layers(const std::vector<LayerRow>& stack) const {
    std::vector<UniqueFd> layers;
    std::set<std::int64_t> opened;
    for (const LayerRow& row : stack)
      if (opened.insert(row.layer.number).second)
        layers.push_back(TRY(open_directory(directory.get(), files_of(row.layer.number))));
    return layers;
  }

  // The directories of a snapshot "fs" and "work", under its number.
  Result<void> make_snapshot_directory(std::int64_t number, const std::vector<LayerRow>& stack) const {
    const std::string name = std::to_string(number);
    TRY(move_to_trash(directory.get(), name));  // of a transaction that never was
    TRY(make_directory_at(directory.get(), name, 0700));
    UniqueFd made = TRY(open_directory(directory.get(), name));
    TRY(make_directory_at(made.get(), kernel::kOverlayWork, 0700));
    TRY(make_directory_at(made.get(), kernel::kOverlayUpper, 0700));
    UniqueFd upper = TRY(open_directory(made.get(), kernel::kOverlayUpper, O_RDONLY));
    const auto like = std::ranges::find(stack, true, &LayerRow::has_root);
    if (like == stack.end()) {
      if (::fchmod(upper.get(), 0755) < 0) return sys_error("change the mode of a snapshot's root directory");
      return {};
    }
    UniqueFd layer = TRY(open_directory(directory.get(), files_of(like->layer.number), O_RDONLY));
    return copy_attributes(layer.get(), upper.get());
  }

  // A snapshot that is not synced may be mounted again within one boot of the host, which is noted when it is
  // mounted first; the kernel would refuse it at all times.
  Result<void> prepare_volatile(int writable) const {
    auto noted = read_file_at(writable, kBootFile);
    if (!noted && noted.error().code() != Code::NotFound) return std::move(noted).error();
    if (!noted) return replace_file_at(writable, kBootFile, boot_id, 0600);
    if (*noted != boot_id)
      return error(Code::DataLoss, "what was written was not synced, and the host has gone down since");
    kernel::trust_volatile(writable);
    return {};
  }

  Result<kernel::OverlayMount> mount_stack(const std::vector<LayerRow>& stack,
                                           kernel::Overlay overlay) const {
    const std::vector<UniqueFd> layers = TRY(open_layers(stack));
    for (const UniqueFd& layer : layers) overlay.lowers.push_back(layer.get());
    return kernel::mount_overlay(overlay);
  }
};

// ---- layer_support.h

Result<void> stand_on(database::Database& database, const Digest& layer, const Digest& support) {
  return database.write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    TRY(connection.execute("INSERT INTO layer_supports (chain_id, support) VALUES (?1, ?2)", layer.str(),
                           support.str()));
    return {};
  });
}

Result<std::size_t> directories_of(database::Database& database, const Digest& top) {
  return TRY(database.read([&](Connection& connection) { return stack_of(connection, top); })).size();
}

// ---- building layers

struct LayerTicket::State {
  database::Database& database;
  int snapshots;  // of Snapshots::State
  std::string boot_id;
  Digest chain_id;
  std::optional<Digest> parent;
  Digest diff_id;
  // In this order they are taken, and nobody waits for anything but bytes to arrive while having the second.
  std::optional<KeyLock> lock;
  std::optional<KeyLock> diff_lock;
  UniqueFd files;  // none: the layer is there
  bool is_committed = false;

  std::string building() const { return fmt::format("{}/{}", kBuilding, chain_id.str()); }

  ~State() {
    if (!files || is_committed) return;
    // The next builder of this layer, or collect(), removes what cannot be removed here.
    if (move_to_trash(snapshots, building())) (void)empty_trash(snapshots);
  }
};

LayerTicket::LayerTicket(std::unique_ptr<State> state) : state_(std::move(state)) {}
LayerTicket::LayerTicket(LayerTicket&&) noexcept = default;
LayerTicket& LayerTicket::operator=(LayerTicket&&) noexcept = default;
LayerTicket::~LayerTicket() = default;

bool LayerTicket::is_done() const { return !state_->files; }
int LayerTicket::directory() const { return state_->files.get(); }
void LayerTicket::depend_on_parents() { state_->diff_lock.reset(); }

Result<Layer> LayerTicket::commit(const BuiltLayer& built) {
  State& state = *state_;
  const bool is_independent = built.is_independent && state.diff_lock.has_value();
  Layer layer{
      .chain_id = state.chain_id, .diff_id = state.diff_id, .parent = state.parent, .size = built.size};
  TRY_DURING(
      state.database.write(
          Durability::Lazy,
          [&](Connection& connection) -> Result<void> {
            TRY(connection.execute(
                "INSERT INTO directories (diff_id, is_independent, has_root, size, unsynced) VALUES "
                "(?1, ?2, ?3, ?4, ?5)",
                state.diff_id.str(), is_independent, built.has_root, built.size, state.boot_id));
            layer.number = connection.last_insert_id();
            TRY(connection.execute("INSERT INTO layers (chain_id, parent, directory) VALUES (?1, ?2, ?3)",
                                   state.chain_id.str(), text_of(state.parent), layer.number));
            // If the transaction fails after all, this is a directory without a row: collect() sees it.
            const std::string name = std::to_string(layer.number);
            TRY(move_to_trash(state.snapshots, name));
            if (::renameat(state.snapshots, state.building().c_str(), state.snapshots, name.c_str()) < 0)
              return sys_error("rename '{}' to '{}'", state.building(), name);
            return {};
          }),
      "record layer '{}'", state.chain_id.str());
  state.is_committed = true;
  state.diff_lock.reset();
  state.lock.reset();
  return layer;
}

Result<LayerTicket> Snapshots::begin_layer(const std::optional<Digest>& parent, const Digest& diff_id) {
  const Digest chain_id = oci::chain_id(parent.value_or(Digest()), diff_id);
  std::unique_ptr<LayerTicket::State> ticket(new LayerTicket::State{.database = state_->database,
                                                                    .snapshots = state_->directory.get(),
                                                                    .boot_id = state_->boot_id,
                                                                    .chain_id = chain_id,
                                                                    .parent = parent,
                                                                    .diff_id = diff_id});
  if (TRY(layer(chain_id))) return LayerTicket(std::move(ticket));
  ticket->lock = TRY(KeyLock::acquire(state_->root, layer_lock(chain_id)));
  if (TRY(layer(chain_id))) return LayerTicket(std::move(ticket));
  ticket->diff_lock = TRY(KeyLock::acquire(state_->root, "diff " + diff_id.str()));
  const bool is_shared =
      TRY(state_->database.write(Durability::Lazy, [&](Connection& connection) -> Result<bool> {
        const auto number = TRY(connection.value<std::int64_t>(
            "SELECT number FROM directories WHERE diff_id = ?1 AND is_independent", diff_id.str()));
        if (!number) {
          // Of a builder that was killed.
          TRY(connection.execute("DELETE FROM layer_supports WHERE chain_id = ?1", chain_id.str()));
          return false;
        }
        TRY(connection.execute("INSERT INTO layers (chain_id, parent, directory) VALUES (?1, ?2, ?3)",
                               chain_id.str(), text_of(parent), *number));
        return true;
      }));
  if (is_shared) return LayerTicket(std::move(ticket));
  TRY(move_to_trash(state_->directory.get(), ticket->building()));  // of a builder that was killed
  const std::string files = fmt::format("{}/{}", ticket->building(), kFiles);
  TRY(make_directory_at(state_->directory.get(), ticket->building(), 0700));
  TRY(make_directory_at(state_->directory.get(), files, 0755));
  ticket->files = TRY(open_directory(state_->directory.get(), files, O_RDONLY));
  if (::fchmod(ticket->files.get(), 0755) < 0)
    return sys_error("change the mode of '{}'", files);  // whatever umask(2)
  return LayerTicket(std::move(ticket));
}

// ---- layers

Snapshots::Snapshots(std::unique_ptr<State> state) : state_(std::move(state)) {}
Snapshots::Snapshots(Snapshots&&) noexcept = default;
Snapshots& Snapshots::operator=(Snapshots&&) noexcept = default;
Snapshots::~Snapshots() = default;

Result<Snapshots> Snapshots::open(const std::string& root, database::Database& database) {
  const std::string path = root + "/snapshots";
  TRY(make_directories(path, 0700));
  for (const char* name : {kBuilding, kTrash}) TRY(make_directories(fmt::format("{}/{}", path, name), 0700));
  auto state = std::make_unique<State>(State{.root = root, .database = database});
  state->directory = TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  state->boot_id = TRY(read_file("/proc/sys/kernel/random/boot_id"));
  state->boot_id.resize(std::min<std::size_t>(state->boot_id.size(), 36));  // without the end of line
  const auto lost = TRY(database.read([&](Connection& connection) {
    return connection.value<std::int64_t>("SELECT 1 FROM directories WHERE unsynced <> ?1", state->boot_id);
  }));
  if (lost)
    TRY(database.write([&](Connection& connection) -> Result<void> {
      TRY(connection.execute(
          "DELETE FROM layers WHERE directory IN (SELECT number FROM directories WHERE unsynced <> ?1)",
          state->boot_id));
      TRY(connection.execute("DELETE FROM directories WHERE unsynced <> ?1", state->boot_id));
      // What stood on one of them has less than its files.
      while (
          TRY(connection.execute("DELETE FROM layers WHERE chain_id IN (SELECT chain_id FROM layer_supports"
                                 " WHERE support NOT IN (SELECT chain_id FROM layers))")) > 0) {
      }
      return {};
    }));
  return Snapshots(std::move(state));
}

Result<std::optional<Layer>> Snapshots::layer(const Digest& chain_id) const {
  return state_->database.read([&](Connection& connection) { return find_layer(connection, chain_id); });
}

Result<std::vector<Layer>> Snapshots::layers() const {
  return state_->database.read([](Connection& connection) -> Result<std::vector<Layer>> {
    std::vector<Layer> layers;
    Rows rows = TRY(connection.query(
        "SELECT chain_id, parent, diff_id, number, size, has_root FROM layers JOIN directories ON "
        "number = directory ORDER BY number"));
    while (TRY(rows.next())) layers.push_back(TRY(layer_of(rows)).layer);
    return layers;
  });
}

Result<std::vector<Layer>> Snapshots::layers_of(const Digest& top) const {
  const auto stack = TRY(state_->database.read(
      [&](Connection& connection) { return stack_of(connection, top, Below::Parents); }));
  std::vector<Layer> layers;
  for (const LayerRow& row : stack) layers.push_back(row.layer);
  return layers;
}

Result<void> Snapshots::keep_layers(const Digest& top, const Digest& config) {
  return state_->database.write(Durability::Lazy, [&](Connection& connection) -> Result<void> {
    (void)TRY(stack_of(connection, top));
    TRY(connection.execute("INSERT OR IGNORE INTO layer_configs (config, chain_id) VALUES (?1, ?2)",
                           config.str(), top.str()));
    return {};
  });
}

Result<kernel::OverlayMount> Snapshots::mount_layers(const Digest& top) const {
  const auto stack =
      TRY(state_->database.read([&](Connection& connection) { return stack_of(connection, top); }));
  return TRY_DURING(state_->mount_stack(stack, {}), "mount layer '{}'", top.str());
}

Result<UniqueFd> Snapshots::open_layer(const Digest& chain_id) const {
  const auto found = TRY(layer(chain_id));
  if (!found) return error(Code::NotFound, "layer '{}' is not unpacked", chain_id.str());
  return open_directory(state_->directory.get(), files_of(found->number), O_RDONLY);
}

// ---- snapshots

Result<Snapshot> Snapshots::prepare(const std::string& key, const std::optional<Digest>& top,
                                    const SnapshotOptions& options, Durability durability) {
  if (key.empty()) return error(Code::InvalidArgument, "a snapshot needs a key");
  Snapshot snapshot{.key = key, .top = top, .options = options, .created = wall_clock_ns()};
  const auto record = [&](Connection& connection) -> Result<void> {
    if (TRY(find_snapshot(connection, key))) return error(Code::AlreadyExists, "there is one already");
    const auto stack = TRY(stack_of(connection, top));
    if (stack.size() > kernel::kMaxOverlayLowers)
      return error(Code::InvalidArgument, "{} layers, but there can be {} at most", stack.size(),
                   kernel::kMaxOverlayLowers);
    TRY(connection.execute("INSERT INTO directories (diff_id) VALUES (NULL)"));
    snapshot.number = connection.last_insert_id();
    TRY(connection.execute(
        "INSERT INTO snapshots (key, top, directory, options, created) VALUES (?1, ?2, ?3, ?4, ?5)", key,
        top ? std::optional(top->str()) : std::nullopt, snapshot.number, text_of(options), snapshot.created));
    return state_->make_snapshot_directory(snapshot.number, stack);
  };
  TRY_DURING(state_->database.write(durability, record), "prepare snapshot '{}'", key);
  return snapshot;
}

Result<std::optional<Snapshot>> Snapshots::snapshot(const std::string& key) const {
  return state_->database.read([&](Connection& connection) { return find_snapshot(connection, key); });
}

Result<std::vector<Snapshot>> Snapshots::snapshots() const {
  return state_->database.read([](Connection& connection) -> Result<std::vector<Snapshot>> {
    std::vector<Snapshot> snapshots;
    Rows rows =
        TRY(connection.query("SELECT key, top, directory, options, created FROM snapshots ORDER BY created"));
    while (TRY(rows.next())) snapshots.push_back(TRY(snapshot_of(rows)));
    return snapshots;
  });
}

namespace {

struct SnapshotAndLayers {
  Snapshot snapshot;
  std::vector<LayerRow> stack;
};

Result<SnapshotAndLayers> find_with_layers(const database::Database& database, const std::string& key) {
  return database.read([&](Connection& connection) -> Result<SnapshotAndLayers> {
    auto snapshot = TRY(find_snapshot(connection, key));
    if (!snapshot) return no_snapshot(key);
    auto stack = TRY(stack_of(connection, snapshot->top));
    return SnapshotAndLayers{std::move(*snapshot), std::move(stack)};
  });
}

}  // namespace

Result<kernel::OverlayMount> Snapshots::mount(const std::string& key) const {
  const KeyLock lock = TRY(KeyLock::acquire(state_->root, snapshot_lock(key)));  // against remove()
  const auto [snapshot, stack] =
      TRY_DURING(find_with_layers(state_->database, key), "mount snapshot '{}'", key);
  UniqueFd writable = TRY(open_directory(state_->directory.get(), std::to_string(snapshot.number)));
  kernel::Overlay overlay{.writable = writable.get(), .is_volatile = snapshot.options.is_volatile};
  if (snapshot.options.is_volatile)
    TRY_DURING(state_->prepare_volatile(writable.get()), "mount snapshot '{}'", key);
  UniqueFd user_namespace;
  if (!snapshot.options.id_maps.uids.empty()) {
    user_namespace = TRY(kernel::make_user_namespace(snapshot.options.id_maps));
    overlay.user_namespace = user_namespace.get();
  }
  auto mounted = TRY_DURING(state_->mount_stack(stack, overlay), "mount snapshot '{}'", key);
  // It has a writable layer all the same, which the kernel knows to be in use.
  if (snapshot.options.is_read_only)
    TRY(mounted.mount.set_attributes({.set = MOUNT_ATTR_RDONLY}, kernel::Depth::One));
  return mounted;
}

Result<Snapshots::Parts> Snapshots::parts(const std::string& key) const {
  const auto [snapshot, stack] = TRY(find_with_layers(state_->database, key));
  Parts parts;
  parts.upper = TRY(open_directory(state_->directory.get(), files_of(snapshot.number), O_RDONLY));
  parts.lowers = TRY(state_->open_layers(stack));
  return parts;
}

Result<void> Snapshots::remove(const std::string& key, IfMounted if_mounted, Durability durability) {
  const KeyLock lock = TRY(KeyLock::acquire(state_->root, snapshot_lock(key)));
  const auto snapshot = TRY(this->snapshot(key));
  if (!snapshot) return no_snapshot(key);
  const std::string name = std::to_string(snapshot->number);
  auto writable = open_directory(state_->directory.get(), name);
  // Without a directory a power loss has brought back the row of one that was removed.
  if (!writable && writable.error().code() != Code::NotFound) return std::move(writable).error();
  if (if_mounted == IfMounted::Refuse && writable &&
      TRY_DURING(kernel::is_overlay_writing_to(writable->get()), "remove snapshot '{}'", key))
    return error(Code::Conflict, "remove snapshot '{}': it is mounted", key);
  const auto forget = [&](Connection& connection) -> Result<void> {
    TRY(connection.execute("DELETE FROM snapshots WHERE key = ?1", key));
    TRY(connection.execute("DELETE FROM directories WHERE number = ?1", snapshot->number));
    return {};
  };
  const auto remove_files = [&]() -> Result<void> {
    TRY(move_to_trash(state_->directory.get(), name));
    TRY(empty_trash(state_->directory.get()));
    return {};
  };
  Result<void> forgotten = state_->database.write(durability, forget);
  if (!forgotten && forgotten.error().errno_value() == ENOSPC) {
    // A full disk has no room for the record of what frees it. A row without a directory is removed as any
    // other.
    TRY(remove_files());
    forgotten = state_->database.write(durability, forget);
  }
  TRY_DURING(std::move(forgotten), "remove snapshot '{}'", key);
  // From here on it is a directory without a row, which collect() would find.
  return remove_files();
}

Result<DiskUsage> Snapshots::usage(const std::string& key) const {
  const auto found = TRY(snapshot(key));
  if (!found) return no_snapshot(key);
  return disk_usage(state_->directory.get(), std::to_string(found->number));
}

// ---- upkeep

Result<std::uint64_t> Snapshots::collect() {
  struct Nobodys {
    std::string name;
    ino_t inode;
  };
  const int directory = state_->directory.get();
  TRY_DURING(state_->database.write([&](Connection& connection) -> Result<void> {
    TRY(connection.execute("DELETE FROM layer_configs WHERE config NOT IN (SELECT digest FROM blobs)"));
    // From the top down: each round frees those that only the last round's stood on.
    while (
        TRY(connection.execute(
            "DELETE FROM layers WHERE"
            " NOT EXISTS (SELECT 1 FROM layers above WHERE above.parent = layers.chain_id)"
            " AND NOT EXISTS (SELECT 1 FROM layer_supports s JOIN layers above ON above.chain_id = s.chain_id"
            "   WHERE s.support = layers.chain_id)"
            " AND NOT EXISTS (SELECT 1 FROM snapshots WHERE top = layers.chain_id)"
            " AND NOT EXISTS (SELECT 1 FROM layer_configs c WHERE c.chain_id = layers.chain_id)"
            " AND NOT EXISTS (SELECT 1 FROM lease_blobs WHERE digest = layers.chain_id)")) > 0) {
    }
    TRY(
        connection.execute("DELETE FROM directories WHERE number NOT IN (SELECT directory FROM layers)"
                           " AND number NOT IN (SELECT directory FROM snapshots)"));
    std::set<std::string> known;
    Rows rows = TRY(connection.query("SELECT number FROM directories"));
    while (TRY(rows.next())) known.insert(std::to_string(rows.get<std::int64_t>(0)));
    // Directories get their names under the lock of writers, so whatever has no row here is nobody's. What
    // other writers of the same transaction make after this has; they may also take such a name for their
    // own.
    std::vector<Nobodys> doomed;
    for (const std::string& name : TRY(names_in(directory, "."))) {
      struct stat st{};
      if (is_number(name) && !known.contains(name) &&
          ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0)
        doomed.push_back({name, st.st_ino});
    }
    connection.after_commit([directory, doomed = std::move(doomed)] {
      for (const auto& [name, inode] : doomed) {
        struct stat st{};
        const bool is_same =
            ::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode;
        if (is_same) (void)move_to_trash(directory, name);  // the next collection sees it again
      }
    });
    return {};
  }),
             "collect layers");
  for (const std::string& name : TRY(names_in(directory, kBuilding))) {
    const auto chain_id = Digest::parse(name);
    if (!chain_id) continue;  // not ours
    const auto lock = TRY(KeyLock::try_acquire(state_->root, layer_lock(*chain_id)));
    if (lock) TRY(move_to_trash(directory, fmt::format("{}/{}", kBuilding, name)));
  }
  return empty_trash(directory);
}

Result<void> Snapshots::settle() {
  const auto last = TRY(state_->database.read([&](Connection& connection) {
    return connection.value<std::int64_t>("SELECT max(number) FROM directories WHERE unsynced IS NOT NULL");
  }));
  if (!last) return {};
  if (::syncfs(state_->directory.get()) < 0) return sys_error("sync unpacked layers");
  return state_->database.write([&](Connection& connection) -> Result<void> {
    TRY(connection.execute("UPDATE directories SET unsynced = NULL WHERE number <= ?1", *last));
    return {};
  });
}

Result<Snapshots::TotalUsage> Snapshots::total_usage() const {
  struct Directory {
    std::int64_t number;
    bool is_layer;
  };
  const auto directories =
      TRY(state_->database.read([](Connection& connection) -> Result<std::vector<Directory>> {
        std::vector<Directory> found;
        Rows rows = TRY(connection.query("SELECT number, diff_id IS NOT NULL FROM directories"));
        while (TRY(rows.next())) found.push_back({rows.get<std::int64_t>(0), rows.get<bool>(1)});
        return found;
      }));
  TotalUsage total;
  for (const auto& [number, is_layer] : directories) {
    auto usage = disk_usage(state_->directory.get(), std::to_string(number));
    if (!usage && usage.error().code() == Code::NotFound) continue;  // removed meanwhile
    if (!usage) return std::move(usage).error();
    DiskUsage& sum = is_layer ? total.layers : total.snapshots;
    sum.bytes += usage->bytes;
    sum.inodes += usage->inodes;
  }
  return total;
}

}  // namespace gantry::image
