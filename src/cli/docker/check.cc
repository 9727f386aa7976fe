// SPDX-License-Identifier: Apache-2.0
//
// gantry system check.
#include <vector>

#include "base/human.h"
#include "base/json_codec.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct CheckOptions {
  bool repair = false, quick = false;
  std::vector<Option> table() {
    return {{0, "quick", "", &quick, "Look at sizes of blobs only, not at contents"},
            {0, "repair", "", &repair, "Mend what can be mended of images, and remove what is damaged"}};
  }
};

struct Finding {
  std::string area, kind, message;
  bool is_repaired = false;
};
void fields(json::Fields& f, Finding& finding) {
  f("Area", finding.area);
  f("Kind", finding.kind);
  f("Message", finding.message);
  f("Repaired", finding.is_repaired);
}

struct Report {
  std::uint64_t blobs = 0, bytes = 0;
  std::vector<Finding> findings;
};
void fields(json::Fields& f, Report& report) {
  f("Blobs", report.blobs);
  f("Bytes", report.bytes);
  f("Findings", report.findings);
}

// What brings a finding that is left out of the world.
std::string_view remedy_of(const Finding& finding) {
  if (finding.is_repaired) return " (repaired)";
  if (finding.area == "engine") return "; a restart of gantryd removes what belongs to nobody";
  if (finding.kind == "incomplete") return "; pull or load it again";
  if (finding.kind == "database") return "; restore the store's database from a backup";
  return finding.kind == "foreign-file" ? "; not ours to remove" : "; --repair mends it";
}

// 1 if something is left to be done: for scripts.
Result<int> check(Context& context, const CheckOptions& options, const Words&) {
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer =
      TRY(engine.post_json("/gantry/v1/check", "",
                           {{"repair", options.repair ? "1" : ""}, {"contents", options.quick ? "0" : "1"}}));
  const auto report = TRY(json::decode<Report>(answer.root()));
  std::string text;
  int status = 0;
  for (const Finding& finding : report.findings) {
    text += fmt::format("{}: {}{}\n", finding.kind.empty() ? finding.area : finding.kind, finding.message,
                        remedy_of(finding));
    if (!finding.is_repaired) status = 1;
  }
  text += fmt::format("{} blobs, {} read: {} findings\n", report.blobs, human_size(report.bytes),
                      report.findings.size());
  TRY(print(text));
  return status;
}

}  // namespace

const Verb kSystemCheck = make_verb<CheckOptions, check>(
    "check", "", {0, 0}, "Compare what the daemon's records say with what is on disk");

}  // namespace gantry::cli::docker
