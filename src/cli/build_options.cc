// SPDX-License-Identifier: Apache-2.0
#include "cli/build_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "build/context.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/values.h"
#include "oci/archive/compression.h"
#include "oci/image/reference.h"

namespace gantry::cli {

namespace {

bool is_image_name(std::string_view text) { return oci::Reference::parse(text).has_value(); }

}  // namespace

std::vector<Option> BuildOptions::table() {
  return {
      {'t', "tag", "NAME", &tags, "Name of the image; may be given several times", is_image_name},
      {'f', "file", "FILE", &file,
       "The Dockerfile (default: Dockerfile in the context); '-': standard input"},
      {0, "target", "STAGE", &target, "Build this stage"},
      {0, "build-arg", "NAME[=VALUE]", &arguments,
       "Value of an ARG; without a value that of the environment"},
      {0, "build-context", "NAME=VALUE", &contexts, "One more context: a directory, or docker-image://NAME"},
      {0, "label", "NAME=VALUE", &labels, "One more label of the image"},
      {0, "platform", "OS/ARCH", &platform, "What the image is for (default: this host)"},
      {0, "pull", "", &pull, "Ask the registry for newer base images"},
      {0, "no-cache", "", &no_cache, "Run every step again"},
      {0, "no-cache-filter", "STAGE", &no_cache_filter, "Run the steps of this stage again"},
      {0, "cache-from", "IMAGE", &cache_from,
       "Take steps also from this image; also type=registry,ref=IMAGE"},
      {0, "cache-to", "SPEC", &cache_to, "type=inline: the image carries it, as it always does"},
      {0, "secret", "SPEC", &secrets,
       "For RUN --mount=type=secret: id=NAME,src=FILE or id=NAME,env=VARIABLE"},
      {0, "ssh", "SPEC", &agents, "For RUN --mount=type=ssh: default, or ID=SOCKET"},
      {0, "network", "MODE", &network, "Network of RUN: default, none or host"},
      {0, "allow", "WHAT", &allow, "Let RUN ask for security.insecure or network.host"},
      {0, "add-host", "NAME:ADDRESS", &add_host, "One more name in RUN's /etc/hosts"},
      {0, "shm-size", "BYTES", &shm_size, "Size of RUN's /dev/shm"},
      {'m', "memory", "BYTES", &memory, "Memory that a RUN may use"},
      {0, "pids-limit", "COUNT", &pids_limit, "Processes that a RUN may have at once"},
      {0, "ulimit", "NAME=SOFT[:HARD]", &ulimit, "A limit of RUN's processes"},
      {0, "cgroup-parent", "PATH", &cgroup_parent, "The control group above those of RUN"},
      {'o', "output", "SPEC", &outputs,
       "type=local|tar|oci|docker,dest=PATH, or a directory (default: the store)"},
      {0, "check", "", &check, "Say what in the Dockerfile is better written otherwise, and build nothing"},
      {0, "progress", "FORM", &progress, "auto, plain, tty or none"},
      {'q', "quiet", "", &quiet, "Print the image's id alone"},
      {0, "iidfile", "FILE", &iidfile, "Write the image's id to this file"},
      {0, "metadata-file", "FILE", &metadata_file, "Write names and digests to this file, as JSON"},
      {0, "rm", "", &remove, ""},   // of docker's classic builder: nothing is left here in any case
      {0, "load", "", &load, ""}};  // of buildx: the image is in the store in any case
}

namespace {

using Pairs = std::map<std::string, std::string>;

// "id=x,src=y"
Result<Pairs> parse_pairs(const std::string& text, std::string_view option) {
  Pairs pairs;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string pair = text.substr(begin, end - begin);
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos)
      return error(Code::InvalidArgument, "option '--{}': '{}' is no NAME=VALUE", option, printable(pair));
    pairs[pair.substr(0, equals)] = pair.substr(equals + 1);
    begin = end + 1;
  }
  return pairs;
}

