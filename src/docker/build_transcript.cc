// SPDX-License-Identifier: Apache-2.0
#include "docker/build_transcript.h"

#include <utility>

#include <fmt/format.h>

namespace gantry::docker {

// "sha256:0123…" is "0123456789ab" to people.
static std::string_view short_digest(std::string_view digest) {
  return digest.substr(digest.find(':') + 1).substr(0, 12);
}

BuildTranscript::Step* BuildTranscript::step_of(const build::VertexId& id) {
  const auto number = numbers_.find(id);
  return number == numbers_.end() ? nullptr : &steps_[number->second];
}

bool BuildTranscript::has_turn(const Step& step) const {
  const auto current = steps_.find(turn_);
  return current != steps_.end() && &current->second == &step;
}

void BuildTranscript::send(std::string_view text) {
  if (verbosity_ == Verbosity::Full && !text.empty()) messages_.stream(text);
}

void BuildTranscript::tell(Step& step, std::string_view text) {
  if (has_turn(step))
    send(text);
  else
    step.kept += text;
}

void BuildTranscript::start(Step& step) {
  if (!std::exchange(step.has_started, true)) tell(step, step.title + "\n");
}

// The turn goes to the next step that is not done; what it has to say by now is said.
void BuildTranscript::advance() {
  for (auto step = steps_.find(turn_); step != steps_.end() && step->second.is_done;) {
    step = steps_.find(++turn_);
    if (step != steps_.end()) send(std::exchange(step->second.kept, {}));
  }
}

void BuildTranscript::on_vertex(const build::Vertex& vertex) {
  if (vertex.step == 0) return;
  MutexLock lock(mutex_);
  numbers_[vertex.id] = vertex.step;
  steps_[vertex.step].title = fmt::format("Step {}/{} : {}", vertex.step, vertex.steps, vertex.instruction);
}

void BuildTranscript::on_started(const build::VertexId& id) {
  MutexLock lock(mutex_);
  if (Step* step = step_of(id)) start(*step);
}

void BuildTranscript::on_cached(const build::VertexId& id) {
  MutexLock lock(mutex_);
  Step* step = step_of(id);
  if (step == nullptr) return;
  start(*step);
  tell(*step, " ---> Using cache\n");
}

void BuildTranscript::on_finished(const build::VertexId& id, const Error* failure, std::string_view result) {
  MutexLock lock(mutex_);
  Step* step = step_of(id);
  if (step == nullptr) return;
  start(*step);
  if (failure == nullptr && !result.empty()) tell(*step, fmt::format(" ---> {}\n", short_digest(result)));
  step->is_done = true;
  advance();
}

void BuildTranscript::on_log(const build::VertexId& id, build::LogStream, std::string_view text) {
  MutexLock lock(mutex_);
  if (Step* step = step_of(id)) tell(*step, text);
}

void BuildTranscript::on_transfer(const build::VertexId&, std::string_view what, std::uint64_t done,
                                  std::uint64_t total) {
  if (verbosity_ == Verbosity::Quiet) return;
  if (total > 0 && done == total)
    messages_.status("Download complete", what);
  else
    messages_.progress("Downloading", what, done, total);
}

// The classic builder knows one of the linter's rules.
void BuildTranscript::on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange) {
  if (!rule.empty() && rule != "NoEmptyContinuation") return;
  MutexLock lock(mutex_);
  send(fmt::format("[Warning] {}\n", sentence));
}

void BuildTranscript::on_failure(const build::FailurePlace& place) {
  MutexLock lock(mutex_);
  place_ = fmt::format("\n{}:{}\n{}\n", place.file_name, place.lines.first,
                       dockerfile::excerpt(place.text, place.lines));
}

void BuildTranscript::end() {
  MutexLock lock(mutex_);
  for (auto& [number, step] : steps_) send(std::exchange(step.kept, {}));
  send(std::exchange(place_, {}));
}

}  // namespace gantry::docker
