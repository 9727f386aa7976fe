// SPDX-License-Identifier: Apache-2.0
#include "docker/build_session.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "buildkit/buildkit.h"
#include "docker/client_watch.h"
#include "docker/image_events.h"
#include "docker/message_stream.h"
#include "image/image_store.h"
#include "oci/image/reference.h"

namespace gantry::docker {

struct BuildOutput {
  std::string type;
  std::map<std::string, std::string> attrs;
};
static void fields(json::Fields& f, BuildOutput& output) {
  f("Type", output.type);
  f("Attrs", output.attrs);
}

struct BuildUlimit {
  std::string name;
  std::int64_t soft = 0, hard = 0;
};
static void fields(json::Fields& f, BuildUlimit& ulimit) {
  f("Name", ulimit.name);
  f("Soft", ulimit.soft);
  f("Hard", ulimit.hard);
}

namespace {

// What a build id begins with whose request brings a context, and what stands for such a context.
constexpr std::string_view kUpload = "upload-request";
constexpr std::string_view kClient = "client-session";

template <class Words>
std::string joined(const Words& words) {
  return fmt::format("{}", fmt::join(words, ","));
}

// The names of an image, in the form that the exporter takes them.
Result<std::string> names_of(const Call& call) {
  std::vector<std::string> names;
  for (const std::string_view text : call.query.all("t")) {
    if (text.empty()) continue;
    names.push_back(TRY_DURING(oci::Reference::parse(text), "invalid reference format").str());
  }
  return joined(names);
}

Result<std::vector<buildkit::ExporterRequest>> exporters_of(const Call& call) {
  const auto outputs = TRY(call.json<std::vector<BuildOutput>>("outputs"));
  if (outputs.size() > 1) return error(Code::InvalidArgument, "multiple outputs not supported");
  std::vector<buildkit::ExporterRequest> exporters;
  if (outputs.empty()) {
    exporters.push_back({.type = "moby"});
    exporters[0].attrs["name"] = TRY(names_of(call));
  } else if (outputs[0].type != "cacheonly") {
    const bool is_image = outputs[0].type == "image";
    exporters.push_back({.type = is_image ? "moby" : outputs[0].type, .attrs = outputs[0].attrs});
    exporters[0].attrs.try_emplace("name", TRY(names_of(call)));
  }
  return exporters;
}

// Attributes of the front end that are there only if the client said something.
Result<buildkit::StringMap> attributes_of(const Call& call) {
  buildkit::StringMap attributes;
  const auto copy = [&](const char* parameter, const char* attribute) {
    if (std::string text = call.text(parameter); !text.empty()) attributes[attribute] = std::move(text);
  };
  copy("dockerfile", "filename");
  copy("target", "target");
  copy("platform", "platform");
  copy("cgroupparent", "cgroup-parent");
  if (const auto size = TRY(call.number("shmsize")); size && *size > 0) copy("shmsize", "shm-size");
  if (const std::string mode = call.text("networkmode"); !mode.empty() && mode != "default")
    attributes["force-network-mode"] = mode;
  if (call.flag("nocache")) attributes["no-cache"] = "";
  if (call.flag("pull")) attributes["image-resolve-mode"] = "pull";
  if (const std::string remote = call.text("remote"); remote != kClient && remote != kUpload)
    attributes["context"] = remote;

  std::vector<std::string> hosts;
  for (const std::string_view host : call.query.all("extrahosts")) {
    // The first colon ends the name; an address may have more.
    std::string text(host);
    if (const std::size_t colon = text.find(':'); colon != text.npos) text[colon] = '=';
    hosts.push_back(std::move(text));
  }
  if (!hosts.empty()) attributes["add-hosts"] = joined(hosts);
  std::vector<std::string> ulimits;
  for (const BuildUlimit& limit : TRY(call.json<std::vector<BuildUlimit>>("ulimits")))
    ulimits.push_back(fmt::format("{}={}:{}", limit.name, limit.soft, limit.hard));
  if (!ulimits.empty()) attributes["ulimit"] = joined(ulimits);

  using Given = std::map<std::string, std::optional<std::string>>;
  for (auto& [name, value] : TRY(call.json<Given>("buildargs")))
    if (value) attributes["build-arg:" + name] = *std::move(value);
  for (auto& [name, value] : TRY((call.json<std::map<std::string, std::string>>("labels"))))
    attributes["label:" + name] = std::move(value);
  return attributes;
}

Result<buildkit::SolveOrder> order_of(const Call& call) {
  buildkit::SolveOrder order{
      .ref = call.text("buildid"), .session = call.text("session"), .frontend = "dockerfile.v0"};
  order.frontend_attrs = TRY(attributes_of(call));
  order.exporters = TRY(exporters_of(call));
  order.cache_from = TRY(call.json<std::vector<std::string>>("cachefrom"));
  if (order.ref.empty()) return error(Code::InvalidArgument, "a build with version=2 needs a 'buildid'");
  if (call.flag("squash"))
    return error(Code::InvalidArgument, "squash is only supported with experimental mode");
  if (call.text("networkmode") == "host") order.entitlements.emplace_back("network.host");
  return order;
}

void tell_image(const Context& context, const std::string& id, const std::string& names,
                MessageStream& messages) {
  json::Writer json;
  json.begin_object().key("ID").value(id).end_object();
  messages.aux(std::move(json).text(), "moby.image.id");
  const auto image = context.images.resolve(id);
  if (!image || names.empty()) return;
  for (const image::Image::Name& name : image->names)
    if (const auto reference = oci::Reference::parse(name.name))
      if (("," + names + ",").find("," + name.name + ",") != std::string::npos)
        publish_image_event(context, "tag", *image, reference->familiar());
}

}  // namespace

Result<void> build_by_session(const Context& context, Call& call) {
  const std::string id = call.text("buildid");
  if (id.starts_with(kUpload)) {
    TRY(context.buildkit.upload(id.substr(std::min(id.size(), kUpload.size() + 1)), call.request.body()));
    return call.send(200);
  }
  buildkit::SolveOrder order = TRY(order_of(call));
  const auto give_up = [&context, id] {
    (void)context.buildkit.cancel(id);  // it may have ended just now
  };
  MessageStream messages(call.response, give_up);
  const auto watch = TRY(ClientWatch::start(call.response, give_up));
  auto built =
      context.buildkit.build({.order = std::move(order),
                              .has_upload = call.text("remote") == kUpload,
                              .on_status = [&messages](std::string_view status) -> Result<void> {
                                messages.aux(fmt::format("\"{}\"", to_base64(status)), "moby.buildkit.trace");
                                return {};
                              }});
  if (!built) return messages.finish(std::move(built).error());
  if (const auto image = built->find("containerimage.config.digest"); image != built->end())
    tell_image(context, image->second, (*built)["image.name"], messages);
  return messages.finish({});
}

}  // namespace gantry::docker