std::string take(Pairs& pairs, std::initializer_list<const char*> names) {
  std::string value;
  for (const char* name : names)
    if (const auto found = pairs.find(name); found != pairs.end()) {
      value = found->second;
      pairs.erase(found);
    }
  return value;
}

Result<void> add_argument(const std::string& text, build::BuildRequest& request) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty())
    return error(Code::InvalidArgument, "option '--build-arg': '{}' has no name", printable(text));
  if (equals != text.npos) {
    request.arguments[name] = text.substr(equals + 1);
  } else if (const char* value = std::getenv(name.c_str())) {
    request.arguments[name] = value;
  }
  return {};
}

Result<void> add_secret(const std::string& text, build::BuildRequest& request) {
  Pairs pairs = TRY(parse_pairs(text, "secret"));
  const std::string id = take(pairs, {"id"}), file = take(pairs, {"src", "source"}),
                    type = take(pairs, {"type"});
  std::string variable = take(pairs, {"env"});
  if (id.empty()) return error(Code::InvalidArgument, "option '--secret': '{}' has no id", printable(text));
  if (!pairs.empty())
    return error(Code::InvalidArgument, "option '--secret' has id, src and env, not '{}'",
                 printable(pairs.begin()->first));
  if (file.empty() && variable.empty()) variable = id;
  if (!file.empty())
    request.secrets[id] = [file] { return read_file(file, 500 << 10); };
  else
    request.secrets[id] = [variable]() -> Result<std::string> {
      const char* value = std::getenv(variable.c_str());
      if (value == nullptr) return error(Code::NotFound, "the environment has no '{}'", variable);
      return std::string(value);
    };
  return {};
}

// "NAME" or "type=registry,ref=NAME".
Result<void> add_cache(const std::string& text, build::BuildRequest& request) {
  if (text.find('=') == text.npos) {
    request.cache_from.push_back(text);
    return {};
  }
  Pairs pairs = TRY(parse_pairs(text, "cache-from"));
  const std::string type = take(pairs, {"type"}), image = take(pairs, {"ref"});
  if (type != "registry" || image.empty() || !pairs.empty())
    return error(Code::InvalidArgument,
                 "option '--cache-from' is an image that was built here, NAME or type=registry,ref=NAME, not "
                 "'{}'",
                 printable(text));
  request.cache_from.push_back(image);
  return {};
}

Result<void> check_cache_to(const std::string& text) {
  if (text == "inline" || text == "type=inline") return {};
  return error(Code::InvalidArgument,
               "option '--cache-to' is type=inline (push the image, and name it in --cache-from), not '{}'",
               printable(text));
}

Result<void> add_agent(const std::string& text, build::BuildRequest& request) {
  const std::size_t equals = text.find('=');
  if (equals != text.npos) {
    request.ssh[text.substr(0, equals)] = text.substr(equals + 1);
    return {};
  }
  const char* socket = std::getenv("SSH_AUTH_SOCK");
  if (socket == nullptr)
    return error(Code::InvalidArgument, "option '--ssh {}': SSH_AUTH_SOCK is not set", printable(text));
  request.ssh[text] = socket;
  return {};
}

Result<void> add_context(const std::string& text, build::BuildRequest& request) {
  constexpr std::string_view kImage = "docker-image://";
  const std::size_t equals = text.find('=');
  if (equals == text.npos || equals == 0)
    return error(Code::InvalidArgument, "option '--build-context': '{}' is no NAME=VALUE", printable(text));
  const std::string value = text.substr(equals + 1);
  build::NamedContext& context = request.named_contexts[text.substr(0, equals)];
  if (value.starts_with(kImage))
    context.image = value.substr(kImage.size());
  else if (build::is_git_url(value))
    context.files = TRY(build::git_context(value));
  else
    context.files = TRY(build::directory_context(value));
  return {};
}

