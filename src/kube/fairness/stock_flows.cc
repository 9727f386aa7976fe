// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/stock_flows.h"

#include <fmt/format.h>

#include <string_view>

#include "base/split.h"
#include "kube/api/stored_kinds.h"

namespace gantry::kube {
namespace {

constexpr const char* kAutoUpdate = "apf.kubernetes.io/autoupdate-spec";

struct Level {
  const char* name;
  int shares;
  int lendable;  // percent
  int queues;    // 0: what cannot be served at once is refused
  int hand = 6;
};
constexpr Level kLevels[] = {
    {"catch-all", 5, 0, 0},        {"global-default", 20, 50, 128}, {"leader-election", 10, 0, 16, 4},
    {"node-high", 40, 25, 64},     {"system", 30, 33, 64},          {"workload-high", 40, 50, 128},
    {"workload-low", 100, 90, 128}};

// Subjects: user=, group=, account=NAMESPACE/NAME. Rules: "VERBS GROUPS RESOURCES[ cluster]" for resources of
// all namespaces, "VERBS path PATHS"; lists with commas, rules with semicolons between them.
struct Schema {
  const char* name;
  const char* level;
  int precedence;
  const char* distinguisher;
  const char* subjects;
  const char* rules;
};
constexpr const char* kAll = "* * * cluster;* path *";
constexpr const char* kEverybody = "group=system:unauthenticated,group=system:authenticated";
constexpr Schema kSchemas[] = {
    {"exempt", "exempt", 1, "", "group=system:masters", kAll},
    {"probes", "exempt", 2, "", kEverybody, "get path /healthz,/readyz,/livez"},
    {"system-leader-election", "leader-election", 100, "ByUser",
     "user=system:kube-controller-manager,user=system:kube-scheduler,account=kube-system/*",
     "get,create,update coordination.k8s.io leases"},
    {"system-node-high", "node-high", 400, "ByUser", "group=system:nodes",
     "* core nodes,nodes/status cluster;* coordination.k8s.io leases"},
    {"system-nodes", "system", 500, "ByUser", "group=system:nodes", kAll},
    {"kube-controller-manager", "workload-high", 800, "ByNamespace", "user=system:kube-controller-manager",
     kAll},
    {"kube-scheduler", "workload-high", 800, "ByNamespace", "user=system:kube-scheduler", kAll},
    {"kube-system-service-accounts", "workload-high", 900, "ByNamespace", "account=kube-system/*", kAll},
    {"service-accounts", "workload-low", 9000, "ByUser", "group=system:serviceaccounts", kAll},
    {"global-default", "global-default", 9900, "ByUser", kEverybody, kAll},
    {"catch-all", "catch-all", 10000, "ByUser", kEverybody, kAll}};

json::Tree object_of(const char* kind, const char* name) {
  json::TreeObject object;
  object["apiVersion"] = "flowcontrol.apiserver.k8s.io/v1";
  object["kind"] = kind;
  object["metadata"].object()["name"] = name;
  object["metadata"].object()["annotations"].object()[kAutoUpdate] = "true";
  return object;
}

json::Tree texts(std::string_view list) {
  json::TreeArray array;
  for (const std::string_view word : split(list, ',')) array.emplace_back(word == "core" ? "" : word);
  return array;
}

json::Tree subject_of(std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view kind = word.substr(0, equals), name = word.substr(equals + 1);
  json::TreeObject subject;
  if (kind == "account") {
    const std::size_t slash = name.find('/');
    subject["kind"] = "ServiceAccount";
    subject["serviceAccount"].object()["namespace"] = name.substr(0, slash);
    subject["serviceAccount"].object()["name"] = name.substr(slash + 1);
  } else {
    subject["kind"] = kind == "user" ? "User" : "Group";
    subject[kind].object()["name"] = name;
  }
  return subject;
}

void add_rule(json::TreeObject& rules, std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  json::TreeObject rule;
  rule["verbs"] = texts(words[0]);
  if (words[1] == "path") {
    rule["nonResourceURLs"] = texts(words[2]);
    rules["nonResourceRules"].array().emplace_back(std::move(rule));
    return;
  }
  rule["apiGroups"] = texts(words[1]);
  rule["resources"] = texts(words[2]);
  rule["namespaces"] = texts("*");
  if (words.size() > 3) rule["clusterScope"] = true;
  rules["resourceRules"].array().emplace_back(std::move(rule));
}

StockObject level_of(const Level& level) {
  json::Tree object = object_of("PriorityLevelConfiguration", level.name);
  json::TreeObject& spec = object.object()["spec"].object();
  spec["type"] = "Limited";
  json::TreeObject& limited = spec["limited"].object();
  limited["nominalConcurrencyShares"] = level.shares;
  limited["lendablePercent"] = level.lendable;
  json::TreeObject& response = limited["limitResponse"].object();
  response["type"] = level.queues == 0 ? "Reject" : "Queue";
  if (level.queues != 0) {
    json::TreeObject& queuing = response["queuing"].object();
    queuing["queues"] = level.queues;
    queuing["handSize"] = level.hand;
    queuing["queueLengthLimit"] = 50;
  }
  return {stored::kPriorityLevels, std::move(object)};
}

StockObject exempt_level() {
  json::Tree object = object_of("PriorityLevelConfiguration", "exempt");
  json::TreeObject& spec = object.object()["spec"].object();
  spec["type"] = "Exempt";
  spec["exempt"].object()["nominalConcurrencyShares"] = 0;
  spec["exempt"].object()["lendablePercent"] = 0;
  return {stored::kPriorityLevels, std::move(object)};
}

StockObject schema_of(const Schema& schema) {
  json::Tree object = object_of("FlowSchema", schema.name);
  json::TreeObject& spec = object.object()["spec"].object();
  spec["priorityLevelConfiguration"].object()["name"] = schema.level;
  spec["matchingPrecedence"] = schema.precedence;
  if (*schema.distinguisher != '\0') spec["distinguisherMethod"].object()["type"] = schema.distinguisher;
  json::TreeObject rules;
  for (const std::string_view subject : split(schema.subjects, ','))
    rules["subjects"].array().push_back(subject_of(subject));
  for (const std::string_view rule : split(schema.rules, ';')) add_rule(rules, rule);
  spec["rules"].array().emplace_back(std::move(rules));
  return {stored::kFlowSchemas, std::move(object)};
}

}  // namespace

std::vector<StockObject> stock_flows() {
  std::vector<StockObject> objects = {exempt_level()};
  for (const Level& level : kLevels) objects.push_back(level_of(level));
  for (const Schema& schema : kSchemas) objects.push_back(schema_of(schema));
  return objects;
}

std::optional<json::Tree> fixed_flow_spec(std::string_view kind, std::string_view name) {
  if (name != "exempt" && name != "catch-all") return {};
  for (const StockObject& stock : stock_flows())
    if (stock.object.text_at("kind") == kind && stock.object.text_at("metadata", "name") == name)
      return *stock.object.find("spec");
  return {};
}

std::vector<StockObject> missing_stock_flows(const ObjectSource& objects) {
  std::vector<StockObject> missing;
  for (StockObject& stock : stock_flows()) {
    auto there = objects.get(stock.stored_as, "", stock.object.text_at("metadata", "name"));
    if (!there) {
      missing.push_back(std::move(stock));
      continue;
    }
    const json::Tree& spec = *stock.object.find("spec");
    const json::Tree* current = there->find("spec");
    const bool is_ours = there->text_at("metadata", "annotations", kAutoUpdate) == "true";
    if (!is_ours || (current != nullptr && *current == spec)) continue;
    there->object()["spec"] = spec;
    missing.push_back({stock.stored_as, *std::move(there)});
  }
  return missing;
}

}  // namespace gantry::kube
