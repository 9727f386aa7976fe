// SPDX-License-Identifier: Apache-2.0
#include "engine/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/timestamp.h"
#include "database/database.h"
#include "engine/mount_points.h"
#include "engine/volume_options.h"

namespace gantry::engine {
namespace {

using database::Connection;
using database::Durability;
using StringMap = std::map<std::string, std::string>;

constexpr const char* kVersions[] = {R"(
CREATE TABLE volumes (
  name TEXT PRIMARY KEY,
  created INTEGER NOT NULL,  -- nanoseconds since 1970
  labels TEXT NOT NULL,      -- JSON objects
  options TEXT NOT NULL) WITHOUT ROWID;
)"};

constexpr const char* kData = "_data";
constexpr const char* kNewData = "_new";
constexpr const char* kRemoved = ".removed";     // no volume can be called so
constexpr std::size_t kMaxName = NAME_MAX - 17;  // see move_away()

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Result<StringMap> decode_map(std::string_view text) {
  return json::decode<StringMap>(TRY(json::Document::parse(std::string(text))).root());
}

// What is known of one volume besides what it is. Life is shared by the table and by calls under way, so
// that one which hangs in a mount needs no lock of the table.
struct Entry {
  explicit Entry(VolumeRef what) : volume(std::move(what)) {}
  const VolumeRef volume;
  std::set<std::string> users;  // guarded by the table's mutex

  Mutex mutex;  // held while its file system is mounted and unmounted; guards what follows
  std::set<std::string> running GUARDED_BY(mutex);
  bool is_mounted GUARDED_BY(mutex) = false;
};
using EntryRef = std::shared_ptr<Entry>;

Error no_such_volume(std::string_view name) { return error(Code::NotFound, "get {}: no such volume", name); }

}  // namespace

void fields(json::Fields& f, VolumeRequest& request) {
  f("Name", request.name);
  f("Driver", request.driver);
  f("DriverOpts", request.driver_opts);
  f("Labels", request.labels);
}

Result<void> check_volume_name(std::string_view name) {
  if (name.size() < 2)
    return error(Code::InvalidArgument,
                 "create {}: volume name is too short, names should be at least two alphanumeric characters",
                 name);
  if (name.size() > kMaxName)
    return error(Code::InvalidArgument,
                 "create {}: volume name is too long, names have at most {} characters", name.substr(0, 32),
                 kMaxName);
  const bool is_good = is_alphanumeric(name.front()) && std::ranges::all_of(name, [](char c) {
                         return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
                       });
  if (!is_good)
    return error(Code::InvalidArgument,
                 "create {}: \"{}\" includes invalid characters for a local volume name, only "
                 "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
                 "absolute path",
                 name, name);
  return {};
}

struct Volumes::State {
  State(std::string path, UniqueFd fd, database::Database rows)
      : directory(std::move(path)), directory_fd(std::move(fd)), database(std::move(rows)) {}

  Result<void> finish_removals();
  Result<void> load_rows();
  Result<void> take_in_directories();
  Result<void> find_mounts();

  EntryRef find(std::string_view name) const;
  EntryRef find_for(std::string_view name, const std::string& user);
  Result<EntryRef> get(std::string_view name) const;
  Result<Volume> make(VolumeRequest request);
  Result<void> save(const Volume& volume);
  Result<void> remove_row(const std::string& name);
  Result<void> take_out(const EntryRef& entry);
  Result<void> fill_new(const std::string& name, const CopyInto& copy);
  Result<std::string> move_away(const std::string& name);
  Result<void> attach(Entry& entry) REQUIRES(entry.mutex);
  void detach(Entry& entry) REQUIRES(entry.mutex);
  std::string data_path(std::string_view name) const {
    return fmt::format("{}/{}/{}", directory, name, kData);
  }

  const std::string directory;  // <root>/volumes
  const UniqueFd directory_fd;
  database::Database database;
  Mutex change_mutex;   // taken before the next: one volume is made or removed at a time
  mutable Mutex mutex;  // guards what follows; never held while a file system is waited for
  std::map<std::string, EntryRef, std::less<>> entries GUARDED_BY(mutex);
};

Volumes::Volumes(std::unique_ptr<State> state) : state_(std::move(state)) {}
Volumes::~Volumes() = default;

// ---- what is there at start

Result<std::unique_ptr<Volumes>> Volumes::open(const std::string& root) {
  const std::string directory = root + "/volumes";
  TRY(make_directories(directory, 0711));
  auto state = std::make_unique<State>(directory, TRY(open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY)),
                                       TRY(database::Database::open(root + "/volumes.db", kVersions)));
  TRY_DURING(state->finish_removals(), "finish removing volumes");
  TRY_DURING(state->load_rows(), "read what is known of volumes");
  TRY_DURING(state->take_in_directories(), "look for volumes in '{}'", directory);
  TRY(state->find_mounts());
  return std::unique_ptr<Volumes>(new Volumes(std::move(state)));
}

