// SPDX-License-Identifier: Apache-2.0
#include "build/stage_runner.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/printable.h"
#include "build/built_stage.h"
#include "build/config_steps.h"
#include "build/key_hasher.h"
#include "build/shown_text.h"

namespace gantry::build {

using dockerfile::Instruction;
using oci::Digest;

namespace {

// Changes when what a step makes of the same input changes.
constexpr const char* kKeyVersion = "gantry build 1";

constexpr std::size_t kShownText = 120;  // bytes of an instruction in a name or an error

bool makes_layer(const Instruction& instruction) {
  return std::holds_alternative<dockerfile::Run>(instruction.body) ||
         std::holds_alternative<dockerfile::Copy>(instruction.body) ||
         std::holds_alternative<dockerfile::Workdir>(instruction.body);
}

std::size_t count_layer_steps(const std::vector<Instruction>& instructions) {
  return static_cast<std::size_t>(std::ranges::count_if(instructions, makes_layer));
}

}  // namespace

// ---- the stage

Result<StageState> StageRunner::run() {
  const std::vector<Instruction>& instructions = plan_.stage->instructions;
  all_layer_steps_ = 1 + count_layer_steps(instructions);
  TRY(begin());
  std::size_t step = step_;
  for (const Instruction& instruction : instructions) TRY(execute(instruction, ++step));
  return std::move(state_);
}

Vertex StageRunner::describe(const Instruction& instruction, std::size_t step) const {
  const std::string text = shown_text(instruction.text, kShownText);
  const std::string stage = context_.file.stages.size() > 1 ? plan_.stage->display_name() + " " : "";
  const bool is_from = std::holds_alternative<dockerfile::From>(instruction.body);
  Vertex vertex{.id = context_.narrator.new_id(),
                .kind = is_from                    ? VertexKind::From
                        : makes_layer(instruction) ? VertexKind::Layer
                                                   : VertexKind::Setting,
                .name = text,
                .inputs = {},
                .stage = plan_.stage->display_name(),
                .instruction = text,
                .step = step,
                .steps = step == 0 ? 0 : context_.steps,
                .lines = instruction.lines};
  if (vertex.kind != VertexKind::Setting)
    vertex.name = fmt::format("[{}{}/{}] {}", stage, layer_steps_, all_layer_steps_, text);
  return vertex;
}

std::string StageRunner::place_of(const Instruction& instruction) const {
  return fmt::format("{}:{}: {}", context_.request.dockerfile, instruction.lines.first,
                     shown_text(instruction.text, kShownText));
}

Result<void> StageRunner::begin() {
  const Instruction& from = plan_.stage->instruction;
  Vertex vertex = describe(from, step_);
  Telling telling(context_.narrator.sink(), vertex);
  auto base = telling.tell([&] { return load_base(telling); });
  if (!base) {
    context_.on_failure(from);
    return std::move(base).error().during(place_of(from));
  }
  state_ = std::move(*base);
  state_.arguments = {};
  state_.has_own_command = false;
  return run_triggers();
}

Result<StageState> StageRunner::load_base(Telling& telling) {
  const oci::Platform& platform = plan_.platform ? *plan_.platform : context_.platform;
  if (plan_.base_stage) return context_.result_of(*plan_.base_stage);
  if (plan_.is_scratch()) return empty_stage(platform);
  std::string name = plan_.base;
  if (const auto given = context_.request.named_contexts.find(name);
      given != context_.request.named_contexts.end()) {
    if (given->second.stage) return given->second.stage->use(context_.session);
    if (given->second.image.empty())
      return error(Code::InvalidArgument, "the context '{}' has files, and FROM needs an image",
                   printable(name));
    name = given->second.image;
  }
  return load_base_image(context_.session, name, platform, context_.base_images, context_.cancel,
                         telling.id(), telling.sink());
}

// ONBUILD of the base: as if they stood behind FROM.
Result<void> StageRunner::run_triggers() {
  const std::vector<std::string> triggers = std::exchange(state_.image.config.on_build, {});
  std::vector<Instruction> instructions;
  for (const std::string& text : triggers) {
    auto instruction = dockerfile::parse_trigger(text);
    if (!instruction) {
      context_.on_failure(plan_.stage->instruction);
      return std::move(instruction)
          .error()
          .during(fmt::format("trigger of '{}'", printable(plan_.base)))
          .during(place_of(plan_.stage->instruction));
    }
    instruction->lines = plan_.stage->instruction.lines;
    instruction->at = plan_.stage->instruction.at;
    instructions.push_back(std::move(*instruction));
  }
  all_layer_steps_ += count_layer_steps(instructions);
  for (const Instruction& instruction : instructions) TRY(execute(instruction, 0));
  return {};
}

Result<void> StageRunner::execute(const Instruction& instruction, std::size_t step) {
  TRY(context_.cancel.check());
  if (makes_layer(instruction)) ++layer_steps_;
  Telling telling(context_.narrator.sink(), describe(instruction, step));
  Result<void> done = execute_step(instruction, telling);
  if (done) {
    telling.finish(state_.chain.is_empty() ? "" : state_.chain.str());
    return {};
  }
  telling.fail(done.error());
  context_.on_failure(instruction);
  return std::move(done).error().during(place_of(instruction));
}

Result<void> StageRunner::execute_step(const Instruction& instruction, Telling& telling) {
  if (const auto* step = std::get_if<dockerfile::Copy>(&instruction.body))
    return copy(instruction, *step, telling);
  if (const auto* step = std::get_if<dockerfile::Run>(&instruction.body))
    return run(instruction, *step, telling);
  if (const auto* step = std::get_if<dockerfile::Workdir>(&instruction.body))
    return change_directory(instruction, *step, telling);
  telling.start();
  TRY(apply_config_step(instruction, context_.globals, context_.file.directives.escape, state_));
  add_history(instruction.text, false);
  return {};
}

void StageRunner::add_history(const std::string& text, bool has_layer, const std::string& comment) {
  const std::int64_t created = context_.epoch ? *context_.epoch * 1'000'000'000 : state_.created;
  state_.image.history.push_back({.created = created == 0 ? "" : shown_time(created),
                                  .created_by = text,
                                  .author = state_.image.author,
                                  .comment = comment,
                                  .empty_layer = !has_layer});
}

// ---- layers and the cache

KeyHasher StageRunner::new_key(const char* kind) const {
  KeyHasher key;
  key.text(kKeyVersion).text(kind).number(context_.epoch.has_value());
  key.number(static_cast<std::uint64_t>(context_.epoch.value_or(0)));
  return key;
}

bool StageRunner::may_use_cache() const {
  const auto& uncached = context_.request.uncached_stages;
  return !context_.request.no_cache &&
         std::ranges::find(uncached, plan_.stage->display_name()) == uncached.end();
}

Result<void> StageRunner::add_layer(const Instruction& instruction, const std::string& history,
                                    const Digest& key, Telling& telling, const Make& make) {
  std::optional<NewLayer> layer;
  if (may_use_cache()) layer = TRY(context_.cache.find(key));
  if (layer) {
    telling.cached();
    ++context_.cached_steps;
  } else {
    // Whoever makes the same step at the same time makes it once.
    const auto lock = TRY(image::KeyLock::acquire(context_.options.root, "build step " + key.hex()));
    if (may_use_cache()) layer = TRY(context_.cache.find(key));
    telling.start();
    if (!layer) {
      TRY(unpack_layers(context_.session, state_));
      layer = TRY(make());
      TRY(context_.cache.add(key, *layer, shown_text(instruction.text, kShownText)));
      ++context_.run_steps;
    }
  }
  state_.add_layer(layer->blob, layer->diff_id);
  state_.created = layer->created;
  add_history(history, true, history_comment(key));
  return {};
}

// ---- WORKDIR

Result<void> StageRunner::change_directory(const Instruction& instruction, const dockerfile::Workdir& step,
                                           Telling& telling) {
  const std::string path = TRY(working_directory(step, state_, context_.file.directives.escape));
  state_.image.config.working_dir = path;
  if (path == "/") {
    telling.start();
    add_history(instruction.text, false);
    return {};
  }
  const std::string& user = state_.image.config.user;
  const Digest key = new_key("workdir").digest(state_.chain).text(path).text(user).finish();
  return add_layer(instruction, instruction.text, key, telling, [&]() -> Result<NewLayer> {
    StepRoot root = TRY(StepRoot::open(context_.session, state_.top()));
    const Owner owner = user.empty() ? Owner{} : TRY(owner_of(user, root.directory()));
    TRY(make_destination(root.directory(), path, owner));
    return root.commit(commit_options());
  });
}

Result<std::string> StageRunner::expand(const dockerfile::Word& word) {
  return expand_in(state_, word.text, {.escape = context_.file.directives.escape});
}

}  // namespace gantry::build
