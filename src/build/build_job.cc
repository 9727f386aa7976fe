// SPDX-License-Identifier: Apache-2.0
#include "build/build_job.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/printable.h"
#include "base/thread_pool.h"
#include "build/built_stage.h"
#include "build/export.h"
#include "build/inspection.h"
#include "build/shown_text.h"

namespace gantry::build {

namespace {

constexpr std::size_t kParallelStages = 32;

unsigned run_slots(const BuilderOptions& options) {
  return options.parallel_runs != 0 ? options.parallel_runs
                                    : std::max(1u, std::thread::hardware_concurrency());
}

// SOURCE_DATE_EPOCH: seconds since 1970 (https://reproducible-builds.org/specs/source-date-epoch/).
Result<std::optional<std::int64_t>> epoch_of(const BuildRequest& request) {
  const auto found = request.arguments.find("SOURCE_DATE_EPOCH");
  if (found == request.arguments.end() || found->second.empty()) return std::optional<std::int64_t>();
  const std::string& text = found->second;
  std::int64_t epoch = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), epoch);
  if (failure != std::errc() || end != text.data() + text.size() || epoch < 0 || epoch > 253'402'300'799)
    return error(Code::InvalidArgument, "SOURCE_DATE_EPOCH: '{}' is no number of seconds since 1970",
                 printable(text));
  return std::optional(epoch);
}

}  // namespace

BuildJob::BuildJob(const BuilderOptions& options, image::LayerCache& layers, FileHashes& hashes,
                   const Session& session, const BuildRequest& request, Cancel& cancel,
                   ProgressSink& progress)
    : options_(options),
      request_(request),
      session_(session),
      cancel_(cancel),
      narrator_(session.id(), progress),
      hashes_(hashes),
      cache_(session, layers),
      platform_(request.platform.value_or(oci::host_platform())),
      base_images_{.registries = options.registries,
                   .credentials = &request.credentials,
                   .find_credentials = &request.find_credentials,
                   .pull = request.pull},
      run_slots_(run_slots(options)),
      globals_(request.arguments, oci::host_platform(), platform_) {}

Result<BuildResult> BuildJob::run() {
  TRY(read_dockerfile());
  TRY(plan());
  TRY(import_caches());
  TRY(build_stages());
  StageState target = TRY(result_of(graph_.target));
  warn_of_unused_arguments();
  std::shared_ptr<const BuiltStage> stage;
  if (request_.keeps_stage) stage = TRY(BuiltStage::keep(session_, target));
  BuildResult result =
      TRY(export_result(session_, request_, context_->epoch, std::move(target), cancel_, narrator_));
  TRY(cache_.finish());
  result.stage = std::move(stage);
  result.cached_steps = cached_steps_;
  result.run_steps = run_steps_;
  return result;
}

// ---- the Dockerfile

// Scratch directories are made where they are needed, which is before anything is read.
Result<void> BuildJob::use_context(Context& context) {
  context.use_scratch(
      TRY(open_at(AT_FDCWD, TRY(session_.make_directory("context")), O_RDONLY | O_DIRECTORY)));
  return {};
}

Result<std::string> dockerfile_text(const BuildRequest& request) {
  if (request.dockerfile_text) return *request.dockerfile_text;
  auto text = TRY_DURING(request.context->read_file(request.dockerfile, dockerfile::kMaxDockerfile + 1),
                         "read the Dockerfile");
  if (text) return *std::move(text);
  return error(Code::NotFound, "there is no '{}' in the context", printable(request.dockerfile));
}

Result<void> BuildJob::read_dockerfile() {
  Telling telling(narrator_.sink(), {.id = narrator_.new_id(), .name = "[internal] load build definition"});
  return telling.tell([&]() -> Result<void> {
    if (!request_.context) return error(Code::InvalidArgument, "there is no context to build from");
    TRY(use_context(*request_.context));
    for (const auto& [name, context] : request_.named_contexts)
      if (context.files) TRY(use_context(*context.files));
    text_ = TRY(dockerfile_text(request_));
    dockerfile::Diagnostic problem;
    auto file = dockerfile::parse(text_, request_.dockerfile, &problem);
    if (!file) {
      tell_failure({problem.at.line, problem.at.line});
      return std::move(file).error();
    }
    file_ = *std::move(file);
    return lint();
  });
}

