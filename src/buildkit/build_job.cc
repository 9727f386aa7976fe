// SPDX-License-Identifier: Apache-2.0
#include "buildkit/build_job.h"

#include <algorithm>

#include "base/timestamp.h"

namespace gantry::buildkit {
namespace {

constexpr std::size_t kMostEnded = 20;

}  // namespace

BuildJob::BuildJob(SolveOrder order) : order_(std::move(order)), created_(wall_clock_ns()) {}

std::optional<BuildJob::Failure> BuildJob::failure_of(const Result<void>& outcome) {
  if (outcome) return std::nullopt;
  return Failure{outcome.error().code(), outcome.error().message()};
}

void BuildJob::set_response(StringMap response) {
  const MutexLock lock(mutex_);
  response_ = std::move(response);
}

StringMap BuildJob::response() const {
  const MutexLock lock(mutex_);
  return response_;
}

void BuildJob::set_stage(std::shared_ptr<const build::BuiltStage> stage) {
  const MutexLock lock(mutex_);
  stage_ = std::move(stage);
}

std::shared_ptr<const build::BuiltStage> BuildJob::stage() const {
  const MutexLock lock(mutex_);
  return stage_;
}

Result<void> BuildJob::wait_for_return() {
  const MutexLock lock(mutex_);
  while (!is_returned_ && !is_given_up_) changed_.wait(mutex_);
  if (!is_returned_) return error(Code::Conflict, "the client left before its build had ended");
  if (failure_) return error(failure_->code, "{}", failure_->message);
  return {};
}

void BuildJob::on_return(const Result<void>& outcome) {
  const MutexLock lock(mutex_);
  is_returned_ = true;
  failure_ = failure_of(outcome);
  changed_.notify_all();
}

void BuildJob::give_up() {
  cancel_.cancel("the client has gone");
  const MutexLock lock(mutex_);
  is_given_up_ = true;
  changed_.notify_all();
}

void BuildJob::end(const Result<void>& outcome) {
  {
    const MutexLock lock(mutex_);
    failure_ = failure_of(outcome);
    completed_ = wall_clock_ns();
    stage_.reset();
  }
  log_->end();
}

BuildRecord BuildJob::record() const {
  const MutexLock lock(mutex_);
  return {.order = order_,
          .created = created_,
          .completed = completed_,
          .failure = failure_ ? failure_->message : "",
          .exporter_response = response_,
          .counts = log_->counts()};
}

void BuildJobs::touch() {
  ++version_;
  changed_.notify_all();
}

Result<std::shared_ptr<BuildJob>> BuildJobs::begin(SolveOrder order) {
  const MutexLock lock(mutex_);
  const std::string ref = order.ref;
  const auto [place, is_new] = running_.try_emplace(ref);
  if (!is_new) return error(Code::AlreadyExists, "there is a build '{}' already", ref);
  place->second = std::make_shared<BuildJob>(std::move(order));
  touch();
  return place->second;
}

void BuildJobs::end(const std::shared_ptr<BuildJob>& job, const Result<void>& outcome) {
  job->end(outcome);
  const MutexLock lock(mutex_);
  running_.erase(job->order().ref);
  ended_.push_front(job);
  if (ended_.size() > kMostEnded) ended_.pop_back();
  touch();
}

Result<std::shared_ptr<BuildJob>> BuildJobs::find(const std::string& ref,
                                                  std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = running_.find(ref);
    if (found != running_.end()) return found->second;
    const auto ended = std::ranges::find_if(ended_, [&](const auto& job) { return job->order().ref == ref; });
    if (ended != ended_.end()) return *ended;
    if (!changed_.wait_until(mutex_, deadline)) return error(Code::NotFound, "no such build: {}", ref);
  }
}

std::vector<BuildRecord> BuildJobs::records(const std::string& ref) const {
  std::vector<BuildRecord> records;
  const MutexLock lock(mutex_);
  const auto add = [&](const BuildJob& job) {
    if ((ref.empty() || job.order().ref == ref) && !job.order().is_internal) records.push_back(job.record());
  };
  for (const auto& [name, job] : running_) add(*job);
  for (const auto& job : ended_) add(*job);
  return records;
}

bool BuildJobs::forget(const std::string& ref) {
  const MutexLock lock(mutex_);
  const std::size_t erased = std::erase_if(ended_, [&](const auto& job) { return job->order().ref == ref; });
  if (erased > 0) touch();
  return erased > 0;
}

std::uint64_t BuildJobs::version() const {
  const MutexLock lock(mutex_);
  return version_;
}

void BuildJobs::wait_for_change(std::uint64_t seen) {
  const MutexLock lock(mutex_);
  const std::uint64_t wakes = wakes_;
  while (version_ == seen && wakes_ == wakes) changed_.wait(mutex_);
}

void BuildJobs::wake() {
  const MutexLock lock(mutex_);
  ++wakes_;
  changed_.notify_all();
}

}  // namespace gantry::buildkit
