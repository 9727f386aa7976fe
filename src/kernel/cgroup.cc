// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::kernel {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// A pause that starts at 50 us and doubles up to 20 ms, until the patience is used up.
class Backoff {
 public:
  explicit Backoff(milliseconds patience) : deadline_(now() + patience) {}

  // False, without a pause, when the time is over.
  bool pause() {
    if (now() >= deadline_) return false;
    const timespec wait{.tv_sec = 0, .tv_nsec = static_cast<long>(next_.count()) * 1000};
    (void)::nanosleep(&wait, nullptr);  // a signal may cut it short: the caller looks again anyway
    next_ = std::min(next_ * 2, microseconds(20'000));
    return true;
  }

 private:
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }
  const std::chrono::steady_clock::time_point deadline_;
  microseconds next_{50};
};

// Subdirectories of an open directory. getdents64(2) by hand: readdir(3) takes a buffer of 32 KiB.
Result<std::vector<std::string>> children_of(int directory) {
  std::vector<std::string> names;
  // A directory's link count is 2 and one more for each subdirectory.
  struct stat status{};
  if (::fstat(directory, &status) == 0 && status.st_nlink == 2) return names;
  if (::lseek(directory, 0, SEEK_SET) < 0) return sys_error("list cgroup");
  alignas(dirent64) char buffer[2048];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    if (size < 0 && errno == ENOENT) break;  // removed meanwhile
    if (size < 0) return sys_error("list cgroup");
    if (size == 0) break;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
      const std::string_view name = entry->d_name;
      if (entry->d_type == DT_DIR && name != "." && name != "..") names.emplace_back(name);
      at += entry->d_reclen;
    }
  }
  return names;
}

UniqueFd open_directory(int at, const char* path) {
  return UniqueFd(::openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Visits `top` and everything below it. `enter(fd)` runs before the children, `leave(parent, name)` after
// them, for all but the top. A container with a writable cgroup mount decides how deep this goes, so it
// holds one descriptor and climbs by "..", and does not recurse.
template <class Enter, class Leave>
Result<void> walk(UniqueFd top, Enter enter, Leave leave) {
  struct Level {
    std::string name;  // of the directory itself
    std::vector<std::string> children;
  };
  std::vector<Level> levels;
  UniqueFd current = std::move(top);
  TRY(enter(current.get()));
  levels.emplace_back("", TRY(children_of(current.get())));
  for (;;) {
    Level& level = levels.back();
    if (!level.children.empty()) {
      std::string name = std::move(level.children.back());
      level.children.pop_back();
      UniqueFd child = open_directory(current.get(), name.c_str());
      if (!child && errno == ENOENT) continue;
      if (!child) return sys_error("open cgroup '{}'", name);
      current = std::move(child);
      TRY(enter(current.get()));
      levels.emplace_back(std::move(name), TRY(children_of(current.get())));
    } else {
      if (levels.size() == 1) return {};
      const std::string name = std::move(level.name);
      levels.pop_back();
      UniqueFd parent = open_directory(current.get(), "..");
      if (!parent) return sys_error("open the parent of cgroup '{}'", name);
      current = std::move(parent);
      TRY(leave(current.get(), name));
    }
  }
}

constexpr auto kNothing = [](const auto&...) -> Result<void> { return {}; };

void append_pids(std::string_view text, std::vector<pid_t>& pids) {
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    pid_t pid = 0;
    const auto [next, failure] = std::from_chars(at, end, pid);
    if (failure != std::errc()) break;
    if (pid != 0) pids.push_back(pid);  // 0: of a pid namespace that is not ours to see
    at = next + 1;
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// The value of "key value" among the lines of a flat keyed file.
std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return line.substr(key.size() + 1);
  }
  return {};
}

std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

Result<void> write_file(const std::string& path, std::string_view value) {
  return write_existing_at(AT_FDCWD, path, value);
}

// A v1 cpuset starts out with neither CPUs nor memory nodes and lets no process in before it has both. One
// above that has none yet was made a moment ago by somebody who is about to fill it, so it is filled here.
Result<std::string> filled_cpuset(const std::string& directory, std::size_t mount_size, const char* file) {
  const std::string path = directory + '/' + file;
  std::string value(trim(TRY(read_file(path))));
  if (!value.empty() || directory.size() <= mount_size) return value;
  value = TRY(filled_cpuset(parent_of(directory), mount_size, file));
  TRY(write_file(path, value));
  return value;
}

// Whether the directory lists any process; threads count in a threaded group.
Result<bool> is_populated(const std::string& directory) {
  auto pids = read_file(directory + "/cgroup.procs");
  if (!pids && pids.error().errno_value() == EOPNOTSUPP) pids = read_file(directory + "/cgroup.threads");
  return !TRY(std::move(pids)).empty();
}

// rmdir of one directory with all below it.
Result<void> remove_tree(const std::string& path, Backoff& backoff) {
  for (;;) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY && errno != ENOTEMPTY) {
      // A read-only mount answers EROFS for what is not there, too.
      const int why = errno;
      if (::access(path.c_str(), F_OK) < 0 && errno == ENOENT) return {};
      return sys_error_of(why, "remove cgroup '{}'", path);
    }
    UniqueFd top = open_directory(AT_FDCWD, path.c_str());
    if (!top && errno == ENOENT) return {};
    if (!top) return sys_error("open cgroup '{}' to remove it", path);
    // What fails here, because it is busy or goes away at the same time, makes the parent's rmdir fail too.
    (void)walk(std::move(top), kNothing, [](int parent, const std::string& name) -> Result<void> {
      (void)::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
      return {};
    });
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    const int why = errno;
    if (!backoff.pause()) return sys_error_of(why, "remove cgroup '{}'", path);
  }
}

}  // namespace

