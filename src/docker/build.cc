// SPDX-License-Identifier: Apache-2.0
//
// POST /build, as docker's classic builder has it, and what is kept between builds. With version=2 it is
// another thing: build_session.h.
#include <charconv>

#include <fmt/format.h>

#include "base/json_codec.h"
#include "base/timestamp.h"
#include "build/builder.h"
#include "buildkit/buildkit.h"
#include "docker/build_session.h"
#include "docker/build_transcript.h"
#include "docker/call.h"
#include "docker/client_watch.h"
#include "docker/endpoints.h"
#include "docker/filters.h"
#include "docker/image_events.h"
#include "docker/message_stream.h"
#include "docker/time_parameter.h"
#include "dockerfile/dockerfile.h"
#include "engine/engine.h"
#include "http/client.h"
#include "oci/image/reference.h"

namespace gantry::docker {
namespace {

// ---- What is to be built

// Those without a value are for builders that ask the client's environment.
Result<std::map<std::string, std::string>> build_arguments(const Call& call) {
  using Given = std::map<std::string, std::optional<std::string>>;
  std::map<std::string, std::string> arguments;
  for (auto& [name, value] : TRY(call.json<Given>("buildargs")))
    if (value) arguments.emplace(name, *std::move(value));
  return arguments;
}

Result<std::vector<std::string>> names_of(const Call& call) {
  std::vector<std::string> names;
  for (const std::string_view text : call.query.all("t")) {
    if (text.empty()) continue;
    const auto name = TRY_DURING(oci::Reference::parse(text), "invalid reference format");
    if (name.digest())
      return error(Code::InvalidArgument, "invalid tag '{}': a built image cannot have a digest", text);
    names.push_back(name.str());
  }
  return names;
}

Result<container::HostConfig> limits_of(const Call& call, const container::HostDefaults& defaults) {
  container::HostConfig limits;
  if (const std::string ulimits = call.text("ulimits"); !ulimits.empty()) {
    const json::Document document =
        TRY_DURING(json::Document::parse(fmt::format(R"({{"Ulimits":{}}})", ulimits)), "parameter 'ulimits'");
    TRY(json::decode_into(limits, document.root()));
  }
  limits.memory = TRY(call.number("memory")).value_or(0);
  limits.memory_swap = TRY(call.number("memswap")).value_or(0);
  limits.cpu_shares = TRY(call.number("cpushares")).value_or(0);
  limits.cpu_period = TRY(call.number("cpuperiod")).value_or(0);
  limits.cpu_quota = TRY(call.number("cpuquota")).value_or(0);
  limits.shm_size = TRY(call.number("shmsize")).value_or(0);
  limits.cpuset_cpus = call.text("cpusetcpus");
  limits.cpuset_mems = call.text("cpusetmems");
  limits.cgroup_parent = call.text("cgroupparent");
  if (limits.cgroup_parent.empty()) limits.cgroup_parent = defaults.cgroup_parent;
  for (const std::string_view host : call.query.all("extrahosts")) limits.extra_hosts.emplace_back(host);
  return limits;
}

Result<void> check_is_possible(const Call& call) {
  if (call.flag("squash"))
    return error(Code::InvalidArgument, "squash is only supported with experimental mode");
  if (!call.text("outputs").empty())
    return error(Code::InvalidArgument, "the classic builder makes images only: 'outputs' is for BuildKit");
  return {};
}

Result<build::BuildRequest> request_of(const Context& context, const Call& call) {
  build::BuildRequest request;
  if (std::string file = call.text("dockerfile"); !file.empty()) request.dockerfile = std::move(file);
  request.names = TRY(names_of(call));
  request.target = call.text("target");
  request.arguments = TRY(build_arguments(call));
  request.labels = TRY((call.json<std::map<std::string, std::string>>("labels")));
  request.cache_from = TRY(call.json<std::vector<std::string>>("cachefrom"));
  if (const std::string platform = call.text("platform"); !platform.empty())
    request.platform = TRY(oci::Platform::parse(platform));
  request.pull = call.flag("pull");
  request.no_cache = call.flag("nocache");
  request.network = call.text("networkmode");
  request.host_config = TRY(limits_of(call, context.engine.options().defaults));
  const auto logins =
      TRY(image::parse_registry_config(call.request.headers().get_or("X-Registry-Config", "")));
  request.credentials = logins.all();
  return request;
}

// ---- Where its files come from

// A context that is fetched: a tar, or a Dockerfile alone where the server says that it is text.
class FetchedContext {
 public:
  static Result<FetchedContext> open(const std::string& address) {
    http::Client client(TRY(http::ClientOptions::from_environment()));
    http::ClientResponse response = TRY(client.send({.url = TRY(http::Url::parse(address))}));
    if (!response.is_success())
      return error(http::code_of_status(response.status()), "fetch '{}': status {}", address,
                   response.status());
    return FetchedContext(std::move(response));
  }

  Result<void> give_to(build::BuildRequest& request) {
    if (!response_.headers().get_or("Content-Type", "").starts_with("text/")) {
      request.context = build::tar_context(response_.body());
      return {};
    }
    request.dockerfile_text = TRY(response_.read_body(dockerfile::kMaxDockerfile));
    request.context = build::empty_context();
    return {};
  }

