// SPDX-License-Identifier: Apache-2.0
//
// gantry version, laid out as docker's.
#include <sys/utsname.h>

#include <optional>

#include <fmt/format.h>

#include "cli/docker/document_format.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

// As Go calls it.
std::string architecture() {
  utsname names{};
  if (::uname(&names) != 0) return "";
  const std::string_view machine = names.machine;
  if (machine == "x86_64") return "amd64";
  return machine == "aarch64" ? "arm64" : std::string(machine);
}

std::string client_text(const std::string& api_version) {
  std::string text = "Client: Gantry\n";
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {:<18} {}\n", fmt::format("{}:", name), value);
  };
  line("Version", GANTRY_VERSION);
  line("API version", api_version);
  line("OS/Arch", "linux/" + architecture());
  line("Context", "default");
  return text;
}

std::string component_text(const json::Value& component) {
  std::string text = fmt::format(" {}:\n", text_in(component, "Name"));
  const auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<17} {}\n", fmt::format("{}:", name), value);
  };
  line("Version", text_in(component, "Version"));
  const auto details = component.find("Details");
  if (!details) return text;
  if (const std::string api = text_in(*details, "ApiVersion"); !api.empty())
    line("API version", fmt::format("{} (minimum version {})", api, text_in(*details, "MinAPIVersion")));
  line("Go version", text_in(*details, "GoVersion"));
  line("Git commit", text_in(*details, "GitCommit"));
  line("Built", text_in(*details, "BuildTime"));
  if (const std::string os = text_in(*details, "Os"); !os.empty())
    line("OS/Arch", fmt::format("{}/{}", os, text_in(*details, "Arch")));
  line("Experimental", text_in(*details, "Experimental"));
  return text;
}

std::string server_text(const json::Value& server) {
  const auto platform = server.find("Platform");
  std::string text = fmt::format("\nServer: {}\n", platform ? text_in(*platform, "Name") : "");
  const auto components = server.find("Components");
  for (std::size_t i = 0; components && i < components->size(); ++i)
    text += component_text(components->at(i));
  return text;
}

// Docker's templates say APIVersion where its JSON says ApiVersion.
enum class Reader : std::uint8_t { Json, Template };
std::string_view api_version_key(Reader reader) {
  return reader == Reader::Template ? "APIVersion" : "ApiVersion";
}

void write_server(json::Writer& writer, const json::Value& server, Reader reader) {
  writer.begin_object();
  for (std::size_t i = 0; i < server.size(); ++i) {
    const std::string_view key = server.key(i);
    writer.key(key == "ApiVersion" ? api_version_key(reader) : key).value(server.at(i));
  }
  writer.end_object();
}

// `server` null: it did not answer. Which version of the API is spoken is then not known either: it is the
// daemon's.
Result<json::Document> document_of(const json::Value* server, Reader reader) {
  json::Writer writer;
  writer.begin_object().key("Client").begin_object();
  writer.key("Version").value(GANTRY_VERSION);
  writer.key(api_version_key(reader)).value(server != nullptr ? text_in(*server, "ApiVersion") : "");
  writer.key("Os").value("linux").key("Arch").value(architecture()).key("Context").value("default");
  writer.end_object().key("Server");
  if (server != nullptr)
    write_server(writer, *server, reader);
  else
    writer.null();
  writer.end_object();
  return json::Document::parse(std::move(writer).text());
}

// As docker's: the command's own half is shown also where no daemon answers.
Result<int> version(Context& context, const DocumentFormat& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  Result<json::Document> answer = engine.get("/version");
  const std::optional<json::Value> server = answer ? std::optional(answer->root()) : std::nullopt;
  if (options.format.empty()) {
    TRY(print(client_text(server ? text_in(*server, "ApiVersion") : "")));
    if (server) TRY(print(server_text(*server)));
  } else {
    const Reader reader = options.format == "json" ? Reader::Json : Reader::Template;
    const json::Document whole = TRY(document_of(server ? &*server : nullptr, reader));
    TRY(print(TRY(formatted(whole.root(), options.format))));
  }
  if (!answer) return std::move(answer).error();
  return 0;
}

}  // namespace

const Verb kVersion =
    make_verb<DocumentFormat, version>("version", "", {0, 0}, "Show the versions of command and daemon");

}  // namespace gantry::cli::docker