Cgroup::Cgroup(Cgroup&& other) noexcept
    : places_(std::move(other.places_)),
      directories_(std::move(other.directories_)),
      made_(std::exchange(other.made_, {})),
      doors_(std::move(other.doors_)),
      v2_controllers_(other.v2_controllers_),
      refusal_(std::move(other.refusal_)),
      is_fresh_(other.is_fresh_) {}

Cgroup::~Cgroup() {
  directories_.clear();
  // Best effort: who needs to know calls remove(). Ancestors may hold other containers by now, so they only
  // go when they are empty.
  Backoff backoff(milliseconds(500));
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
    const bool is_leaf =
        std::any_of(places_.begin(), places_.end(), [&](const CgroupPlace& p) { return p.path == *path; });
    if (is_leaf)
      (void)remove_tree(*path, backoff);
    else
      (void)::rmdir(path->c_str());
  }
}

Result<Cgroup> Cgroup::create(const CgroupPlan& plan) {
  Cgroup cgroup;
  cgroup.places_ = plan.places;
  cgroup.directories_.resize(plan.places.size());
  cgroup.is_fresh_ = true;
  for (const CgroupPlace& place : plan.places) {
    // The root of a hierarchy is everybody's: it can be neither limited nor killed nor removed.
    if (place.path.size() <= place.mount_size + 1)
      return error(Code::InvalidArgument, "make cgroup '{}': that is the root of the hierarchy", place.path);
    if (place.version() == CgroupVersion::V1)
      TRY(cgroup.make_v1(plan, place));
    else
      TRY(cgroup.make_v2(plan, place));
  }
  return cgroup;
}

Result<Cgroup> Cgroup::open(std::vector<CgroupPlace> places) {
  Cgroup cgroup;
  cgroup.places_ = std::move(places);
  cgroup.directories_.resize(cgroup.places_.size());
  return cgroup;
}

Result<void> Cgroup::make_ancestors(const CgroupPlace& place) {
  for (std::size_t end = place.path.find('/', place.mount_size + 1); end != std::string::npos;
       end = place.path.find('/', end + 1)) {
    const std::string ancestor = place.path.substr(0, end);
    if (::mkdir(ancestor.c_str(), 0755) == 0)
      made_.push_back(ancestor);
    else if (errno == ENOENT)
      return {};  // the one above is gone again: for make_leaf() to see
    else if (errno != EEXIST)
      return sys_error("make cgroup '{}'", ancestor);
  }
  return {};
}

