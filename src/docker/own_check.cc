// SPDX-License-Identifier: Apache-2.0
//
// POST /gantry/v1/check: whether what is on disk is what the records say (docs/formats/gantry-api.md).
#include "base/json_codec.h"
#include "docker/endpoints.h"
#include "engine/engine.h"
#include "image/store_check.h"

namespace gantry::docker {
namespace {

using json::Presence;

struct FindingView {
  std::string area;  // "engine", "images"
  std::string kind;  // of images: image::Damage in words
  std::string message;
  bool is_repaired = false;
};
void fields(json::Fields& f, FindingView& view) {
  f("Area", view.area, Presence::Always);
  f("Kind", view.kind);
  f("Message", view.message, Presence::Always);
  f("Repaired", view.is_repaired, Presence::Always);
}

struct CheckView {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;  // that were read
  std::vector<FindingView> findings;
};
void fields(json::Fields& f, CheckView& view) {
  f("Blobs", view.blobs, Presence::Always);
  f("Bytes", view.bytes, Presence::Always);
  f("Findings", view.findings, Presence::Always);
}

Result<void> check(const Context& context, Call& call) {
  CheckView view;
  for (std::string& message : TRY(context.engine.check_disk()))
    view.findings.push_back({.area = "engine", .message = std::move(message)});
  const image::StoreReport report = TRY(image::check_store(
      context.images, {.repair = call.flag("repair") ? image::Repair::Yes : image::Repair::No,
                       .read_contents = call.flag("contents", true)}));
  view.blobs = report.blobs;
  view.bytes = report.bytes;
  for (const image::Finding& finding : report.findings)
    view.findings.push_back({.area = "images",
                             .kind = std::string(image::name_of(finding.damage)),
                             .message = finding.message,
                             .is_repaired = finding.is_repaired});
  return call.send_object(view);
}

}  // namespace

std::span<const Route> check_routes() {
  static constexpr Route kRoutes[] = {{"POST", "/gantry/v1/check", check}};
  return kRoutes;
}

}  // namespace gantry::docker
