// SPDX-License-Identifier: Apache-2.0
//
// gantry logs.
#include <unistd.h>

#include "cli/docker/engine_client.h"
#include "cli/docker/frames.h"
#include "cli/docker/time_option.h"
#include "cli/docker/verbs.h"

namespace gantry::cli::docker {
namespace {

struct LogsOptions {
  bool follow = false, timestamps = false, details = false;
  std::string since, until, tail = "all";

  std::vector<Option> table() {
    return {
        {0, "details", "", &details, "Show the labels and variables that the log driver was told to keep"},
        {'f', "follow", "", &follow, "Go on as lines are written"},
        {0, "since", "TIME", &since, "Lines from then on: 2026-01-02T15:04:05Z, or 10m (ago)"},
        {'n', "tail", "NUMBER", &tail, "Only so many lines from the end"},
        {'t', "timestamps", "", &timestamps, "Show when each line was written"},
        {0, "until", "TIME", &until, "Lines before then"}};
  }
};

Result<bool> has_tty(EngineClient& engine, const std::string& name) {
  const json::Document container = TRY(engine.get("/containers/" + path_part(name) + "/json"));
  const auto config = container.root().find("Config");
  const auto tty = config ? config->find("Tty") : std::nullopt;
  return tty && tty->as_bool();
}

Result<int> logs(Context& context, const LogsOptions& options, const Words& words) {
  EngineClient engine = TRY(EngineClient::of(context));
  const bool has_frames = !TRY(has_tty(engine, words[0]));
  const auto flag = [](bool is_on) { return is_on ? std::string("1") : std::string(); };
  const std::string since = TRY(time_option("since", options.since));
  const std::string until = TRY(time_option("until", options.until));
  auto response = TRY(engine.send({.path = "/containers/" + path_part(words[0]) + "/logs",
                                   .parameters = {{"stdout", "1"},
                                                  {"stderr", "1"},
                                                  {"follow", flag(options.follow)},
                                                  {"timestamps", flag(options.timestamps)},
                                                  {"details", flag(options.details)},
                                                  {"since", since},
                                                  {"until", until},
                                                  {"tail", options.tail}}}));
  FdSink out(STDOUT_FILENO, "standard output"), err(STDERR_FILENO, "standard error");
  FrameSplitter splitter(has_frames, out, err);
  TRY(copy(response.body(), splitter));
  return 0;
}

}  // namespace

const Verb kLogs =
    make_verb<LogsOptions, logs>("logs", "CONTAINER", {1, 1}, "Show what a container has said");

}  // namespace gantry::cli::docker
