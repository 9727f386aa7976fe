// SPDX-License-Identifier: Apache-2.0
#include "build/built_stage.h"

#include <string>

#include "base/printable.h"

namespace gantry::build {
namespace {

Result<void> hold_all(image::Lease& lease, const StageState& state) {
  for (const oci::Descriptor& layer : state.layers)
    if (!TRY(lease.hold(layer.digest)))
      return error(Code::NotFound, "layer '{}' was removed meanwhile", layer.digest.str());
  if (const auto top = state.top()) TRY(lease.hold(*top));
  return {};
}

}  // namespace

Result<std::shared_ptr<const BuiltStage>> BuiltStage::keep(const Session& session, StageState state) {
  image::Lease lease = TRY(session.places().images->lease("result of build " + session.id()));
  TRY(hold_all(lease, state));
  return std::shared_ptr<const BuiltStage>(new BuiltStage(std::move(state), std::move(lease)));
}

Result<StageState> BuiltStage::use(const Session& session) const {
  TRY(hold_all(session.lease(), state_));
  return state_;
}

}  // namespace gantry::build
