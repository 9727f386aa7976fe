// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/job_status.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kube/rules/checks.h"
#include "kube/rules/index_set.h"

namespace gantry::kube::rules {
namespace {

using json::Tree;

bool has_condition(const Tree& job, std::string_view type) {
  const Tree* conditions = job.find("status", "conditions");
  return conditions != nullptr && std::ranges::any_of(conditions->array(), [&](const Tree& condition) {
           return condition.text_at("type") == type && condition.text_at("status") == "True";
         });
}

bool is_finished(const Tree& job) { return has_condition(job, "Complete") || has_condition(job, "Failed"); }

std::int64_t number_of(const Tree* number) { return number == nullptr ? 0 : number->as_int64().value_or(0); }

class JobStatus {
 public:
  JobStatus(const Spot& job, const Tree& before)
      : now_(job.value()), before_(before), spec_(job["spec"]), status_(job["status"]) {}

  void check() const {
    counts();
    uncounted();
    exclusive_conditions();
    completion_time();
    preconditions();
    finished();
    indexes();
    if (changed({"ready", "active"}) && status_["ready"].number() > status_["active"].number())
      status_["ready"].invalid("cannot set more ready pods than active");
    success_criteria();
    what_stays();
  }

 private:
  bool is(std::string_view condition) const { return has_condition(now_, condition); }
  bool was(std::string_view condition) const { return has_condition(before_, condition); }
  bool changed(std::initializer_list<const char*> fields) const {
    return std::ranges::any_of(fields, [&](const char* field) {
      return !is_same(&status_[field].value(), before_.find("status", field));
    });
  }
  bool turned(std::initializer_list<std::string_view> types) const {
    return std::ranges::any_of(types, [&](std::string_view type) { return is(type) != was(type); });
  }
  bool is_indexed() const { return spec_["completionMode"].text() == "Indexed"; }
  const Spot& conditions() const { return conditions_; }

  void counts() const {
    for (const char* field : {"active", "succeeded", "failed", "ready", "terminating"})
      non_negative(status_[field]);
  }

  void uncounted() const {
    std::set<std::string_view> seen;
    for (const char* list : {"succeeded", "failed"})
      status_["uncountedTerminatedPods"][list].each([&](const Spot& uid) {
        if (uid.text().empty())
          uid.invalid(Tree(""), "must not be empty");
        else if (!seen.insert(uid.text()).second)
          uid.duplicate();
      });
  }

  void exclusive_conditions() const {
    if (turned({"Complete", "Failed"}) && is("Complete") && is("Failed"))
      conditions().unfit("cannot set Complete=True and Failed=true conditions");
    if (turned({"Complete", "FailureTarget"}) && is("Complete") && is("FailureTarget"))
      conditions().unfit("cannot set Complete=True and FailureTarget=true conditions");
  }

  void completion_time() const {
    const Spot end = status_["completionTime"];
    if (turned({"Complete"}) || changed({"completionTime"})) {
      if (end.is_set() && !is("Complete"))
        end.invalid("cannot set completionTime when there is no Complete=True condition");
      if (!end.is_set() && is("Complete")) end.required("completionTime is required for Complete jobs");
    }
    // Both as Kubernetes writes them, with one time zone: they sort as texts.
    if (changed({"startTime", "completionTime"}) && end.is_set() && end.text() < status_["startTime"].text())
      end.invalid("must be equal to or after `startTime`");
  }