// Whether it was not there. Ancestors that were made for another group go with it if that fails, perhaps just
// after they were found here: then it begins again from the top, every time because somebody else has ended.
Result<bool> Cgroup::make_leaf(const CgroupPlan& plan, const CgroupPlace& place) {
  constexpr int kTries = 1000;
  for (int i = 0; ::mkdir(place.path.c_str(), 0755) < 0; ++i) {
    if (errno == EEXIST) {
      is_fresh_ = false;
      if (!plan.adopts_processes && TRY(is_populated(place.path)))
        return error(Code::Conflict, "make cgroup '{}': it exists and has processes", place.path);
      return false;
    }
    if (errno != ENOENT || i == kTries) return sys_error("make cgroup '{}'", place.path);
    TRY(make_ancestors(place));
  }
  made_.push_back(place.path);
  return true;
}

Result<void> Cgroup::make_v1(const CgroupPlan& plan, const CgroupPlace& place) {
  const bool made = TRY(make_leaf(plan, place));
  if (!made || !ControllerSet::parse(place.key, ",", CgroupVersion::V1).contains(Controller::Cpuset))
    return {};
  // With values of its own the group still needs parents that have some.
  const std::string parent = parent_of(place.path);
  TRY(filled_cpuset(plan.has_own_cpus ? parent : place.path, place.mount_size, "cpuset.cpus"));
  TRY(filled_cpuset(plan.has_own_mems ? parent : place.path, place.mount_size, "cpuset.mems"));
  return {};
}

// A group has the controllers that its parent's cgroup.subtree_control names, and a parent can name only what
// it has itself: from the top down.
Result<void> Cgroup::make_v2(const CgroupPlan& plan, const CgroupPlace& place) {
  TRY(make_leaf(plan, place));
  if (plan.enable.is_empty()) return {};
  for (std::size_t end = place.mount_size; end != std::string::npos; end = place.path.find('/', end + 1))
    TRY(enable_below(place.path.substr(0, end), plan.enable));
  return {};
}

// A refusal is no failure here: whether it matters is known when a limit is written.
Result<void> Cgroup::enable_below(const std::string& ancestor, ControllerSet controllers) {
  UniqueFd directory = open_directory(AT_FDCWD, ancestor.c_str());
  if (!directory) return sys_error("open cgroup '{}'", ancestor);
  const auto words = [&](const char* file) -> Result<ControllerSet> {
    const std::string text = TRY_DURING(read_file_at(directory.get(), file), "cgroup '{}'", ancestor);
    return ControllerSet::parse(text, " \n", CgroupVersion::V2);
  };
  const ControllerSet wanted = controllers & TRY(words("cgroup.controllers"));
  const ControllerSet missing = wanted - TRY(words("cgroup.subtree_control"));
  if (missing.is_empty()) return {};
  const auto enable = [&](ControllerSet set) {
    return write_existing_at(directory.get(), "cgroup.subtree_control", set.text(CgroupVersion::V2, "+"));
  };
  if (enable(missing)) return {};
  // All or none: find out which of them is refused, and keep the others.
  for (unsigned i = 0; i <= static_cast<unsigned>(Controller::Misc); ++i) {
    const ControllerSet one{static_cast<Controller>(i)};
    if ((missing & one).is_empty()) continue;
    auto enabled = enable(one);
    if (enabled || !refusal_.empty()) continue;
    const int why = enabled.error().errno_value();
    refusal_ = fmt::format("'{}' cannot be enabled below '{}': {}{}", one.text(CgroupVersion::V2), ancestor,
                           describe_errno(why),
                           why == EBUSY ? "; a v2 group that has processes cannot give controllers to groups "
                                          "below it: move them into a group of their own"
                                        : "");
  }
  return {};
}

std::optional<std::size_t> Cgroup::v2_index() const {
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i].version() == CgroupVersion::V2) return i;
  return std::nullopt;
}

const CgroupPlace* Cgroup::v2_place() const {
  const auto index = v2_index();
  return index ? &places_[*index] : nullptr;
}

std::optional<std::size_t> Cgroup::index_of(Controller controller) {
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (ControllerSet::parse(places_[i].key, ",", CgroupVersion::V1).contains(controller)) return i;
  if (v2_controllers().contains(controller)) return v2_index();
  return std::nullopt;
}

const CgroupPlace* Cgroup::place_of(Controller controller) {
  const auto index = index_of(controller);
  return index ? &places_[*index] : nullptr;
}