Result<void> BuildJob::lint() {
  const dockerfile::CheckRules rules = TRY(check_rules(file_, request_));
  const dockerfile::LintOptions options{.environment_of = [this](const std::string& image) {
    return environment_of_image(*options_.images, image);
  }};
  std::set<std::string_view> found;
  for (const dockerfile::Warning& warning : dockerfile::lint(file_, rules, options)) {
    narrator_.sink().on_warning(warning.rule, warning.message, {warning.at.line, warning.at.line});
    found.insert(warning.rule);
  }
  if (found.empty() || !rules.is_error) return {};
  return error(Code::InvalidArgument,
               "lint violation found for rules: {} (check=error=true makes it an error)",
               fmt::join(found, ", "));
}

std::string BuildJob::place_of(dockerfile::LineRange lines) const {
  return lines.first == 0 ? request_.dockerfile : fmt::format("{}:{}", request_.dockerfile, lines.first);
}

void BuildJob::tell_failure(dockerfile::LineRange lines) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(has_told_failure_, true)) return;
  }
  if (lines.first != 0) narrator_.sink().on_failure({request_.dockerfile, text_, lines});
}

Result<void> BuildJob::plan() {
  GraphProblem problem;
  auto planned = [&]() -> Result<void> {
    TRY(declare_arguments(file_, globals_, problem));
    graph_ = TRY(plan_stages(file_, request_.target, globals_, problem));
    return {};
  }();
  if (!planned) {
    tell_failure(problem.lines);
    return std::move(planned).error().during(place_of(problem.lines));
  }
  std::size_t steps = 0;
  for (const StagePlan& stage : graph_.stages) {
    first_steps_.push_back(steps + 1);
    if (stage.is_needed) steps += 1 + stage.stage->instructions.size();
  }
  {
    MutexLock lock(mutex_);
    stages_.resize(graph_.stages.size());
  }
  const auto epoch = TRY(epoch_of(request_));
  context_.emplace(StageContext{
      .options = options_,
      .request = request_,
      .file = file_,
      .graph = graph_,
      .globals = globals_,
      .platform = platform_,
      .epoch = epoch,
      .base_images = base_images_,
      .session = session_,
      .cache = cache_,
      .hashes = hashes_,
      .cancel = cancel_,
      .narrator = narrator_,
      .run_slots = run_slots_,
      .result_of = [this](std::size_t stage) { return result_of(stage); },
      .find_source = [this](const std::string& from, std::size_t stage) { return find_source(from, stage); },
      .on_failure = [this](const dockerfile::Instruction& instruction) { tell_failure(instruction.lines); },
      .steps = steps,
      .cached_steps = cached_steps_,
      .run_steps = run_steps_});
  return {};
}

void BuildJob::warn_of_unused_arguments() {
  std::set<std::string> declared;
  const auto note = [&](const dockerfile::Instruction& instruction) {
    if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body))
      for (const auto& item : arg->items) declared.insert(item.name);
  };
  for (const dockerfile::Instruction& instruction : file_.arguments) note(instruction);
  for (const dockerfile::Stage& stage : file_.stages)
    for (const dockerfile::Instruction& instruction : stage.instructions) note(instruction);
  std::vector<std::string> unused;
  for (const auto& [name, value] : request_.arguments)
    if (!declared.contains(name) && !is_proxy_argument(name) && name != "SOURCE_DATE_EPOCH" &&
        !name.starts_with("BUILDKIT_"))
      unused.push_back(name);
  if (!unused.empty())
    narrator_.sink().on_warning(
        "", fmt::format("One or more build-args [{}] were not consumed", fmt::join(unused, " ")), {});
}

// ---- caches of images

