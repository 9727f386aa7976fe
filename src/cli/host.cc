// SPDX-License-Identifier: Apache-2.0
//
// gantry host: what this host has. Asks no daemon.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "base/json_codec.h"
#include "base/table.h"
#include "cli/groups.h"
#include "cli/host.h"
#include "cli/output_file.h"
#include "engine/doctor.h"

namespace gantry::cli {
namespace {

using engine::Finding;

template <class T>
std::string json_of(std::vector<T> items) {
  json::Writer writer(json::Style::Indented);
  writer.begin_array();
  for (const T& item : items) json::encode(writer, item);
  writer.end_array();
  return std::move(writer).text() + "\n";
}

// ---- doctor

struct DoctorOptions {
  bool all = false;
  bool json = false;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Show what is well, too"}, {0, "json", "", &json, "Print JSON"}};
  }
};

std::string_view word_of(engine::Verdict verdict) {
  return names_of(verdict)[static_cast<std::size_t>(verdict)];
}

// 1 if there is a problem: for scripts.
Result<int> doctor(Context& context, const DoctorOptions& options, const Words&) {
  std::vector<Finding> findings = engine::examine_host({.root = context.root});
  const bool has_problem = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.verdict == engine::Verdict::Problem; });
  if (!options.all)
    std::erase_if(findings, [](const Finding& finding) { return finding.verdict == engine::Verdict::Ok; });
  if (options.json) {
    TRY(print(json_of(std::move(findings))));
  } else if (findings.empty()) {
    TRY(print("Containers have here all that they need.\n"));
  } else {
    Table table({"AREA", "CHECK", "VERDICT", "FOUND", "REMEDY"});
    for (const Finding& finding : findings)
      table.add({finding.area, finding.check, std::string(word_of(finding.verdict)), finding.found,
                 finding.remedy});
    TRY(print(table.text()));
  }
  return has_problem ? 1 : 0;
}

}  // namespace

constexpr Verb kDoctor =
    make_verb<DoctorOptions, doctor>("doctor", "", {0, 0}, "Check what containers need of this host");

std::span<const Verb> host_verbs() {
  static constexpr std::array kVerbs = {kDoctor};
  return kVerbs;
}

}  // namespace gantry::cli
