// SPDX-License-Identifier: Apache-2.0
#include "buildkit/subrequest.h"

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/table.h"
#include "build/inspection.h"

namespace gantry::buildkit {
namespace {

using build::Inspection;
using build::Outline;
using dockerfile::LineRange;

constexpr std::string_view kVersion = "1.0.0";  // of every form here

void write_location(json::Writer& json, LineRange lines) {
  json.key("location").begin_object().key("ranges").begin_array().begin_object();
  json.key("start").begin_object().key("line").value(lines.first).key("character").value(0).end_object();
  json.key("end").begin_object().key("line").value(lines.last).key("character").value(0).end_object();
  json.end_object().end_array().end_object();
}

void write_sources(json::Writer& json, const Inspection& inspection) {
  json.key("sources").begin_array().value(to_base64(inspection.text())).end_array();
}

StringMap answer(json::Writer json, std::string text) {
  return {{"result.json", std::move(json).text()},
          {"result.txt", std::move(text)},
          {"version", std::string(kVersion)}};
}

// ---- frontend.targets

StringMap answer_targets(const Inspection& inspection) {
  json::Writer json(json::Style::Indented);
  Table table({"TARGET", "DESCRIPTION"});
  json.begin_object().key("targets").begin_array();
  for (const build::TargetDescription& target : inspection.targets()) {
    json.begin_object();
    if (!target.name.empty()) json.key("name").value(target.name);
    if (target.is_default) json.key("default").value(true);
    json.key("base").value(target.base);
    write_location(json, target.lines);
    json.end_object();
    const std::string name = target.name.empty() && target.is_default ? "(default)" : target.name;
    table.add({target.is_default && !target.name.empty() ? name + " (default)" : name, ""});
  }
  json.end_array();
  write_sources(json, inspection);
  json.end_object();
  return answer(std::move(json), table.text());
}

// ---- frontend.outline

void write_needs(json::Writer& json, std::string_view key, std::string_view id,
                 const std::vector<Outline::Need>& needs) {
  if (needs.empty()) return;
  json.key(key).begin_array();
  for (const Outline::Need& need : needs) {
    json.begin_object().key(id).value(need.id);
    if (need.is_required) json.key("required").value(true);
    write_location(json, need.lines);
    json.end_object();
  }
  json.end_array();
}

std::string needs_text(const char* title, const std::vector<Outline::Need>& needs) {
  if (needs.empty()) return "";
  Table table({title, "REQUIRED"});
  for (const Outline::Need& need : needs) table.add({need.id, need.is_required ? "true" : ""});
  return "\n" + table.text();
}

StringMap answer_outline(const Inspection& inspection) {
  const Outline outline = inspection.outline();
  json::Writer json(json::Style::Indented);
  json.begin_object();
  if (!outline.target.empty()) json.key("name").value(outline.target);
  std::string text = outline.target.empty() ? "" : fmt::format("TARGET: {}\n\n", outline.target);
  if (!outline.arguments.empty()) {
    Table table({"BUILD ARG", "VALUE", "DESCRIPTION"});
    json.key("args").begin_array();
    for (const Outline::Argument& argument : outline.arguments) {
      json.begin_object().key("name").value(argument.name);
      if (argument.value) json.key("value").value(*argument.value);
      write_location(json, argument.lines);
      json.end_object();
      table.add({argument.name, argument.value.value_or(""), ""});
    }
    json.end_array();
    text += table.text();
  }
  write_needs(json, "secrets", "name", outline.secrets);
  write_needs(json, "ssh", "name", outline.agents);
  write_needs(json, "cache", "ID", outline.caches);
  write_sources(json, inspection);
  json.end_object();
  return answer(std::move(json),
                text + needs_text("SECRET", outline.secrets) + needs_text("SSH", outline.agents));
}

// ---- frontend.lint

// Of somebody else's document, so both of our words in the fields that it has.
void write_warning(json::Writer& json, const dockerfile::Warning& warning) {
  json.begin_object().key("ruleName").value(warning.rule).key("description").value(warning.message);
  json.key("url").value(dockerfile::rule_url(warning.rule)).key("detail").value(warning.message);
  write_location(json, {warning.at.line, warning.at.line});
  json.end_object();
}

Result<StringMap> answer_lint(const build::BuildRequest& request, const image::ImageStore* images) {
  const auto inspection = Inspection::of(request);
  std::vector<dockerfile::Warning> warnings;
  if (inspection) warnings = TRY(inspection->warnings(images));
  json::Writer json(json::Style::Indented);
  std::string text;
  json.begin_object().key("warnings").begin_array();
  for (const dockerfile::Warning& warning : warnings) {
    write_warning(json, warning);
    text += inspection->shown(warning);
  }
  json.end_array().key("sources").begin_array();
  if (inspection) {
    json.begin_object().key("filename").value(inspection->file_name()).key("language").value("Dockerfile");
    json.key("data").value(to_base64(inspection->text())).end_object();
  }
  json.end_array();
  if (!inspection) {
    json.key("buildError").begin_object().key("message").value(inspection.error().message()).end_object();
    text += fmt::format("ERROR: {}\n", inspection.error().message());
  }
  json.end_object();
  StringMap result = answer(std::move(json), text);
  result.emplace("result.statuscode", inspection && warnings.empty() ? "0" : "1");
  return result;
}

// ---- frontend.subrequests.describe

struct Described {
  std::string_view name, description;
};
constexpr Described kRequests[] = {
    {"frontend.outline", "What the build of a target takes"},
    {"frontend.targets", "The targets that there are"},
    {"frontend.lint", "What is better written otherwise"},
    {"frontend.subrequests.describe", "What can be asked for"},
};

StringMap describe() {
  json::Writer json(json::Style::Indented);
  Table table({"NAME", "VERSION", "DESCRIPTION"});
  json.begin_array();
  for (const Described& request : kRequests) {
    json.begin_object().key("name").value(request.name).key("version").value(kVersion);
    json.key("type").value("rpc").key("description").value(request.description);
    json.key("metadata").begin_array();
    for (const char* name : {"result.json", "result.txt"})
      json.begin_object().key("name").value(name).end_object();
    json.end_array().end_object();
    table.add({std::string(request.name), std::string(kVersion), std::string(request.description)});
  }
  json.end_array();
  return answer(std::move(json), table.text());
}

}  // namespace

Result<StringMap> answer_subrequest(const std::string& id, const build::BuildRequest& request,
                                    const image::ImageStore* images) {
  if (id == "frontend.subrequests.describe") return describe();
  if (id == "frontend.lint") return answer_lint(request, images);
  if (id == "frontend.targets") return answer_targets(TRY(Inspection::of(request)));
  if (id == "frontend.outline") return answer_outline(TRY(Inspection::of(request)));
  return error(Code::Unsupported, "unsupported request {}", id);
}

}  // namespace gantry::buildkit