  void preconditions() const {
    if (turned({"Failed", "FailureTarget"}) && is("Failed") && !is("FailureTarget"))
      conditions().unfit("cannot set Failed=True condition without the FailureTarget=true condition");
    if (turned({"Complete", "SuccessCriteriaMet"}) && is("Complete") && !is("SuccessCriteriaMet"))
      conditions().unfit("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  }

  void finished() const {
    if (!is_finished(now_)) return;
    const bool has_just_ended = !is_finished(before_);
    if ((has_just_ended || changed({"active"})) && status_["active"].number() > 0)
      status_["active"].invalid("active>0 is invalid for finished job");
    const bool never_had_to_start =
        spec_["suspend"].flag() && spec_["completions"].is_set() && spec_["completions"].number() == 0;
    if ((has_just_ended || changed({"startTime"})) && !never_had_to_start && !status_["startTime"].is_set())
      status_["startTime"].required("startTime is required for finished job");
    const Spot pods = status_["uncountedTerminatedPods"];
    if ((has_just_ended || changed({"uncountedTerminatedPods"})) &&
        pods["succeeded"].size() + pods["failed"].size() > 0)
      pods.invalid("must be empty for finished job");
    if ((has_just_ended || changed({"terminating"})) && status_["terminating"].number() > 0)
      status_["terminating"].invalid("terminating>0 is invalid for finished job");
  }

  void index_format(const char* field) const {
    const Spot indexes = status_[field];
    if (const auto count = count_indexes(indexes.text(), spec_["completions"].number()); !count)
      indexes.invalid(fmt::format("error parsing {}: {}", field, count.error()));
  }

  void indexes() const {
    const Spot completed = status_["completedIndexes"];
    const Spot failed = status_["failedIndexes"];
    const bool has_count = spec_["completions"].is_set();
    const bool has_limit = spec_["backoffLimitPerIndex"].is_set();
    if (changed({"completedIndexes"})) {
      if (has_count) index_format("completedIndexes");
      if (completed.has_something() && !is_indexed())
        completed.invalid("cannot set non-empty completedIndexes when non-indexed completion mode");
    }
    if (changed({"failedIndexes"})) {
      if (has_count && has_limit) index_format("failedIndexes");
      if (failed.is_set() && !has_limit)
        failed.invalid("cannot set non-null failedIndexes when backoffLimitPerIndex is null");
    }
    if (!has_count || !failed.is_set() || !changed({"completedIndexes", "failedIndexes"})) return;
    if (const auto both = common_index(completed.text(), failed.text(), spec_["completions"].number()))
      failed.invalid(fmt::format("failedIndexes and completedIndexes overlap at index: {}", *both));
  }

  void success_criteria() const {
    if (is("SuccessCriteriaMet") && is("Failed"))
      conditions().unfit("cannot set SuccessCriteriaMet=True and Failed=true conditions");
    if (is("SuccessCriteriaMet") && is("FailureTarget"))
      conditions().unfit("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    if (spec_["successPolicy"].is_set() && !is("SuccessCriteriaMet") && is("Complete"))
      conditions().unfit(
          "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  }

  void what_stays() const {
    for (const char* type : {"Failed", "Complete", "FailureTarget"})
      if (was(type) && !is(type))
        conditions().unfit(fmt::format("cannot disable the terminal {}=True condition", type));
    if (status_["failed"].number() < number_of(before_.find("status", "failed")))
      status_["failed"].invalid(Tree(status_["failed"].number()), "cannot decrease the failed counter");
    const bool may_shrink =
        is_indexed() && is_same(&spec_["completions"].value(), &spec_["parallelism"].value());
    if (!may_shrink && status_["succeeded"].number() < number_of(before_.find("status", "succeeded")))
      status_["succeeded"].invalid(Tree(status_["succeeded"].number()),
                                   "cannot decrease the succeeded counter");
    const Tree* end = before_.find("status", "completionTime");
    if (end != nullptr && status_["completionTime"].is_set()) immutable(status_["completionTime"], end);
    if (before_.find("status", "startTime") != nullptr && changed({"startTime"}) && !spec_["suspend"].flag())
      status_["startTime"].required("startTime cannot be removed for unsuspended job");
    if (was("SuccessCriteriaMet") && !is("SuccessCriteriaMet"))
      conditions().unfit("cannot disable the SuccessCriteriaMet=True condition");
    if (was("Complete") && !was("SuccessCriteriaMet") && is("SuccessCriteriaMet"))
      conditions().unfit("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
  }

  const Tree& now_;
  const Tree& before_;
  const Spot spec_;
  const Spot status_;
  const Spot conditions_ = status_["conditions"];
};

}  // namespace

void update_job_status(const Spot& job, const Tree& before) { JobStatus(job, before).check(); }

}  // namespace gantry::kube::rules