Result<std::int64_t> parse_size(const std::string& text, std::string_view option) {
  const auto size = dockerfile::parse_bytes(text);
  if (!size)
    return error(Code::InvalidArgument, "option '--{}': '{}' is no size (64m, 1g)", option, printable(text));
  return static_cast<std::int64_t>(*size);
}

Result<container::Ulimit> parse_ulimit(const std::string& text) {
  const auto malformed = [&] {
    return error(Code::InvalidArgument, "option '--ulimit': '{}' is no NAME=SOFT[:HARD]", printable(text));
  };
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return malformed();
  const std::string limits = text.substr(equals + 1);
  const std::size_t colon = limits.find(':');
  const auto soft = dockerfile::parse_id(limits.substr(0, colon));
  const auto hard = colon == limits.npos ? soft : dockerfile::parse_id(limits.substr(colon + 1));
  if (!soft || !hard) return malformed();
  return container::Ulimit{text.substr(0, equals), *soft, *hard};
}

Result<void> set_limits(const BuildOptions& options, build::BuildRequest& request) {
  container::HostConfig& host = request.host_config;
  host.extra_hosts = options.add_host;
  host.cgroup_parent = options.cgroup_parent;
  host.pids_limit = options.pids_limit;
  if (!options.shm_size.empty()) host.shm_size = TRY(parse_size(options.shm_size, "shm-size"));
  if (!options.memory.empty()) host.memory = TRY(parse_size(options.memory, "memory"));
  for (const std::string& text : options.ulimit) host.ulimits.push_back(TRY(parse_ulimit(text)));
  return {};
}

// ---- the context

// What was read to see what it is, and then the rest.
class Rewound final : public ByteSource {
 public:
  Rewound(std::vector<std::byte> head, ByteSource& rest) : head_(std::move(head)), rest_(rest) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    if (at_ == head_.size()) return rest_.read(into);
    const std::size_t size = std::min(into.size(), head_.size() - at_);
    std::memcpy(into.data(), head_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  std::vector<std::byte> head_;
  std::size_t at_ = 0;
  ByteSource& rest_;
};

bool looks_like_tar(std::span<const std::byte> head) {
  constexpr std::size_t kMagic = 257;  // of a ustar header
  return oci::detect_compression(head) != oci::Compression::None ||
         (head.size() > kMagic + 5 && text_of(head.subspan(kMagic, 5)) == "ustar");
}

// Standard input is a tar, or the Dockerfile alone.
Result<void> read_input(PreparedBuild& prepared) {
  prepared.input_file = std::make_unique<FdSource>(STDIN_FILENO, "standard input");
  std::vector<std::byte> head(512);
  head.resize(TRY(read_fully(*prepared.input_file, head)));
  const bool is_tar = looks_like_tar(head);
  prepared.input = std::make_unique<Rewound>(std::move(head), *prepared.input_file);
  if (is_tar) {
    prepared.request.context = build::tar_context(*prepared.input);
    return {};
  }
  prepared.request.dockerfile_text =
      TRY(read_all(*prepared.input, "the Dockerfile", dockerfile::kMaxDockerfile));
  prepared.request.context = build::empty_context();
  return {};
}

Result<std::string> real_path(const std::string& path) {
  char buffer[PATH_MAX];
  if (::realpath(path.c_str(), buffer) == nullptr) return sys_error("find '{}'", path);
  return std::string(buffer);
}

// A Dockerfile outside of the context, or from standard input, is handed over as text.
Result<void> find_dockerfile(const BuildOptions& options, const std::string& directory,
                             build::BuildRequest& request) {
  if (options.file.empty()) return {};
  if (options.file == "-") {
    FdSource input(STDIN_FILENO, "standard input");
    request.dockerfile_text = TRY(read_all(input, "the Dockerfile", dockerfile::kMaxDockerfile));
    return {};
  }
  request.dockerfile = options.file;
  if (directory.empty()) return {};  // a path in a repository or a tar
  const std::string file = TRY(real_path(options.file)), top = TRY(real_path(directory));
  if (file.starts_with(top == "/" ? top : top + "/"))
    request.dockerfile = file.substr(top == "/" ? 1 : top.size() + 1);
  else
    request.dockerfile_text = TRY(read_file(file, dockerfile::kMaxDockerfile));
  return {};
}

Result<void> find_context(const BuildOptions& options, const std::string& where, PreparedBuild& prepared) {
  build::BuildRequest& request = prepared.request;
  if (where == "-") {
    if (options.file == "-")
      return error(Code::InvalidArgument, "context and Dockerfile cannot both come from standard input");
    TRY(find_dockerfile(options, "", request));
    return read_input(prepared);
  }
  if (build::is_git_url(where)) {
    request.context = TRY(build::git_context(where));
    return find_dockerfile(options, "", request);
  }
  request.context = TRY_DURING(build::directory_context(where), "context");
  return find_dockerfile(options, where, request);
}

}  // namespace

