// SPDX-License-Identifier: Apache-2.0
#include "buildkit/build_request.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/mutex.h"
#include "base/random.h"
#include "base/split.h"
#include "buildkit/message.h"
#include "buildkit/session_context.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kUploadHost = "http://buildkit-session/";
constexpr std::size_t kMostDockerfile = 16 << 20;

std::string_view get(const StringMap& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string_view() : found->second;
}

template <class Integer>
Result<Integer> parse_number(std::string_view key, std::string_view text) {
  Integer number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size())
    return error(Code::InvalidArgument, "build attribute '{}': '{}' is not a number", key, text);
  return number;
}

// "nofile=1024:2048"
Result<container::Ulimit> parse_ulimit(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return error(Code::InvalidArgument, "build attribute 'ulimit': '{}' is not NAME=SOFT:HARD", text);
  const std::string_view limits = text.substr(equals + 1);
  const std::size_t colon = limits.find(':');
  container::Ulimit ulimit{.name = std::string(text.substr(0, equals))};
  ulimit.soft = TRY(parse_number<std::int64_t>("ulimit", limits.substr(0, colon)));
  ulimit.hard = colon == std::string_view::npos
                    ? ulimit.soft
                    : TRY(parse_number<std::int64_t>("ulimit", limits.substr(colon + 1)));
  return ulimit;
}

class Preparation {
 public:
  Preparation(const StringMap& attributes, const SolveOrder& order, const BuildPlaces& places)
      : attributes_(attributes), order_(order), places_(places) {}

  Result<PreparedBuild> run(std::shared_ptr<Session> session) {
    build_.session = std::move(session);
    TRY(refuse());
    for (const auto& [key, value] : attributes_) TRY(apply(key, value));
    TRY(set_context());
    ask_the_client();
    build::BuildRequest& request = build_.request;
    request.cache_from.insert(request.cache_from.end(), order_.cache_from.begin(), order_.cache_from.end());
    request.may_be_insecure = is_entitled("security.insecure");
    request.may_use_host_network = is_entitled("network.host");
    return std::move(build_);
  }

 private:
  bool is_entitled(std::string_view to) const {
    return std::ranges::find(order_.entitlements, to) != order_.entitlements.end();
  }

  Result<void> refuse() const {
    const std::string_view platform = get(attributes_, "platform");
    if (platform.find(',') != std::string_view::npos)
      return error(Code::Unsupported, "one platform at a time can be built, not '{}'", platform);
    for (const auto& [key, value] : attributes_)
      if (key.starts_with("attest:") && value.find("disabled=true") == std::string::npos)
        return error(Code::Unsupported,
                     "attestations are not supported ('{}'): use --provenance=false --sbom=false", key);
    return {};
  }

  Result<void> apply(const std::string& key, const std::string& value) {
    build::BuildRequest& request = build_.request;
    if (key == "filename") {
      request.dockerfile = value;
    } else if (key == "target") {
      request.target = value;
    } else if (key == "no-cache") {
      request.no_cache = value.empty();
      const auto stages = split_words(value, ',');
      request.uncached_stages.assign(stages.begin(), stages.end());
    } else if (key == "platform") {
      request.platform = TRY(oci::Platform::parse(value));
    } else if (key == "image-resolve-mode") {
      request.pull = value == "pull";
    } else if (key == "force-network-mode") {
      request.network = value == "sandbox" ? "" : value;
    } else if (key == "add-hosts") {
      // "name=address" on the wire, "name:address" as settings have it.
      for (const std::string_view word : split_words(value, ',')) {
        std::string host(word);
        const std::size_t equals = host.find('=');
        if (equals != std::string::npos) host[equals] = ':';
        request.host_config.extra_hosts.push_back(std::move(host));
      }
    } else if (key == "shm-size") {
      request.host_config.shm_size = TRY(parse_number<std::int64_t>(key, value));
    } else if (key == "ulimit") {
      for (const std::string_view limit : split_words(value, ','))
        request.host_config.ulimits.push_back(TRY(parse_ulimit(limit)));
    } else if (key == "cgroup-parent") {
      request.host_config.cgroup_parent = value;
    } else if (key == "cache-from") {
      const auto names = split_words(value, ',');
      request.cache_from.assign(names.begin(), names.end());
    } else if (key.starts_with("build-arg:")) {
      request.arguments.emplace(key.substr(key.find(':') + 1), value);
    } else if (key.starts_with("label:")) {
      request.labels.emplace(key.substr(key.find(':') + 1), value);
    } else if (key.starts_with("context:")) {
      TRY(add_named_context(key.substr(key.find(':') + 1), value));
    }
    return {};
  }

  SessionFiles client_files(std::string name) const {
    SessionFiles files{.session = build_.session, .name = std::move(name), .kept = places_.kept};
    files.dockerfile = get(attributes_, "filename").empty() ? "Dockerfile" : get(attributes_, "filename");
    const std::string_view key = get(attributes_, "dockerfilekey");
    if (!key.empty()) files.dockerfile_name = key;
    return files;
  }

  Result<void> need_session(std::string_view what) const {
    if (build_.session) return {};
    return error(Code::InvalidArgument, "{} needs a session with the client, and the build has none", what);
  }

