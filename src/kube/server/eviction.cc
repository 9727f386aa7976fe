// SPDX-License-Identifier: Apache-2.0
//
// A pod is asked to go, if the disruption budgets that it counts for allow it
// (https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/).
#include <fmt/format.h>

#include "kube/api/selector.h"
#include "kube/schema/catalog.h"
#include "kube/server/change_object.h"
#include "kube/server/object_meta.h"
#include "kube/server/stored_object.h"

namespace gantry::kube {

static constexpr const char* kBudgets = "policy/poddisruptionbudgets";

static bool is_ready(const json::Tree& pod) {
  const json::Tree* conditions = pod.find("status", "conditions");
  if (conditions == nullptr) return false;
  for (const json::Tree& condition : conditions->array())
    if (condition.text_at("type") == "Ready") return condition.text_at("status") == "True";
  return false;
}

static std::int64_t number_at(const json::Tree& budget, const char* key) {
  const json::Tree* number = budget.find("status", key);
  return number == nullptr ? 0 : number->as_int64().value_or(0);
}

// Whether a pod that has not begun, or has ended, or does not work, may go without asking.
static bool is_free_to_go(const json::Tree& pod, const json::Tree* budget) {
  const std::string_view phase = pod.text_at("status", "phase");
  if (phase == "Succeeded" || phase == "Failed" || phase == "Pending" || is_being_deleted(pod)) return true;
  if (budget == nullptr) return true;
  const bool is_always = budget->text_at("spec", "unhealthyPodEvictionPolicy") == "AlwaysAllow";
  const bool is_healthy_enough =
      number_at(*budget, "currentHealthy") >= number_at(*budget, "desiredHealthy") &&
      number_at(*budget, "desiredHealthy") > 0;
  return !is_ready(pod) && (is_always || is_healthy_enough);
}

// Names of the budgets that the pod counts for.
static Answer<std::vector<json::Tree>> budgets_of(const VerbParts& parts, const Resource& budgets,
                                                  const ApiRequest& request, const json::Tree& pod) {
  static const json::Tree kNothing;
  const json::Tree* labels = pod.find("metadata", "labels");
  Collection& collection = parts.storage.cache().collection(kBudgets);
  const Selection selection = TRY(Selection::make(request.name_space, {}, {}, {}));
  std::vector<json::Tree> found;
  for (const ObjectRef& item : TRY(parts.storage.list(collection, {.selection = selection})).items) {
    json::Tree budget = TRY(tree_of(budgets, item->json()));
    const json::Tree* selector = budget.find("spec", "selector");
    const LabelSelector wanted = TRY(LabelSelector::from_tree(selector != nullptr ? *selector : kNothing));
    if (wanted.matches(labels != nullptr ? *labels : kNothing)) found.push_back(std::move(budget));
  }
  return found;
}

// Of a controller that does not confirm: more pods that went than this are not kept in a budget.
static constexpr std::size_t kMostDisrupted = 2000;
static constexpr int kTryAgain = 10;  // seconds

static Status too_many(std::string why, int retry_after_seconds) {
  Status status = too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.",
                                    retry_after_seconds);
  status->causes.push_back({.reason = "DisruptionBudget", .message = std::move(why), .field = {}});
  return status;
}

// Why the controller that counts could not do so; empty: it could.
static std::string_view failed_sync(const json::Tree& budget) {
  if (const json::Tree* conditions = budget.find("status", "conditions"))
    for (const json::Tree& condition : conditions->array())
      if (condition.text_at("type") == "DisruptionAllowed" && condition.text_at("reason") == "SyncFailed")
        return condition.text_at("message");
  return {};
}

static Status none_allowed(const json::Tree& budget) {
  const std::string_view name = metadata_text(budget, "name");
  const std::int64_t current = number_at(budget, "currentHealthy");
  const std::int64_t wanted = number_at(budget, "desiredHealthy");
  if (const std::string_view why = failed_sync(budget); !why.empty())
    return too_many(fmt::format("The disruption budget {} does not allow evicting pods currently because it "
                                "failed sync: {}",
                                name, why),
                    0);
  if (current > wanted)
    return too_many(fmt::format("The disruption budget {} does not allow evicting pods currently", name), 0);
  return too_many(fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", name,
                              wanted, current),
                  0);
}