Result<BuildOutput> parse_output(const std::string& text) {
  using Kind = BuildOutput::Kind;
  if (text == "-") return BuildOutput{Kind::Tar, "-"};
  if (text.find('=') == text.npos) return BuildOutput{Kind::Directory, text};
  Pairs pairs = TRY(parse_pairs(text, "output"));
  const std::string type = take(pairs, {"type"});
  BuildOutput output{.destination = take(pairs, {"dest"})};
  if (type == "local")
    output.kind = Kind::Directory;
  else if (type == "tar")
    output.kind = Kind::Tar;
  else if (type == "oci")
    output.kind = Kind::OciArchive;
  else if (type == "docker" && !output.destination.empty())
    output.kind = Kind::DockerArchive;
  else if (type == "cacheonly")
    output.kind = Kind::None;
  else if (type != "image" && type != "docker")
    return error(Code::InvalidArgument,
                 "option '--output': type is image, docker, oci, tar, local or cacheonly, not '{}'",
                 printable(type));
  const bool needs_path = output.kind != Kind::Image && output.kind != Kind::None;
  if (needs_path && output.destination.empty())
    return error(Code::InvalidArgument, "option '--output': type={} needs dest=PATH", type);
  return output;
}

Result<PreparedBuild> prepare_build(const BuildOptions& options, const std::string& where) {
  PreparedBuild prepared;
  build::BuildRequest& request = prepared.request;
  request.target = options.target;
  request.pull = options.pull;
  request.no_cache = options.no_cache;
  request.uncached_stages = options.no_cache_filter;
  for (const std::string& text : options.cache_from) TRY(add_cache(text, request));
  for (const std::string& text : options.cache_to) TRY(check_cache_to(text));
  request.network = options.network;
  request.names = options.tags;
  if (!options.platform.empty()) request.platform = TRY(oci::Platform::parse(options.platform));
  for (const std::string& text : options.arguments) TRY(add_argument(text, request));
  for (const std::string& text : options.secrets) TRY(add_secret(text, request));
  for (const std::string& text : options.agents) TRY(add_agent(text, request));
  for (const std::string& text : options.contexts) TRY(add_context(text, request));
  for (const std::string& text : options.labels) {
    const std::size_t equals = std::min(text.find('='), text.size());
    request.labels[text.substr(0, equals)] = text.substr(std::min(equals + 1, text.size()));
  }
  for (const std::string& text : options.allow) {
    if (text != "security.insecure" && text != "network.host")
      return error(Code::InvalidArgument, "option '--allow' is security.insecure or network.host, not '{}'",
                   printable(text));
    (text == "network.host" ? request.may_use_host_network : request.may_be_insecure) = true;
  }
  TRY(set_limits(options, request));
  TRY(find_context(options, where, prepared));
  return prepared;
}

}  // namespace gantry::cli