  Result<void> add_named_context(std::string name, const std::string& value) {
    build::NamedContext& context = build_.request.named_contexts[name];
    constexpr std::string_view kImage = "docker-image://";
    constexpr std::string_view kLocal = "local:";
    constexpr std::string_view kInput = "input:";
    if (value.starts_with(kImage)) {
      context.image = value.substr(kImage.size());
    } else if (value.starts_with(kLocal)) {
      TRY(need_session("a context of the client's files"));
      context.files = session_context(client_files(value.substr(kLocal.size())));
    } else if (value.starts_with(kInput)) {
      const auto input = places_.inputs.find(value.substr(kInput.size()));
      if (input == places_.inputs.end())
        return error(Code::InvalidArgument, "the context '{}={}' is not among the build's inputs", name,
                     value);
      context.stage = input->second;
    } else if (build::is_git_url(value)) {
      context.files = TRY(build::git_context(value));
    } else {
      return error(Code::Unsupported, "the context '{}={}' is of no kind that is supported", name, value);
    }
    return {};
  }

  Result<void> set_context() {
    if (places_.upload != nullptr) {
      build_.request.context = build::tar_context(*places_.upload);
      return {};
    }
    const std::string_view where = get(attributes_, "context");
    if (where.empty() || where == "local") {
      TRY(need_session("a context of the client's files"));
      const std::string_view key = get(attributes_, "contextkey");
      build_.request.context = session_context(client_files(key.empty() ? "context" : std::string(key)));
      return {};
    }
    if (where.starts_with(kUploadHost)) {
      TRY(need_session("an uploaded context"));
      build_.upload = TRY(UploadSource::open(*build_.session, where));
      build_.request.context = build::tar_context(*build_.upload);
    } else if (build::is_git_url(where)) {
      build_.request.context = TRY(build::git_context(where));
    } else {
      return error(Code::Unsupported, "the context '{}' is of no kind that is supported", where);
    }
    // A Dockerfile of the client's for a context from elsewhere.
    const std::string key(get(attributes_, "dockerfilekey"));
    if (key.empty()) return {};
    TRY(need_session("a Dockerfile of the client"));
    build_.request.dockerfile_text = TRY(read_client_file(*build_.session, key, build_.request.dockerfile,
                                                          places_.kept + "/scratch", kMostDockerfile));
    if (!build_.request.dockerfile_text)
      return error(Code::NotFound, "the client has no '{}'", build_.request.dockerfile);
    return {};
  }

  // What only the client knows is asked for when a step needs it.
  void ask_the_client() {
    if (!build_.session) return;
    constexpr std::string_view kGetSecret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
    constexpr std::string_view kCredentials = "/moby.filesync.v1.Auth/Credentials";
    const std::shared_ptr<Session> session = build_.session;
    build_.request.find_secret = [session](const std::string& id) -> Result<std::optional<std::string>> {
      if (!session->offers(kGetSecret)) return std::optional<std::string>();
      pb::GetSecretRequest request;
      request.set_id(id);
      auto answer = ask<pb::GetSecretResponse>(session->connection(), kGetSecret, request);
      if (answer) return std::optional(std::move(*answer->mutable_data()));
      if (answer.error().code() == Code::NotFound) return std::optional<std::string>();
      return std::move(answer).error().during(fmt::format("ask the client for the secret '{}'", id));
    };
    build_.request.find_credentials =
        [session](const std::string& registry) -> Result<std::optional<image::Credentials>> {
      if (!session->offers(kCredentials)) return std::optional<image::Credentials>();
      pb::CredentialsRequest request;
      request.set_host(registry == "docker.io" ? "registry-1.docker.io" : registry);
      const auto answer =
          TRY_DURING(ask<pb::CredentialsResponse>(session->connection(), kCredentials, request),
                     "ask the client for credentials of '{}'", registry);
      if (answer.secret().empty()) return std::optional<image::Credentials>();
      if (answer.username().empty())
        return std::optional(image::Credentials{.identity_token = answer.secret()});
      return std::optional(image::Credentials{.username = answer.username(), .password = answer.secret()});
    };
    build_.agents = std::make_shared<std::map<std::string, std::unique_ptr<build::AgentListener>>>();
    build_.request.find_agent =
        [session, agents = build_.agents, mutex = std::make_shared<Mutex>(),
         run = places_.run](const std::string& id) -> Result<std::optional<std::string>> {
      const MutexLock lock(*mutex);
      const auto found = agents->find(id);
      if (found != agents->end()) return std::optional(found->second->path());
      auto forward = forward_agent(session, id, run + "/agent-" + random_hex(8));
      if (!forward && forward.error().code() == Code::NotFound) return std::optional<std::string>();
      if (!forward) return std::move(forward).error();
      return std::optional(agents->emplace(id, *std::move(forward)).first->second->path());
    };
  }

  const StringMap& attributes_;
  const SolveOrder& order_;
  const BuildPlaces& places_;
  PreparedBuild build_;
};

}  // namespace

Result<PreparedBuild> prepare_build(const StringMap& attributes, const SolveOrder& order,
                                    std::shared_ptr<Session> session, const BuildPlaces& places) {
  return Preparation(attributes, order, places).run(std::move(session));
}

}  // namespace gantry::buildkit
