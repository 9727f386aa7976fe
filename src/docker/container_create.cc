// SPDX-License-Identifier: Apache-2.0
#include "docker/container_create.h"

#include <utility>

#include "docker/create_body.h"
#include "engine/engine.h"

namespace gantry::docker {

void fields(json::Fields& f, Created& created) {
  f("Id", created.id, json::Presence::Always);
  f("Warnings", created.warnings, json::Presence::Always);
}

Result<void> create_container_in(const Context& context, Call& call, const std::string& pod) {
  CreateBody body = TRY(call.body<CreateBody>());
  TRY(read_as(body, call.version));
  engine::CreateResult made = TRY(context.engine.create({.name = call.text("name"),
                                                         .config = std::move(body.config),
                                                         .host_config = std::move(body.host_config),
                                                         .endpoints = std::move(body.networking.endpoints),
                                                         .platform = call.text("platform"),
                                                         .pod = pod}));
  return call.send_object(Created{std::move(made.id), std::move(made.warnings)}, 201);
}

}  // namespace gantry::docker