 private:
  explicit FetchedContext(http::ClientResponse response) : response_(std::move(response)) {}
  http::ClientResponse response_;
};

// ---- POST /build

// Of the RUN that has failed: docker's command ends with it. build/builder.h says how the sentence ends.
int exit_code_of(const Error& failure) {
  constexpr std::string_view kEnd = "exit code: ";
  const std::string& text = failure.message();
  const std::size_t at = text.rfind(kEnd);
  int code = 0;
  if (failure.code() == Code::Internal && at != text.npos)
    (void)std::from_chars(text.data() + at + kEnd.size(), text.data() + text.size(), code);
  return code;
}

class Build {
 public:
  Build(const Context& context, Call& call)
      : context_(context),
        call_(call),
        is_quiet_(call.flag("q")),
        messages_(call.response, [this] { give_up(); }) {}

  Result<void> run() {
    TRY(check_is_possible(call_));
    build::BuildRequest request = TRY(request_of(context_, call_));
    request.cancel = &cancel_;
    const std::string remote = call_.text("remote");
    if (remote.empty() || remote == "client-session") {
      request.context = build::tar_context(call_.request.body());
      return finish(build(request));
    }
    if (build::is_git_url(remote)) {
      request.context = TRY(build::git_context(remote));
      return finish(build(request));
    }
    FetchedContext fetched = TRY(FetchedContext::open(remote));
    TRY(fetched.give_to(request));
    return finish(build(request));
  }

 private:
  Result<void> finish(Result<void> built) {
    const int exit_code = built ? 0 : exit_code_of(built.error());
    return messages_.finish(std::move(built), exit_code);
  }

  Result<void> build(const build::BuildRequest& request) {
    const auto watch = TRY(ClientWatch::start(call_.response, [this] { give_up(); }));
    BuildTranscript transcript(messages_, is_quiet_ ? Verbosity::Quiet : Verbosity::Full);
    auto result = context_.builder.build(request, transcript);
    transcript.end();
    if (!result) return std::move(result).error();
    tell(*result);
    return {};
  }

  void tell(const build::BuildResult& result) {
    json::Writer id;
    id.begin_object().key("ID").value(result.image.str()).end_object();
    messages_.aux(std::move(id).text());
    if (is_quiet_) {
      messages_.stream(result.image.str() + "\n");
    } else {
      messages_.stream(fmt::format("Successfully built {}\n", result.image.hex().substr(0, 12)));
    }
    const auto image = context_.images.image(result.image);
    for (const std::string& name : result.names) {
      const auto reference = oci::Reference::parse(name);
      const std::string familiar = reference ? reference->familiar() : name;
      if (!is_quiet_) messages_.stream(fmt::format("Successfully tagged {}\n", familiar));
      if (image && *image) publish_image_event(context_, "tag", **image, familiar);
    }
  }

  void give_up() { cancel_.cancel("the client has gone"); }

  const Context& context_;
  Call& call_;
  const bool is_quiet_;
  build::Cancel cancel_;
  MessageStream messages_;
};

Result<void> build(const Context& context, Call& call) {
  if (call.text("version") == "2") return build_by_session(context, call);
  return Build(context, call).run();
}

// POST /build/cancel: of those that have a build id.
Result<void> cancel(const Context& context, Call& call) {
  TRY(context.buildkit.cancel(call.text("id")));
  return call.send(204);
}

// ---- POST /build/prune

struct Pruned {
  std::vector<std::string> caches;
  std::uint64_t bytes = 0;
};

void fields(json::Fields& f, Pruned& pruned) {
  f("CachesDeleted", pruned.caches, json::Presence::Always);
  f("SpaceReclaimed", pruned.bytes, json::Presence::Always);
}

Result<std::map<std::string, build::CacheRecord>> records_by_key(const build::Builder& builder) {
  std::map<std::string, build::CacheRecord> records;
  for (build::CacheRecord& record : TRY(builder.cache())) records.emplace(record.key, std::move(record));
  return records;
}

Result<void> prune(const Context& context, Call& call) {
  const Filters filters = TRY(Filters::parse(call.text("filters"), {"until", "unused-for"}));
  build::PruneOptions options;
  for (const std::string_view key : {"until", "unused-for"})
    if (filters.has(key))
      options.unused_since = TRY(parse_time(filters.values(key).front(), wall_clock_ns()));
  if (TRY(call.number("min-free-space")).value_or(0) > 0)
    return error(Code::Unsupported, "min-free-space is not supported: max-used-space and reserved-space are");
  for (const std::string_view name : {"keep-storage", "max-used-space", "reserved-space"})
    if (const auto bytes = TRY(call.number(name)); bytes && *bytes > 0)
      options.keep_bytes = static_cast<std::uint64_t>(*bytes);

  const auto before = TRY(records_by_key(context.builder));
  Pruned pruned;
  pruned.bytes = TRY(context.builder.prune(options));
  const auto after = TRY(records_by_key(context.builder));
  for (const auto& [key, record] : before)
    if (!after.contains(key)) pruned.caches.push_back(key);
  return call.send_object(pruned);
}

}  // namespace

std::span<const Route> build_routes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/build", build},
      {"POST", "/build/cancel", cancel},
      {"POST", "/build/prune", prune},
  };
  return kRoutes;
}

}  // namespace gantry::docker