static Answer<std::optional<Proposal>> with_one_less(const json::Tree& budget, const std::string& pod) {
  const json::Tree* observed = budget.find("status", "observedGeneration");
  const json::Tree* generation = budget.find("metadata", "generation");
  if (observed == nullptr || generation == nullptr || *observed != *generation)
    return too_many(fmt::format("The disruption budget {} is still being processed by the server.",
                                metadata_text(budget, "name")),
                    kTryAgain);
  if (const json::Tree* pods = budget.find("status", "disruptedPods");
      pods != nullptr && pods->object().size() > kMostDisrupted)
    return forbidden({"policy", "poddisruptionbudgets"}, metadata_text(budget, "name"),
                     "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
  if (number_at(budget, "disruptionsAllowed") <= 0) return none_allowed(budget);
  Proposal proposal{.object = budget, .checks = Checks::None};
  json::TreeObject& status = proposal.object.object()["status"].object();
  status["disruptionsAllowed"] = number_at(budget, "disruptionsAllowed") - 1;
  status["disruptedPods"].object()[pod] = now_text();
  return std::optional(std::move(proposal));
}

// What counts pods that went (a Job) is to know why.
static Answer<std::optional<Proposal>> as_disrupted(const json::Tree& pod) {
  json::TreeObject condition;
  condition["type"] = "DisruptionTarget";
  condition["status"] = "True";
  condition["reason"] = "EvictionByEvictionAPI";
  condition["message"] = "Eviction API: evicting";
  condition["lastTransitionTime"] = now_text();
  Proposal proposal{.object = pod, .checks = Checks::None};
  json::TreeArray& conditions = proposal.object.object()["status"].object()["conditions"].array();
  std::erase_if(conditions,
                [](const json::Tree& each) { return each.text_at("type") == "DisruptionTarget"; });
  conditions.emplace_back(std::move(condition));
  return std::optional(std::move(proposal));
}

static Answer<void> ask_budget(const VerbParts& parts, const ApiRequest& request, const Resource& resource,
                               const json::Tree& budget) {
  const ApiRequest change{.user = request.user,
                          .verb = Verb::Update,
                          .resource = resource,
                          .subresource = "status",
                          .name_space = request.name_space,
                          .name = std::string(metadata_text(budget, "name")),
                          .is_dry_run = request.is_dry_run,
                          .write = {.field_manager = "gantry"}};
  TRY(change_object(parts, change,
                    [&](const json::Tree& live, Warnings&) { return with_one_less(live, request.name); }));
  return {};
}

Answer<ApiAnswer> create_eviction(const VerbParts& parts, const ApiRequest& request) {
  const Resource& pods = request.resource;
  const Subresource& kind = *pods.find_subresource(request.subresource);
  const Resource& budgets = *Catalog::built_in().find("policy", "v1", "poddisruptionbudgets");
  ApiAnswer answer{.code = 201};
  json::Tree eviction = TRY(read_body(request, *kind.type, kind.kind, answer.warnings));
  TRY(match_names(request, eviction));
  TRY(admit_part(parts, request, kind.kind, eviction, answer.warnings));
  const ObjectRef found = TRY(parts.storage.get(collection_of(parts, pods), path_of(request)));
  if (!found) return not_found(pods.id(), request.name);
  const json::Tree pod = TRY(tree_of(pods, found->json()));
  const std::vector<json::Tree> budgets_found = TRY(budgets_of(parts, budgets, request, pod));
  if (budgets_found.size() > 1)
    return internal_error(
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
        "not support.");
  const json::Tree* budget = budgets_found.empty() ? nullptr : &budgets_found.front();
  if (!is_free_to_go(pod, budget)) TRY(ask_budget(parts, request, budgets, *budget));
  const ApiRequest mark{.user = request.user,
                        .verb = Verb::Update,
                        .resource = pods,
                        .subresource = "status",
                        .name_space = request.name_space,
                        .name = request.name,
                        .is_dry_run = request.is_dry_run,
                        .write = {.field_manager = "gantry"}};
  TRY(change_object(parts, mark, [](const json::Tree& live, Warnings&) { return as_disrupted(live); }));

  ApiRequest deletion = request;
  deletion.subresource.clear();
  deletion.verb = Verb::Delete;
  const json::Tree* options = eviction.find("deleteOptions");
  deletion.body = options != nullptr ? *options : json::Tree();
  TRY(delete_object(parts, deletion));
  answer.content = success({}, "", "");
  return answer;
}

}  // namespace gantry::kube
