// SPDX-License-Identifier: Apache-2.0
//
// gantry commit.
#include "cli/docker/engine_client.h"
#include "cli/docker/verbs.h"
#include "oci/image/reference.h"

namespace gantry::cli::docker {
namespace {

struct CommitOptions {
  std::string author, message;
  Words change;
  bool pause = true;

  std::vector<Option> table() {
    return {{'a', "author", "NAME", &author, "Who has made it"},
            {'c', "change", "INSTRUCTION", &change, "Apply an instruction of a Dockerfile to the image"},
            {'m', "message", "TEXT", &message, "What was changed"},
            {'p', "pause", "", &pause, "Let the container rest meanwhile"}};
  }
};

Result<int> commit(Context& context, const CommitOptions& options, const Words& words) {
  Parameters parameters = {{"container", words[0]},
                           {"author", options.author},
                           {"comment", options.message},
                           {"pause", options.pause ? "1" : "0"}};
  if (words.size() > 1) {
    const auto reference = TRY(oci::Reference::parse(words[1]));
    parameters.emplace_back("repo", reference.familiar_name());
    parameters.emplace_back("tag", reference.tag().value_or(""));
  }
  for (const std::string& change : options.change) parameters.emplace_back("changes", change);
  EngineClient engine = TRY(EngineClient::of(context));
  const json::Document answer = TRY(engine.post_json("/commit", "", std::move(parameters)));
  const auto id = answer.root().find("Id");
  TRY(print(fmt::format("{}\n", id ? id->as_string() : "")));
  return 0;
}

}  // namespace

const Verb kCommit = make_verb<CommitOptions, commit>("commit", "CONTAINER [REPOSITORY[:TAG]]", {1, 2},
                                                      "Make an image of what a container has changed");

}  // namespace gantry::cli::docker
