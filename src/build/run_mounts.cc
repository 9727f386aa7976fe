// SPDX-License-Identifier: Apache-2.0
#include "build/run_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "build/base_name.h"
#include "kernel/mount.h"

namespace gantry::build {

using dockerfile::MountType;

namespace {

constexpr const char* kSecretDirectory = "/run/secrets/";
constexpr const char* kDefaultAgent = "default";

// What a bind or a new cache takes from its source: one path, without wildcards.
CopyWish wish_of(const RunMountPlan& plan) {
  CopyWish wish;
  wish.sources = {plan.source_path};
  wish.destination = "/";
  return wish;
}

oci::Mount bind_of(const std::string& source, const std::string& target, bool is_read_only) {
  return {.destination = target,
          .type = "bind",
          .source = source,
          .options = {"rbind", "rprivate", is_read_only ? "ro" : "rw"}};
}

// This host's id for one inside; one that is not mapped stays, and is nobody's there.
std::uint32_t outside_of(const std::vector<kernel::IdRange>& ranges, std::uint32_t id) {
  const kernel::IdRange* range = kernel::find_range(ranges, id);
  return range == nullptr ? id : range->outside + (id - range->inside);
}

}  // namespace

void RunMountPlan::add_to_key(KeyHasher& key) const {
  key.text(dockerfile::name_of(type)).text(target).text(id).text(variable).number(is_read_only);
  key.number(static_cast<std::uint64_t>(sharing))
      .number(size)
      .number(mode.value_or(~0u))
      .number(uid)
      .number(gid);
  key.digest(content);
}

Result<RunMountPlan> plan_mount(const dockerfile::RunMount& mount, const MountContext& context) {
  RunMountPlan plan{.type = mount.type,
                    .is_read_only = mount.is_read_only,
                    .is_required = mount.is_required,
                    .sharing = mount.sharing,
                    .size = mount.size.value_or(0),
                    .mode = mount.mode,
                    .uid = mount.uid.value_or(0),
                    .gid = mount.gid.value_or(0),
                    .source = nullptr};
  plan.id = TRY(context.expand(mount.id));
  plan.variable = TRY(context.expand(mount.env));
  plan.source_path = TRY(context.expand(mount.source));
  plan.target = TRY(context.expand(mount.target));
  if (mount.type == MountType::Secret && plan.id.empty()) plan.id = base_name(plan.target);
  if (mount.type == MountType::Secret && plan.target.empty() && plan.variable.empty())
    plan.target = kSecretDirectory + base_name(plan.id);
  if (mount.type == MountType::Ssh && plan.id.empty()) plan.id = kDefaultAgent;
  if (mount.type == MountType::Ssh && plan.target.empty())
    plan.target = fmt::format("/run/buildkit/ssh_agent.{}", plan.id == kDefaultAgent ? "0" : plan.id);
  if (!plan.target.empty())
    plan.target = kernel::clean_path(
        plan.target.starts_with('/') ? plan.target : context.working_directory + "/" + plan.target);
  if (plan.target == "/") return error(Code::InvalidArgument, "nothing can be mounted on '/'");
  if (mount.type == MountType::Cache && plan.id.empty()) plan.id = plan.target;
  const std::string from = TRY(context.expand(mount.from));
  if (mount.type == MountType::Bind || (mount.type == MountType::Cache && !from.empty()))
    plan.source = TRY(context.find_source(from));
  if (mount.type == MountType::Bind) {
    const CopyWish wish = wish_of(plan);
    std::optional<CopySet> selected;
    plan.content = TRY(digest_of_selection(*plan.source, wish, context.hashes, context.cancel, selected));
  }
  return plan;
}

Result<void> RunMounts::add(const RunMountPlan& plan, const std::string& directory) {
  switch (plan.type) {
    case MountType::Bind: return add_bind(plan, directory);
    case MountType::Cache: return add_cache(plan);
    case MountType::Secret: return add_secret(plan, directory);
    case MountType::Ssh: return add_ssh(plan, directory);
    case MountType::Tmpfs: break;
  }
  oci::Mount mount{
      .destination = plan.target, .type = "tmpfs", .source = "tmpfs", .options = {"nosuid", "nodev"}};
  if (plan.size > 0) mount.options.push_back(fmt::format("size={}", plan.size));
  mounts_.push_back(std::move(mount));
  return {};
}

// On disk it has the ids that are seen inside.
void RunMounts::bind_ours(const std::string& source, const std::string& target, bool is_read_only) {
  mounts_.push_back(bind_of(source, target, is_read_only));
  if (!material_.id_maps.uids.empty()) mounts_.back().options.emplace_back("idmap");
}

// Layers are shown by a snapshot of this RUN's; what is written goes with it. The files of a context are
// copied, for in a build they are root's, and without what .dockerignore leaves out.
Result<void> RunMounts::add_bind(const RunMountPlan& plan, const std::string& directory) {
  const SourceTree* tree = TRY(plan.source->tree());
  const SourceTree::Found found = TRY(tree->resolve(clean_relative(plan.source_path)));
  if (!plan.source->chain()) {
    const std::string copy = TRY(session_.make_directory("bind"));
    const UniqueFd fd = TRY(open_at(AT_FDCWD, copy, O_RDONLY | O_DIRECTORY));
    TRY(fill(plan, fd.get()));
    const std::string source = found.is_directory ? copy : fmt::format("{}/{}", copy, base_name(found.path));
    bind_ours(source, plan.target, plan.is_read_only);
    return {};
  }
  const kernel::RootDir root(TRY(open_at(sources_.layers.at(&plan).fd(), ".", O_PATH | O_DIRECTORY)));
  const UniqueFd source = TRY(root.open_without_links("/" + found.path, O_PATH));
  const std::string point = fmt::format("{}/{}", directory, mounts_.size());
  auto mount = TRY(kernel::DetachedMount::copy_of(source.get(), "", kernel::Depth::One));
  if (found.is_directory)
    TRY(make_directories(point, 0700));
  else
    TRY(open_at(AT_FDCWD, point, O_CREAT | O_WRONLY, 0600));
  const UniqueFd target = TRY(open_at(AT_FDCWD, point, O_PATH));
  TRY(mount.attach_to(target.get()));
  mounts_.push_back(bind_of(point, plan.target, plan.is_read_only || !found.is_directory));
  return {};
}

Result<void> RunMounts::fill(const RunMountPlan& plan, int directory) {
  const CopyWish wish = wish_of(plan);
  const CopySet set = TRY(select_files(*plan.source, wish));
  TreeWriter writer(directory, cancel_);
  for (const FileEntry& entry : set.entries()) TRY(writer.add(entry));
  return writer.finish();
}

// The directory of a cache, which is ours alone if that was asked for.
Result<std::string> RunMounts::take_cache(const RunMountPlan& plan) {
  const std::string name = oci::digest_of(plan.id).hex().substr(0, 32);
  for (unsigned copy = 0;; ++copy) {
    std::string directory = fmt::format("{}/build/mounts/{}-{}", material_.root, name, copy);
    const std::string key = fmt::format("build cache {}-{}", name, copy);
    if (plan.sharing == dockerfile::CacheSharing::Shared) return directory;
    if (plan.sharing == dockerfile::CacheSharing::Locked) {
      locks_.push_back(TRY(image::KeyLock::acquire(material_.root, key)));
      return directory;
    }
    if (auto lock = TRY(image::KeyLock::try_acquire(material_.root, key))) {
      locks_.push_back(std::move(*lock));
      return directory;
    }
  }
}

Result<void> RunMounts::add_cache(const RunMountPlan& plan) {
  const std::string directory = TRY(take_cache(plan));
  {
    const auto lock = TRY(image::KeyLock::acquire(material_.root, "make " + directory));
    if (::access(directory.c_str(), F_OK) < 0) {
      const std::string unfinished = directory + ".new";
      TRY(remove_tree_at(AT_FDCWD, unfinished));
      TRY(make_directories(unfinished, 0755));
      const UniqueFd fd = TRY(open_at(AT_FDCWD, unfinished, O_RDONLY | O_DIRECTORY));
      if (plan.source) TRY(fill(plan, fd.get()));
      if (::fchown(fd.get(), plan.uid, plan.gid) < 0 || ::fchmod(fd.get(), plan.mode.value_or(0755)) < 0)
        return sys_error("set owner and mode of the cache '{}'", printable(plan.id));
      if (::rename(unfinished.c_str(), directory.c_str()) < 0) return sys_error("make '{}'", directory);
    }
  }
  const timespec now[2] = {{.tv_sec = 0, .tv_nsec = UTIME_NOW}, {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
  (void)::utimensat(AT_FDCWD, directory.c_str(), now, 0);  // when it was used: prune() looks at it
  bind_ours(directory, plan.target, plan.is_read_only);
  return {};
}

static Result<std::optional<std::string>> secret_of(const MountMaterial& material, const std::string& id) {
  const auto found = material.secrets.find(id);
  if (found != material.secrets.end()) return std::optional(TRY(found->second()));
  if (material.find_secret) return material.find_secret(id);
  return std::optional<std::string>();
}

static Result<std::optional<std::string>> agent_of(const MountMaterial& material, const std::string& id) {
  const auto found = material.ssh.find(id);
  if (found != material.ssh.end()) return std::optional(found->second);
  if (material.find_agent) return material.find_agent(id);
  return std::optional<std::string>();
}

// By a snapshot, which is removed with the session.
static Result<kernel::DetachedMount> mount_layers(const Session& session, const RunMountPlan& plan,
                                                  const MountMaterial& material) {
  TRY(plan.source->tree());  // so that they are unpacked
  const oci::Digest chain = *plan.source->chain();
  const std::string key = session.snapshot_key(session.unique_name("bind"));
  TRY(session.snapshots().prepare(
      key, chain.is_empty() ? std::nullopt : std::optional(chain),
      {.is_read_only = plan.is_read_only, .id_maps = material.id_maps, .is_volatile = !plan.is_read_only},
      database::Durability::Lazy));
  return std::move(TRY(session.snapshots().mount(key)).mount);
}

Result<MountSources> find_mount_sources(const Session& session, const std::vector<RunMountPlan>& plans,
                                        const MountMaterial& material) {
  MountSources sources;
  for (const RunMountPlan& plan : plans) {
    if (plan.type == MountType::Ssh)
      if (auto socket = TRY_DURING(agent_of(material, plan.id), "agent '{}'", printable(plan.id)))
        sources.agents.emplace(plan.id, *std::move(socket));
    if (plan.type == MountType::Bind && plan.source->chain())
      sources.layers.emplace(
          &plan, TRY_DURING(mount_layers(session, plan, material), "mount '{}'", printable(plan.target)));
  }
  return sources;
}

// On a tmpfs of the RUN's own mount namespace: the bytes reach no disk, and nothing is left of them.
Result<void> RunMounts::add_secret(const RunMountPlan& plan, const std::string& directory) {
  const std::optional<std::string> content =
      TRY_DURING(secret_of(material_, plan.id), "secret '{}'", printable(plan.id));
  if (!content) {
    if (!plan.is_required) return {};
    return error(Code::InvalidArgument, "the secret '{}' is required, and was not given (--secret id={})",
                 printable(plan.id), printable(plan.id));
  }
  if (!plan.variable.empty()) environment_.push_back(plan.variable + "=" + *content);
  if (plan.target.empty()) return {};
  const std::string point = fmt::format("{}/{}", directory, mounts_.size());
  TRY(make_directories(point, 0700));
  const UniqueFd target = TRY(open_at(AT_FDCWD, point, O_PATH | O_DIRECTORY));
  auto tmpfs = TRY(kernel::DetachedMount::create(
      {.type = "tmpfs",
       .source = "secret",
       .options = {"mode=0700", "size=16m"},
       .attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC}));
  TRY(tmpfs.attach_to(target.get()));
  const UniqueFd file = TRY(open_at(tmpfs.fd(), "secret", O_CREAT | O_EXCL | O_WRONLY, 0600));
  TRY(write_all(file.get(), *content, "a secret"));
  const uid_t uid = outside_of(material_.id_maps.uids, plan.uid);
  const gid_t gid = outside_of(material_.id_maps.gids, plan.gid);
  if (::fchown(file.get(), uid, gid) < 0 || ::fchmod(file.get(), plan.mode.value_or(0400)) < 0)
    return sys_error("set owner and mode of a secret");
  mounts_.push_back(bind_of(point + "/secret", plan.target, true));
  return {};
}

// The agent's own socket belongs to who runs the agent: a step that wants another owner or mode gets one of
// its own that leads there.
Result<void> RunMounts::add_ssh(const RunMountPlan& plan, const std::string& directory) {
  const auto agent = sources_.agents.find(plan.id);
  if (agent == sources_.agents.end()) {
    if (!plan.is_required) return {};
    return error(Code::InvalidArgument, "the agent '{}' is required, and was not given (--ssh {})",
                 printable(plan.id), printable(plan.id));
  }
  std::string socket = agent->second;
  const AgentListener::Access access{.uid = outside_of(material_.id_maps.uids, plan.uid),
                                     .gid = outside_of(material_.id_maps.gids, plan.gid),
                                     .mode = plan.mode.value_or(0600)};
  if (plan.mode || access.uid != 0 || access.gid != 0) {
    socket = fmt::format("{}/agent-{}", directory, mounts_.size());
    relays_.push_back(TRY(AgentListener::open(socket, access, relay_to_agent(agent->second))));
  }
  mounts_.push_back(bind_of(socket, plan.target, false));
  environment_.push_back("SSH_AUTH_SOCK=" + plan.target);
  return {};
}

}  // namespace gantry::build