// A removal begins by renaming the directory, see move_away(): what has that name was to be removed, and its
// row too, unless there is a new volume of the same name.
Result<void> Volumes::State::finish_removals() {
  Result<std::vector<std::string>> names = names_in(directory_fd.get(), kRemoved);
  if (!names) return names.error().code() == Code::NotFound ? Result<void>{} : std::move(names).error();
  for (const std::string& removed : *names) {
    const std::string name = removed.substr(0, removed.rfind('~'));
    if (::faccessat(directory_fd.get(), name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) < 0) TRY(remove_row(name));
  }
  return remove_tree_at(directory_fd.get(), kRemoved);
}

Result<void> Volumes::State::load_rows() {
  return database.read([this](Connection& c) -> Result<void> {
    auto rows = TRY(c.query("SELECT name, created, labels, options FROM volumes"));
    MutexLock lock(mutex);
    while (TRY(rows.next())) {
      Volume volume{.name = rows.get<std::string>(0), .created = rows.get<std::int64_t>(1)};
      volume.mountpoint = data_path(volume.name);
      volume.labels = TRY_DURING(decode_map(rows.get<std::string_view>(2)), "labels of '{}'", volume.name);
      volume.options = TRY_DURING(decode_map(rows.get<std::string_view>(3)), "options of '{}'", volume.name);
      const std::string name = volume.name;
      entries.emplace(name, std::make_shared<Entry>(std::make_shared<Volume>(std::move(volume))));
    }
    return {};
  });
}