// An image that is not there is no error: the first build of it has none to begin with.
Result<void> BuildJob::import_caches() {
  for (const std::string& name : request_.cache_from) {
    TRY(cancel_.check());
    Telling telling(narrator_.sink(),
                    {.id = narrator_.new_id(), .name = "importing cache from " + shown_text(name, 200)});
    telling.start();
    const auto image =
        load_base_image(session_, name, platform_, base_images_, cancel_, telling.id(), telling.sink());
    if (!image) {
      TRY(cancel_.check());
      narrator_.sink().on_warning("", "no cache: " + image.error().message(), {});
    } else if (cache_.import(*image) == 0 && !image->layers.empty()) {
      narrator_.sink().on_warning(
          "", fmt::format("no cache: image '{}' does not say how its layers were made", printable(name)), {});
    }
  }
  return {};
}

// ---- stages

// In the order of the file, so that a stage is begun after those it may wait for.
Result<void> BuildJob::build_stages() {
  ThreadPool pool({.name = "build", .max_threads = kParallelStages, .max_waiting = graph_.stages.size() + 1});
  TaskGroup group(pool);
  for (std::size_t i = 0; i < graph_.stages.size(); ++i) {
    if (!graph_.stages[i].is_needed) continue;
    TRY(group.run([this, i]() -> Result<void> {
      TRY(result_of(i));
      return {};
    }));
  }
  Result<void> built = group.wait();
  if (built) return {};
  // The first that failed made the others fail.
  MutexLock lock(mutex_);
  if (first_error_) return *std::exchange(first_error_, std::nullopt);
  return built;
}

Result<StageState> BuildJob::result_of(std::size_t stage) {
  {
    MutexLock lock(mutex_);
    StageSlot& slot = stages_[stage];
    while (slot.state == StageSlot::State::Running) changed_.wait(mutex_);
    if (slot.state == StageSlot::State::Done) return slot.result;
    if (slot.state == StageSlot::State::Failed)
      return error(Code::Conflict, "stage '{}' has failed", file_.stages[stage].display_name());
    slot.state = StageSlot::State::Running;
  }
  Result<StageState> built = build_stage(stage);
  MutexLock lock(mutex_);
  StageSlot& slot = stages_[stage];
  slot.state = built ? StageSlot::State::Done : StageSlot::State::Failed;
  changed_.notify_all();
  if (built) return slot.result = *std::move(built);
  return built;
}

Result<StageState> BuildJob::build_stage(std::size_t stage) {
  StageRunner runner(*context_, graph_.stages[stage], first_steps_[stage]);
  auto built = runner.run();
  if (built) return built;
  {
    MutexLock lock(mutex_);
    if (!first_error_) first_error_ = std::move(built).error();
  }
  cancel_.cancel("another step has failed");  // only now: who fails of it is not the first
  return error(Code::Conflict, "stage '{}' has failed", file_.stages[stage].display_name());
}

// ---- sources

Result<std::shared_ptr<Source>> BuildJob::find_source(const std::string& from, std::size_t stage) {
  const auto used = TRY(find_source_stage(file_, from, stage));
  const std::string key = used ? fmt::format("stage {}", *used) : "name " + from;
  {
    MutexLock lock(mutex_);
    if (const auto found = sources_.find(key); found != sources_.end()) return found->second;
  }
  std::shared_ptr<Source> source =
      used ? layers_source(session_, TRY(result_of(*used))) : TRY(make_source(from));
  MutexLock lock(mutex_);
  return sources_.try_emplace(key, std::move(source)).first->second;
}

Result<std::shared_ptr<Source>> BuildJob::make_source(const std::string& from) {
  if (from.empty()) return std::shared_ptr<Source>(context_source(request_.context, request_.dockerfile));
  std::string name = from;
  if (const auto given = request_.named_contexts.find(from); given != request_.named_contexts.end()) {
    if (given->second.files)
      return std::shared_ptr<Source>(context_source(given->second.files, request_.dockerfile));
    if (given->second.stage)
      return std::shared_ptr<Source>(layers_source(session_, TRY(given->second.stage->use(session_))));
    name = given->second.image;
  }
  Telling telling(narrator_.sink(),
                  {.id = narrator_.new_id(), .name = "[internal] load " + shown_text(name, 200)});
  auto image = telling.tell([&] {
    return load_base_image(session_, name, platform_, base_images_, cancel_, telling.id(), telling.sink());
  });
  return std::shared_ptr<Source>(layers_source(session_, TRY(std::move(image))));
}

}  // namespace gantry::build