std::optional<CgroupVersion> Cgroup::version_of(Controller controller) {
  const CgroupPlace* place = place_of(controller);
  if (place == nullptr) return std::nullopt;
  return place->version();
}

ControllerSet Cgroup::v2_controllers() {
  if (!v2_controllers_) {
    v2_controllers_.emplace();
    // Unreadable means that none can be used.
    if (const auto text = read_v2("cgroup.controllers"))
      v2_controllers_ = ControllerSet::parse(*text, " \n", CgroupVersion::V2);
  }
  return *v2_controllers_;
}

Result<int> Cgroup::directory(std::size_t index) {
  UniqueFd& fd = directories_[index];
  if (!fd) fd = open_directory(AT_FDCWD, places_[index].path.c_str());
  if (!fd) return sys_error("open cgroup '{}'", places_[index].path);
  return fd.get();
}

Result<void> Cgroup::write_at(std::size_t index, const char* file, std::string_view value) {
  const int at = TRY(directory(index));
  const auto describe = [&] {
    return fmt::format("write '{}' to '{}/{}'", value, places_[index].path, file);
  };
  UniqueFd fd(::openat(at, file, O_WRONLY | O_CLOEXEC));
  if (!fd) return sys_error("{}", describe());
  // The kernel takes a setting in one piece or not at all.
  if (::write(fd.get(), value.data(), value.size()) < 0) return sys_error("{}", describe());
  return {};
}

Result<std::string> Cgroup::read_at(std::size_t index, const char* file) {
  const int at = TRY(directory(index));
  UniqueFd fd(::openat(at, file, O_RDONLY | O_CLOEXEC));
  if (!fd) return sys_error("read '{}/{}'", places_[index].path, file);
  return read_all(fd.get(), places_[index].path + '/' + file);
}

Result<void> Cgroup::write(Controller controller, const char* file, std::string_view value) {
  const auto index = index_of(controller);
  if (!index) return error(Code::NotFound, "write '{}' to '{}': no such controller here", value, file);
  return write_at(*index, file, value);
}

Result<std::string> Cgroup::read(Controller controller, const char* file) {
  const auto index = index_of(controller);
  if (!index) return error(Code::NotFound, "read '{}': no such controller here", file);
  return read_at(*index, file);
}

Result<void> Cgroup::write_v2(const char* file, std::string_view value) {
  const auto index = v2_index();
  if (!index) return error(Code::NotFound, "write '{}' to '{}': there is no cgroup v2 here", value, file);
  return write_at(*index, file, value);
}

Result<std::string> Cgroup::read_v2(const char* file) {
  const auto index = v2_index();
  if (!index) return error(Code::NotFound, "read '{}': there is no cgroup v2 here", file);
  return read_at(*index, file);
}

int Cgroup::directory_of(Controller controller) {
  const auto index = index_of(controller);
  if (!index) return -1;
  const auto fd = directory(*index);
  return fd ? *fd : -1;
}

int Cgroup::into_cgroup_fd() {
  const auto index = v2_index();
  if (!index) return -1;
  const auto fd = directory(*index);
  return fd ? *fd : -1;
}

Result<void> Cgroup::prepare_join(V2Join v2) {
  doors_.clear();
  doors_.resize(places_.size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const bool is_v1 = places_[i].version() == CgroupVersion::V1;
    if (!is_v1 && v2 == V2Join::ByClone) continue;
    const std::string path = places_[i].path + (is_v1 ? "/tasks" : "/cgroup.procs");
    doors_[i] = UniqueFd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!doors_[i]) return sys_error("open '{}' to join the cgroup", path);
  }
  return {};
}

Result<void> Cgroup::join_self() {
  for (std::size_t i = 0; i < doors_.size(); ++i)
    if (doors_[i] && ::write(doors_[i].get(), "0", 1) < 0)
      return sys_error("join cgroup '{}'", places_[i].path);
  return {};
}

Result<void> Cgroup::join(pid_t pid) {
  const std::string text = std::to_string(pid);
  for (std::size_t i = 0; i < places_.size(); ++i) TRY(write_at(i, "cgroup.procs", text));
  return {};
}

std::size_t Cgroup::membership_index() {
  // v2 first: it keeps processes and their threads together. Of v1 the freezer, because it acts on what it
  // lists.
  if (const auto v2 = v2_index()) return *v2;
  return index_of(Controller::Freezer).value_or(0);
}