Result<void> Volumes::State::take_in_directories() {
  for (const std::string& name : TRY(names_in(directory_fd.get(), "."))) {
    if (find(name) || !check_volume_name(name)) continue;
    struct stat st{};
    // Not what is in it: that may be a mount that hangs.
    if (::fstatat(directory_fd.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
      continue;
    Volume volume{.name = name, .mountpoint = data_path(name)};
    volume.created = st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
    TRY(save(volume));
    MutexLock lock(mutex);
    entries.emplace(name, std::make_shared<Entry>(std::make_shared<Volume>(std::move(volume))));
  }
  return {};
}

Result<void> Volumes::State::find_mounts() {
  const std::vector<std::string> mounted = TRY(mount_points_below(directory));
  std::vector<EntryRef> all;
  {
    MutexLock lock(mutex);  // which is taken after an entry's
    for (const auto& [name, entry] : entries) all.push_back(entry);
  }
  for (const EntryRef& entry : all) {
    MutexLock lock(entry->mutex);
    entry->is_mounted = std::ranges::find(mounted, entry->volume->mountpoint) != mounted.end();
  }
  return {};
}

// ---- what there is

EntryRef Volumes::State::find(std::string_view name) const {
  MutexLock lock(mutex);
  const auto found = entries.find(name);
  return found == entries.end() ? nullptr : found->second;
}

EntryRef Volumes::State::find_for(std::string_view name, const std::string& user) {
  MutexLock lock(mutex);
  const auto found = entries.find(name);
  if (found == entries.end()) return nullptr;
  if (!user.empty()) found->second->users.insert(user);
  return found->second;
}

Result<EntryRef> Volumes::State::get(std::string_view name) const {
  EntryRef entry = find(name);
  if (!entry) return no_such_volume(name);
  return entry;
}

Result<VolumeRef> Volumes::find(std::string_view name) const { return TRY(state_->get(name))->volume; }

std::vector<VolumeRef> Volumes::list() const {
  MutexLock lock(state_->mutex);
  std::vector<VolumeRef> volumes;
  volumes.reserve(state_->entries.size());
  for (const auto& [name, entry] : state_->entries) volumes.push_back(entry->volume);
  return volumes;
}

// ---- making

Result<void> Volumes::State::save(const Volume& volume) {
  // One without a name is found again by its directory.
  const Durability durability = volume.is_anonymous() ? Durability::Lazy : Durability::Synced;
  return database.write(durability, [&](Connection& c) -> Result<void> {
    TRY(c.execute("INSERT INTO volumes (name, created, labels, options) VALUES (?1, ?2, ?3, ?4)", volume.name,
                  volume.created, json::encode(volume.labels), json::encode(volume.options)));
    return {};
  });
}

Result<Volume> Volumes::State::make(VolumeRequest request) {
  Volume volume{.name = std::move(request.name),
                .created = wall_clock_ns(),
                .labels = std::move(request.labels),
                .options = std::move(request.driver_opts)};
  volume.mountpoint = data_path(volume.name);
  if (volume.has_mount()) TRY_DURING(parse_volume_options(volume.options), "create {}", volume.name);
  TRY_DURING(make_directories(volume.mountpoint, 0755), "create {}", volume.name);
  Result<void> saved = save(volume);
  if (!saved) {
    (void)remove_tree_at(directory_fd.get(), volume.name);  // empty; taken in as a volume if it stays
    return std::move(saved).error().during(fmt::format("create {}", volume.name));
  }
  return volume;
}

Result<Volumes::Created> Volumes::create(VolumeRequest request, const std::string& user) {
  if (request.name.empty()) {
    request.name = random_hex(32);
    request.labels.emplace(kAnonymousLabel, "");
  }
  if (!request.driver.empty() && request.driver != "local")
    return error(Code::NotFound, "create {}: error looking up volume plugin {}: plugin \"{}\" not found",
                 request.name, request.driver, request.driver);
  TRY(check_volume_name(request.name));
  if (const EntryRef present = state_->find_for(request.name, user)) return Created{present->volume, false};

  MutexLock change(state_->change_mutex);
  if (const EntryRef present = state_->find_for(request.name, user)) return Created{present->volume, false};
  const auto volume = std::make_shared<const Volume>(TRY(state_->make(std::move(request))));
  auto entry = std::make_shared<Entry>(volume);
  if (!user.empty()) entry->users.insert(user);
  MutexLock lock(state_->mutex);
  state_->entries.emplace(volume->name, std::move(entry));
  return Created{volume, true};
}

// ---- removing

Result<void> Volumes::State::remove_row(const std::string& name) {
  return database.write([&](Connection& c) -> Result<void> {
    TRY(c.execute("DELETE FROM volumes WHERE name = ?1", name));
    return {};
  });
}

// From here on it will be removed, by us or by the next start. Answers its name in kRemoved.
Result<std::string> Volumes::State::move_away(const std::string& name) {
  if (::mkdirat(directory_fd.get(), kRemoved, 0700) < 0 && errno != EEXIST)
    return sys_error("make '{}/{}'", directory, kRemoved);
  std::string away = fmt::format("{}/{}~{}", kRemoved, name, random_hex(8));
  if (::renameat(directory_fd.get(), name.c_str(), directory_fd.get(), away.c_str()) < 0 && errno != ENOENT)
    return sys_error("rename '{}/{}'", directory, name);
  return away;
}

// Nobody can find it from here on, unless this fails.
Result<void> Volumes::State::take_out(const EntryRef& entry) {
  MutexLock lock(mutex);
  if (!entry->users.empty())
    return error(Code::Conflict, "remove {}: volume is in use - [{}]", entry->volume->name,
                 fmt::join(entry->users, ", "));
  entries.erase(entry->volume->name);
  return {};
}

Result<void> Volumes::remove(const std::string& name) {
  std::string away;
  {
    MutexLock change(state_->change_mutex);
    const EntryRef entry = TRY(state_->get(name));
    TRY(state_->take_out(entry));
    Result<void> moved = [&]() -> Result<void> {
      MutexLock lock(entry->mutex);
      state_->detach(*entry);
      // Or what somebody else has mounted there would be removed with it.
      if (const auto mounted = TRY(mount_points_below(state_->directory + "/" + name)); !mounted.empty())
        return error(Code::Conflict, "something is mounted on '{}'", mounted.front());
      away = TRY(state_->move_away(name));
      return state_->remove_row(name);
    }();
    if (!moved) {
      MutexLock lock(state_->mutex);
      state_->entries.emplace(name, entry);
      return std::move(moved).error().during(fmt::format("remove {}", name));
    }
  }
  TRY_DURING(remove_tree_at(state_->directory_fd.get(), away), "remove {}", name);
  return {};
}

Result<Volumes::Pruned> Volumes::prune(const std::function<bool(const Volume&)>& matches) {
  Pruned pruned;
  for (const VolumeRef& volume : list()) {
    if (!matches(*volume) || !users_of(volume->name).empty()) continue;
    const Result<image::DiskUsage> size = usage(volume->name);
    if (!remove(volume->name)) continue;
    pruned.names.push_back(volume->name);
    if (size) pruned.bytes += size->bytes;
  }
  return pruned;
}

// ---- users

Result<void> Volumes::add_user(const std::string& name, const std::string& user) {
  MutexLock lock(state_->mutex);
  const auto found = state_->entries.find(name);
  if (found == state_->entries.end()) return no_such_volume(name);
  found->second->users.insert(user);
  return {};
}

void Volumes::remove_user(const std::string& name, const std::string& user) {
  MutexLock lock(state_->mutex);
  if (const auto found = state_->entries.find(name); found != state_->entries.end())
    found->second->users.erase(user);
}

std::vector<std::string> Volumes::users_of(const std::string& name) const {
  MutexLock lock(state_->mutex);
  const auto found = state_->entries.find(name);
  if (found == state_->entries.end()) return {};
  return {found->second->users.begin(), found->second->users.end()};
}

// ---- mounts

Result<std::string> Volumes::mount(const std::string& name, const std::string& user) {
  const EntryRef entry = TRY(state_->get(name));
  MutexLock lock(entry->mutex);
  TRY_DURING(state_->attach(*entry), "mount volume '{}'", name);
  entry->running.insert(user);
  return entry->volume->mountpoint;
}

Result<void> Volumes::State::attach(Entry& entry) {
  const Volume& volume = *entry.volume;
  if (!volume.has_mount() || entry.is_mounted) return {};
  auto mount = TRY(make_volume_mount(TRY(parse_volume_options(volume.options))));
  const UniqueFd target = TRY(open_at(AT_FDCWD, volume.mountpoint, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  TRY(mount.attach_to(target.get()));
  entry.is_mounted = true;
  return {};
}

// Lazily, so that neither a file that is still open nor a server that is gone keeps us.
void Volumes::State::detach(Entry& entry) {
  if (!entry.is_mounted) return;
  (void)::umount2(entry.volume->mountpoint.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);  // it may be gone already
  entry.is_mounted = false;
}

void Volumes::unmount(const std::string& name, const std::string& user) {
  const EntryRef entry = state_->find(name);
  if (!entry) return;
  MutexLock lock(entry->mutex);
  if (entry->running.erase(user) > 0 && entry->running.empty()) state_->detach(*entry);
}

void Volumes::unmount_unused() {
  for (const VolumeRef& volume : list()) {
    if (!volume->has_mount()) continue;
    const EntryRef entry = state_->find(volume->name);
    if (!entry) continue;
    MutexLock lock(entry->mutex);
    if (entry->running.empty()) state_->detach(*entry);
  }
}

// ---- contents

Result<UniqueFd> Volumes::open_directory(const std::string& name) const {
  const EntryRef entry = TRY(state_->get(name));
  return TRY_DURING(open_at(AT_FDCWD, entry->volume->mountpoint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                    "volume '{}'", name);
}

// Into a directory beside it that takes its place when it is whole; but where containers have the directory
// already, into that.
Result<void> Volumes::State::fill_new(const std::string& name, const CopyInto& copy) {
  const UniqueFd volume = TRY(open_at(directory_fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(remove_tree_at(volume.get(), kNewData));  // of a process that was killed
  if (::mkdirat(volume.get(), kNewData, 0755) < 0) return sys_error("make '{}'", kNewData);
  const UniqueFd data = TRY(open_at(volume.get(), kNewData, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Result<void> copied = copy(data.get());
  if (copied && ::renameat(volume.get(), kNewData, volume.get(), kData) < 0)
    copied = sys_error("rename '{}' to '{}'", kNewData, kData);
  if (!copied) (void)remove_tree_at(volume.get(), kNewData);  // the first failure counts
  return copied;
}

Result<void> Volumes::fill(const std::string& name, const CopyInto& copy) {
  const EntryRef entry = TRY(state_->get(name));
  MutexLock lock(entry->mutex);
  TRY_DURING(state_->attach(*entry), "mount volume '{}'", name);
  const bool is_unused = entry->running.empty() && !entry->is_mounted;
  Result<void> filled = [&]() -> Result<void> {
    const UniqueFd data = TRY(open_directory(name));
    if (!TRY(names_in(data.get(), ".")).empty()) return {};
    if (is_unused) return state_->fill_new(name, copy);
    return copy(data.get());
  }();
  if (entry->running.empty()) state_->detach(*entry);
  if (!filled) return std::move(filled).error().during(fmt::format("fill volume '{}'", name));
  return {};
}

Result<image::DiskUsage> Volumes::usage(const std::string& name) const {
  const EntryRef entry = TRY(state_->get(name));
  if (entry->volume->has_mount())
    return error(Code::Unsupported, "volume '{}' is a mount: what it takes is not known", name);
  return image::disk_usage(AT_FDCWD, entry->volume->mountpoint);
}

}  // namespace gantry::engine
