// SPDX-License-Identifier: Apache-2.0
#include "build/inspection.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "build/base_name.h"
#include "build/build_job.h"
#include "build/source.h"
#include "dockerfile/expansion.h"
#include "image/unpack_image.h"

namespace gantry::build {

using dockerfile::Instruction;
using dockerfile::MountType;

namespace {

// The first place counts where several ask for the same.
void add_need(std::vector<Outline::Need>& needs, std::string id, bool is_required, const Instruction& where) {
  const auto found = std::ranges::find(needs, id, &Outline::Need::id);
  if (found == needs.end())
    needs.push_back({std::move(id), is_required, where.lines});
  else
    found->is_required = found->is_required || is_required;
}

void add_needs(const Instruction& instruction, Outline& outline) {
  const auto* run = std::get_if<dockerfile::Run>(&instruction.body);
  if (run == nullptr) return;
  for (const dockerfile::RunMount& mount : run->mounts) {
    const std::string& id = mount.id.text;
    if (mount.type == MountType::Secret)
      add_need(outline.secrets, id.empty() ? base_name(mount.target.text) : id, mount.is_required,
               instruction);
    if (mount.type == MountType::Ssh)
      add_need(outline.agents, id.empty() ? "default" : id, mount.is_required, instruction);
    if (mount.type == MountType::Cache)
      add_need(outline.caches, id.empty() ? mount.target.text : id, false, instruction);
  }
}

}  // namespace

Result<dockerfile::CheckRules> check_rules(const dockerfile::Dockerfile& file, const BuildRequest& request) {
  const auto given = request.arguments.find("BUILDKIT_DOCKERFILE_CHECK");
  if (given != request.arguments.end())
    return TRY_DURING(dockerfile::parse_check(given->second), "build argument BUILDKIT_DOCKERFILE_CHECK");
  return dockerfile::parse_check(file.directives.check.value_or(""));
}

std::optional<std::vector<std::string>> environment_of_image(const image::ImageStore& images,
                                                             const std::string& name) {
  const auto image = images.resolve(name);
  if (!image) return std::nullopt;
  auto config = image::read_config(images, *image);
  if (!config) return std::nullopt;
  return std::move(config->config.env);
}

Result<std::vector<dockerfile::Warning>> Inspection::warnings(const image::ImageStore* images) const {
  dockerfile::LintOptions options;
  if (images != nullptr)
    options.environment_of = [images](const std::string& name) {
      return environment_of_image(*images, name);
    };
  const IgnoreFile ignore_file =
      request_->context ? TRY(read_ignore_file(*request_->context, name_)) : IgnoreFile();
  options.ignored = &ignore_file.list;
  return dockerfile::lint(file_, TRY(check_rules(file_, *request_)), options);
}

std::string Inspection::shown(const dockerfile::Warning& warning) const {
  const std::string bar(20, '-');
  return fmt::format("\nWARNING: {} - {}\n{}\n\n{}:{}\n{}\n{}{}\n", warning.rule,
                     dockerfile::rule_url(warning.rule), warning.message, name_, warning.at.line, bar,
                     dockerfile::excerpt(text_, {warning.at.line, warning.at.line}), bar);
}

Result<Inspection> Inspection::of(const BuildRequest& request) {
  Inspection inspection;
  inspection.request_ = &request;
  inspection.name_ = request.dockerfile;
  inspection.text_ = TRY(dockerfile_text(request));
  inspection.file_ = TRY(dockerfile::parse(inspection.text_, inspection.name_));
  const oci::Platform host = oci::host_platform();
  inspection.globals_.emplace(request.arguments, host, request.platform.value_or(host));
  GraphProblem problem;
  const auto plan = [&]() -> Result<StageGraph> {
    TRY(declare_arguments(inspection.file_, *inspection.globals_, problem));
    return plan_stages(inspection.file_, request.target, *inspection.globals_, problem);
  };
  auto graph = plan();
  if (!graph)
    return std::move(graph).error().during(fmt::format("{}:{}", inspection.name_, problem.lines.first));
  inspection.graph_ = *std::move(graph);
  return inspection;
}

std::vector<TargetDescription> Inspection::targets() const {
  std::vector<TargetDescription> targets;
  for (const StagePlan& plan : graph_.stages)
    targets.push_back({.name = plan.stage->from.name,
                       .base = plan.base,
                       .is_default = plan.stage->index + 1 == graph_.stages.size(),
                       .lines = plan.stage->instruction.lines});
  return targets;
}

void Inspection::add_arguments(const Instruction& instruction, bool is_global, Outline& outline) const {
  const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body);
  if (arg == nullptr) return;
  for (const dockerfile::Arg::Item& item : arg->items) {
    if (std::ranges::find(outline.arguments, item.name, &Outline::Argument::name) != outline.arguments.end())
      continue;
    std::optional<std::string> value;
    if (globals_->is_given(item.name) || is_global || !item.value)
      value = globals_->value(item.name);
    else if (auto expanded = dockerfile::expand(item.value->text, globals_->lookup(),
                                                {.escape = file_.directives.escape}))
      value = *std::move(expanded);
    else
      value = item.value->text;  // needs what only the build knows
    outline.arguments.push_back({item.name, std::move(value), instruction.lines});
  }
}

Outline Inspection::outline() const {
  Outline outline{.target = graph_.stages[graph_.target].stage->from.name};
  for (const Instruction& instruction : file_.arguments) add_arguments(instruction, true, outline);
  for (const StagePlan& plan : graph_.stages) {
    if (!plan.is_needed) continue;
    for (const Instruction& instruction : plan.stage->instructions) {
      add_arguments(instruction, false, outline);
      add_needs(instruction, outline);
    }
  }
  return outline;
}

}  // namespace gantry::build