Result<std::vector<pid_t>> Cgroup::processes_at(std::size_t index) {
  std::vector<pid_t> pids;
  if (index >= places_.size()) return pids;
  const std::string& path = places_[index].path;
  const auto collect = [&](int directory) -> Result<void> {
    auto text = read_file_at(directory, "cgroup.procs");
    if (!text && text.error().errno_value() == EOPNOTSUPP)  // a threaded group
      text = read_file_at(directory, "cgroup.threads");
    if (text)
      append_pids(*text, pids);
    else if (const int why = text.error().errno_value(); why != ENOENT && why != ENODEV)
      return std::move(text).error();
    return {};
  };
  // The container may remove a group of its own while we are in it; there is no way up from there.
  constexpr int kTries = 20;
  for (int i = 0;; ++i) {
    pids.clear();
    UniqueFd top = open_directory(AT_FDCWD, path.c_str());
    if (!top && errno == ENOENT) return pids;
    if (!top) return sys_error("open cgroup '{}'", path);
    auto walked = walk(std::move(top), collect, kNothing);
    if (walked) break;
    if (walked.error().errno_value() != ENOENT || i == kTries)
      return std::move(walked).error().during(fmt::format("list the processes of cgroup '{}'", path));
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Result<std::vector<pid_t>> Cgroup::processes() { return processes_at(membership_index()); }

// The v1 freezer where there is one: that is what others look at on such a host.
Result<void> Cgroup::freeze() {
  constexpr milliseconds kPatience(10'000);
  bool frozen = false;
  std::size_t index = 0;
  if (const auto v1 = index_of(Controller::Freezer)) {
    index = *v1;
    frozen = TRY(freeze_v1(index, kPatience));
    if (!frozen) (void)write_at(index, "freezer.state", "THAWED");
  } else if (const auto v2 = v2_index()) {
    index = *v2;
    frozen = TRY(freeze_v2(index, kPatience));
    if (!frozen) (void)write_at(index, "cgroup.freeze", "0");
  } else {
    return error(Code::Unsupported, "freeze: this host mounts neither cgroup v2 nor the v1 freezer");
  }
  if (frozen) return {};
  return error(Code::TimedOut, "freeze cgroup '{}': not every process stopped within {} s",
               places_[index].path, kPatience.count() / 1000);
}

Result<bool> Cgroup::freeze_v2(std::size_t index, milliseconds patience) {
  TRY(write_at(index, "cgroup.freeze", "1"));
  UniqueFd events(::openat(TRY(directory(index)), "cgroup.events", O_RDONLY | O_CLOEXEC));
  if (!events) return sys_error("open '{}/cgroup.events'", places_[index].path);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    char text[256];
    const ssize_t size = ::pread(events.get(), text, sizeof text, 0);
    if (size < 0) return sys_error("read '{}/cgroup.events'", places_[index].path);
    if (value_of({text, static_cast<std::size_t>(size)}, "frozen") == "1") return true;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd changed{.fd = events.get(), .events = POLLPRI};
    (void)::poll(&changed, 1, static_cast<int>(left.count()));
  }
}

Result<bool> Cgroup::freeze_v1(std::size_t index, milliseconds patience) {
  Backoff backoff(patience);
  for (int round = 1;; ++round) {
    if (auto written = write_at(index, "freezer.state", "FROZEN"); !written) {
      (void)write_at(index, "freezer.state", "THAWED");
      return std::move(written).error();
    }
    if (trim(TRY(read_at(index, "freezer.state"))) == "FROZEN") return true;
    if (!backoff.pause()) return false;
    // A process that forks while it is being frozen can keep the group in FREEZING for good; letting go
    // and trying again gets out of that.
    if (round % 8 == 0) TRY(write_at(index, "freezer.state", "THAWED"));
  }
}

Result<void> Cgroup::thaw() {
  const auto v2 = v2_index();
  if (v2) TRY(write_at(*v2, "cgroup.freeze", "0"));
  if (!v2 && !index_of(Controller::Freezer))
    return error(Code::Unsupported, "thaw: this host mounts neither cgroup v2 nor the v1 freezer");
  // On a mixed host somebody else may have used the other one.
  return thaw_v1(false);
}

Result<void> Cgroup::thaw_v1(bool with_descendants) {
  const auto index = index_of(Controller::Freezer);
  if (!index) return {};
  if (!with_descendants) return write_at(*index, "freezer.state", "THAWED");
  UniqueFd top = open_directory(AT_FDCWD, places_[*index].path.c_str());
  if (!top) return {};
  return walk(
      std::move(top),
      [](int directory) -> Result<void> {
        (void)write_existing_at(directory, "freezer.state", "THAWED");  // it may be gone
        return {};
      },
      kNothing);
}

Result<bool> Cgroup::is_frozen() {
  if (const auto v2 = v2_index())
    if (trim(TRY(read_at(*v2, "cgroup.freeze"))) == "1") return true;
  const auto v1 = index_of(Controller::Freezer);
  if (!v1) return false;
  // Frozen by an ancestor is the ancestor's matter.
  return trim(TRY(read_at(*v1, "freezer.self_freezing"))) == "1";
}

Result<void> Cgroup::signal_all(int signal) {
  for (const pid_t pid : TRY(processes()))
    if (::kill(pid, signal) < 0 && errno != ESRCH)
      return sys_error("send signal {} to process {}", signal, pid);
  return {};
}

Result<void> Cgroup::kill_all(milliseconds patience) {
  if (places_.empty()) return {};
  const std::size_t index = membership_index();
  const auto v1_freezer = index_of(Controller::Freezer);
  bool has_kill_file = places_[index].version() == CgroupVersion::V2;
  Backoff backoff(patience);
  for (int round = 0;; ++round) {
    std::vector<pid_t> pids = TRY(processes_at(index));
    if (pids.empty()) return {};
    bool killed = false;
    if (has_kill_file) {
      auto written = write_at(index, "cgroup.kill", "1");  // Linux 5.14
      killed = written.has_value();
      if (!killed && written.error().errno_value() != ENOENT) return written;
      has_kill_file = killed;
    }
    if (!killed) {
      // Frozen, nobody forks away between the list and the signal. Where that does not work, repetition does.
      const bool frozen = v1_freezer && write_at(*v1_freezer, "freezer.state", "FROZEN").has_value();
      if (frozen) pids = TRY(processes_at(index));
      for (const pid_t pid : pids)
        if (::kill(pid, SIGKILL) < 0 && errno != ESRCH && errno != EPERM)
          return sys_error("kill process {}", pid);
    }
    // A process that the v1 freezer holds does not die, and the container may have frozen groups of its own.
    if (v1_freezer) TRY(thaw_v1(round > 0));
    if (!backoff.pause()) {
      std::string list;
      for (std::size_t i = 0; i < pids.size() && i < 8; ++i) list.append(" ").append(std::to_string(pids[i]));
      return error(Code::TimedOut, "kill the processes of cgroup '{}': {} stay:{}{}", places_[index].path,
                   pids.size(), list, pids.size() > 8 ? " ..." : "");
    }
  }
}

Result<void> Cgroup::remove(milliseconds patience) {
  for (UniqueFd& fd : directories_) fd.reset();
  Backoff backoff(patience);
  for (const CgroupPlace& place : places_) TRY(remove_tree(place.path, backoff));
  // What is left in made_ are ancestors, which others may have started to use.
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) (void)::rmdir(path->c_str());
  made_.clear();
  return {};
}

Result<void> Cgroup::delegate_to(uid_t uid) {
  const auto index = v2_index();
  if (!index) return {};
  const int at = TRY(directory(*index));
  if (::fchown(at, uid, static_cast<gid_t>(-1)) < 0)
    return sys_error("give cgroup '{}' to user {}", places_[*index].path, uid);
  auto listed = read_file("/sys/kernel/cgroup/delegate");
  std::string files = listed ? std::move(*listed) : "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";
  for (std::size_t begin = 0, end; (end = files.find('\n', begin)) != std::string::npos; begin = end + 1) {
    files[end] = '\0';
    const char* file = files.c_str() + begin;
    if (::fchownat(at, file, uid, static_cast<gid_t>(-1), 0) < 0 && errno != ENOENT)
      return sys_error("give '{}/{}' to user {}", places_[*index].path, file, uid);
  }
  return {};
}

}  // namespace gantry::kernel
