// SPDX-License-Identifier: Apache-2.0
//
// gantry update.
#include <unistd.h>

#include "base/file.h"
#include "cli/docker/container_options.h"
#include "cli/docker/each.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/limit_options.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct UpdateOptions {
  LimitOptions limits;
  std::string restart;

  bool operator==(const UpdateOptions&) const = default;

  std::vector<Option> table() {
    std::vector<Option> rows = limits.table();
    rows.push_back({0, "restart", "POLICY", &restart, "When to start it again"});
    return rows;
  }
};

struct UpdateBody {
  container::Resources resources;
  container::RestartPolicy restart_policy;
};
void fields(json::Fields& f, UpdateBody& body) {
  fields(f, body.resources);
  f("RestartPolicy", body.restart_policy);
}

Result<UpdateBody> body_of(const UpdateOptions& options) {
  UpdateBody body;
  TRY(options.limits.put(body.resources));
  if (!options.restart.empty()) body.restart_policy = TRY(parse_restart_policy(options.restart));
  return body;
}

Result<int> update(Context& context, const UpdateOptions& options, const Words& names) {
  if (options == UpdateOptions{})
    return error(Code::InvalidArgument, "say by an option what is to change: --memory, --restart ...");
  const std::string body = json::encode(TRY(body_of(options)));
  EngineClient engine = TRY(EngineClient::of(context));
  return for_each_name(names, [&](const std::string& name) -> Result<std::string> {
    const json::Document answer = TRY(engine.post_json("/containers/" + path_part(name) + "/update", body));
    if (const auto warnings = answer.root().find("Warnings"))
      for (std::size_t i = 0; i < warnings->size(); ++i)
        TRY(write_all(STDERR_FILENO, fmt::format("WARNING: {}\n", warnings->at(i).as_string()),
                      "standard error"));
    return name;
  });
}

}  // namespace

const Verb kUpdate = make_verb<UpdateOptions, update>("update", "CONTAINER [CONTAINER...]", {1, kAny},
                                                      "Change limits and restart policy of containers");

}  // namespace gantry::cli::docker
