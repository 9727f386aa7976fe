// SPDX-License-Identifier: Apache-2.0
//
// gantry inspect, and the same of groups.
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/image_verbs.h"
#include "cli/docker/verbs.h"
#include "cli/template.h"

namespace gantry::cli::docker {
namespace {

struct InspectOptions {
  std::string format, type;
  bool size = false;

  std::vector<Option> table() {
    return {{'f', "format", "FORMAT", &format, "json, or a template: '{{.State.Status}}'"},
            {'s', "size", "", &size, "Show how much containers have written"},
            {0, "type", "TYPE", &type, "Only a container, image, network or volume of that name"}};
  }
};

struct PlainOptions {
  std::string format;
  std::vector<Option> table() {
    return {{'f', "format", "FORMAT", &format, "json, or a template: '{{.Name}}'"},
            {'v', "verbose", "", &verbose, ""}};
  }
  bool verbose = false;  // of clusters
};

struct SizeOptions {
  std::string format;
  bool size = false;
  std::vector<Option> table() {
    return {{'f', "format", "FORMAT", &format, "json, or a template: '{{.State.Status}}'"},
            {'s', "size", "", &size, "Show how much it has written"}};
  }
};

// A kind of things that have names.
struct Kind {
  std::string_view type;
  std::string_view path, suffix;
};
constexpr Kind kKinds[] = {{"container", "/containers/", "/json"},
                           {"image", "/images/", "/json"},
                           {"network", "/networks/", ""},
                           {"volume", "/volumes/", ""},
                           {"pod", "/gantry/v1/pods/", ""}};

using Found = Result<json::Document>;

Found inspect_one(EngineClient& engine, const Kind& kind, const std::string& name, bool size) {
  return engine.get(fmt::format("{}{}{}", kind.path, path_part(name), kind.suffix),
                    {{"size", size ? "1" : ""}});
}

// Of the first kind that knows the name.
Found inspect_any(EngineClient& engine, const std::string& type, const std::string& name, bool size) {
  for (const Kind& kind : kKinds) {
    if (!type.empty() && type != kind.type) continue;
    auto found = inspect_one(engine, kind, name, size && kind.type == "container");
    if (found || !type.empty() || found.error().code() != Code::NotFound) return found;
  }
  return error(Code::NotFound, "no such object: {}", name);
}

std::string all_json(const std::vector<json::Document>& documents, json::Style style) {
  json::Writer writer(style);
  writer.begin_array();
  for (const json::Document& document : documents) writer.value(document.root());
  writer.end_array();
  return std::move(writer).text() + "\n";
}

Result<std::string> text_of(const std::vector<json::Document>& documents, const std::string& format,
                            const Template& parsed) {
  if (format.empty()) return all_json(documents, json::Style::Indented);
  if (format == "json") return all_json(documents, json::Style::Compact);
  std::string text;
  for (const json::Document& document : documents) text += TRY(parsed.render(document.root())) + "\n";
  return text;
}

// What is there is shown, also when something else is not.
template <class Find>
Result<int> inspect_each(const Words& names, const std::string& format, Find find) {
  const auto parsed = Template::parse(format);
  if (!parsed) return failed(parsed.error(), kWrongTemplate);
  std::vector<json::Document> documents;
  std::string failures;
  for (const std::string& name : names) {
    auto document = find(name);
    if (document)
      documents.push_back(*std::move(document));
    else
      failures += document.error().message() + "\n";
  }
  if (!documents.empty() || format.empty()) TRY(print(TRY(text_of(documents, format, *parsed))));
  if (failures.empty()) return 0;
  TRY(write_all(STDERR_FILENO, failures, "standard error"));
  return 1;
}

Result<int> inspect(Context& context, const InspectOptions& options, const Words& names) {
  const bool is_kind =
      options.type.empty() || std::ranges::find(kKinds, options.type, &Kind::type) != std::end(kKinds);
  if (!is_kind) return error(Code::InvalidArgument, "'{}' is not a valid value for --type", options.type);
  EngineClient engine = TRY(EngineClient::of(context));
  return inspect_each(names, options.format, [&](const std::string& name) {
    return inspect_any(engine, options.type, name, options.size);
  });
}

Result<int> inspect_container(Context& context, const SizeOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return inspect_each(names, options.format, [&](const std::string& name) {
    return inspect_one(engine, kKinds[0], name, options.size);
  });
}

template <std::size_t kind>
Result<int> inspect_kind(Context& context, const PlainOptions& options, const Words& names) {
  EngineClient engine = TRY(EngineClient::of(context));
  return inspect_each(names, options.format, [&](const std::string& name) {
    return inspect_one(engine, kKinds[kind], name, false);
  });
}

}  // namespace

const Verb kInspectAny = make_verb<InspectOptions, inspect>(
    "inspect", "NAME [NAME...]", {1, kAny}, "Show all about containers, images, networks or volumes");
const Verb kInspectContainer = make_verb<SizeOptions, inspect_container>(
    "inspect", "CONTAINER [CONTAINER...]", {1, kAny}, "Show all about containers");
const Verb kRemoteInspectImage = make_verb<PlainOptions, inspect_kind<1>>("inspect", "IMAGE...", {1, kAny},
                                                                          "Show all about images, as JSON");
const Verb kInspectNetwork = make_verb<PlainOptions, inspect_kind<2>>("inspect", "NETWORK [NETWORK...]",
                                                                      {1, kAny}, "Show all about networks");
const Verb kInspectPod =
    make_verb<PlainOptions, inspect_kind<4>>("inspect", "POD [POD...]", {1, kAny}, "Show all about pods");
const Verb kInspectVolume = make_verb<PlainOptions, inspect_kind<3>>("inspect", "VOLUME [VOLUME...]",
                                                                     {1, kAny}, "Show all about volumes");

}  // namespace gantry::cli::docker
