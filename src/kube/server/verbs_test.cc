// SPDX-License-Identifier: Apache-2.0
#include "kube/server/verbs.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "kube/server/object_meta.h"
#include "kube/server/test_verbs.h"

namespace gantry::kube {
namespace {

std::string config_map(std::string_view name, std::string_view value) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}"}},"data":{{"a":"{}"}}}})", name,
      value);
}

// ---- Create, get, list

TEST(Verbs, what_is_created_has_an_identity_and_can_be_read) {
  TestVerbs test;
  const json::Tree made = tree(test.create("configmaps", config_map("a", "1")));
  EXPECT_EQ(made.text_at("data", "a"), "1");
  EXPECT_EQ(metadata_text(made, "namespace"), "default");
  EXPECT_EQ(metadata_text(made, "uid").size(), 36U);
  EXPECT_EQ(metadata_text(made, "creationTimestamp").size(), 20U);
  EXPECT_FALSE(metadata_text(made, "resourceVersion").empty());
  EXPECT_EQ(made.find("metadata", "managedFields")->array().front().text_at("manager"), "test");
  EXPECT_EQ(tree(test.get("configmaps", "a")), made);
  EXPECT_EQ(code(test.create("configmaps", config_map("a", "2"))), 409);
  EXPECT_EQ(message(test.get("configmaps", "b")), "configmaps \"b\" not found");
}

TEST(Verbs, names_can_be_made_up) {
  TestVerbs test;
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i)
    names.emplace(
        metadata_text(tree(test.create("configmaps", R"({"metadata":{"generateName":"a-"}})")), "name"));
  EXPECT_EQ(names.size(), 20U);
  EXPECT_EQ(names.begin()->substr(0, 2), "a-");
  EXPECT_EQ(code(test.create("configmaps", R"({"metadata":{}})")), 422);
}

TEST(Verbs, a_body_that_is_not_what_the_path_says_is_refused) {
  TestVerbs test;
  EXPECT_EQ(code(test.create("configmaps", R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}})")),
            400);
  EXPECT_EQ(code(test.create("configmaps", R"({"apiVersion":"v2","metadata":{"name":"a"}})")), 400);
  EXPECT_EQ(code(test.create("configmaps", R"({"metadata":{"name":"a","namespace":"b"}})")), 400);
  EXPECT_EQ(code(test.create("configmaps", R"({"metadata":{"name":"a","resourceVersion":"7"}})")), 400);
  EXPECT_EQ(code(test.create("configmaps", "nonsense")), 400);
  EXPECT_EQ(code(test.create("configmaps", "[]")), 400);
  EXPECT_EQ(code(test.create("configmaps", R"({"metadata":{"name":"A!"}})")), 422);
  EXPECT_EQ(code(test.run(test.request(Verb::Update, "configmaps", "a", config_map("b", "1")))), 404);
}

TEST(Verbs, a_list_gathers_what_is_there) {
  TestVerbs test;
  for (const char* name : {"b", "a", "c"}) MUST_ANSWER(test.create("configmaps", config_map(name, name)));
  ApiRequest list = test.request(Verb::List, "configmaps");
  list.read.limit = 2;
  const ApiAnswer answer = MUST_ANSWER(test.run(list));
  std::string json;
  for (const SharedBytes& piece : json_of(answer)) json += piece.view();
  const json::Tree whole = MUST(json::Tree::parse(json));
  EXPECT_EQ(whole.text_at("kind"), "ConfigMapList");
  EXPECT_EQ(whole.find("items")->array().size(), 2U);
  EXPECT_EQ(whole.find("metadata", "remainingItemCount")->as_int64(), 1);
  list.read.resource_version_match = "Exact";
  EXPECT_EQ(code(test.run(list)), 422);
  list.read = {.label_selector = "a=("};
  EXPECT_EQ(code(test.run(list)), 400);
  list.read = {.field_selector = "metadata.name=b"};
  EXPECT_EQ(std::get<ApiList>(MUST_ANSWER(test.run(list)).content).items.size(), 1U);
}

TEST(Verbs, a_dry_run_answers_and_writes_nothing) {
  TestVerbs test;
  ApiRequest create = test.request(Verb::Create, "configmaps", "", config_map("a", "1"));
  create.is_dry_run = true;
  EXPECT_EQ(code(test.run(create)), 201);
  EXPECT_EQ(code(test.get("configmaps", "a")), 404);
  MUST_ANSWER(test.create("configmaps", config_map("a", "1")));
  EXPECT_EQ(code(test.run(create)), 409);
  ApiRequest deletion = test.request(Verb::Delete, "configmaps", "a");
  deletion.is_dry_run = true;
  EXPECT_EQ(code(test.run(deletion)), 200);
  EXPECT_EQ(code(test.get("configmaps", "a")), 200);
}

// ---- Update and patch

TEST(Verbs, an_update_is_of_what_the_client_has_seen) {
  TestVerbs test;
  const json::Tree first = tree(test.create("configmaps", config_map("a", "1")));
  json::Tree changed = first;
  changed.object()["data"].object()["a"] = "2";
  const json::Tree second = tree(test.run(test.request(Verb::Update, "configmaps", "a", changed.to_text())));
  EXPECT_EQ(second.text_at("data", "a"), "2");
  EXPECT_NE(metadata_text(second, "resourceVersion"), metadata_text(first, "resourceVersion"));
  const auto stale = test.run(test.request(Verb::Update, "configmaps", "a", changed.to_text()));
  EXPECT_EQ(code(stale), 409);
  EXPECT_EQ(
      message(stale),
      "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your "
      "changes to the latest version and try again");
  // Without a revision it is whatever is there.
  EXPECT_EQ(tree(test.run(test.request(Verb::Update, "configmaps", "a", config_map("a", "3"))))
                .text_at("data", "a"),
            "3");
  json::Tree other = tree(test.get("configmaps", "a"));
  set_metadata(other, "uid", "11111111-1111-4111-8111-111111111111");
  EXPECT_EQ(code(test.run(test.request(Verb::Update, "configmaps", "a", other.to_text()))), 409);
}

TEST(Verbs, what_has_not_changed_is_not_written) {
  TestVerbs test;
  const json::Tree first = tree(test.create("configmaps", config_map("a", "1")));
  EXPECT_EQ(tree(test.run(test.request(Verb::Update, "configmaps", "a", first.to_text()))), first);
  EXPECT_EQ(tree(test.patch("configmaps", "a", PatchKind::Merge, R"({"data":{"a":"1"}})")), first);
}

TEST(Verbs, four_kinds_of_patches) {
  TestVerbs test;
  MUST_ANSWER(test.create("configmaps", config_map("a", "1")));
  const auto value = [](const Answer<ApiAnswer>& answer, const char* key) {
    return std::string(tree(answer).text_at("data", key));
  };
  EXPECT_EQ(value(test.patch("configmaps", "a", PatchKind::Merge, R"({"data":{"a":"2"}})"), "a"), "2");
  EXPECT_EQ(value(test.patch("configmaps", "a", PatchKind::Strategic, R"({"data":{"b":"3"}})"), "b"), "3");
  EXPECT_EQ(value(test.patch("configmaps", "a", PatchKind::Json,
                             R"([{"op":"replace","path":"/data/a","value":"4"}])"),
                  "a"),
            "4");
  EXPECT_EQ(
      code(test.patch("configmaps", "a", PatchKind::Json, R"([{"op":"test","path":"/data/a","value":"5"}])")),
      422);
  EXPECT_EQ(code(test.patch("configmaps", "none", PatchKind::Merge, "{}")), 404);
  EXPECT_EQ(code(test.patch("configmaps", "a", PatchKind::Merge, R"({"metadata":{"resourceVersion":"1"}})")),
            409);
}

TEST(Verbs, an_apply_creates_and_then_owns_what_it_says) {
  TestVerbs test;
  ApiRequest apply = test.request(Verb::Patch, "configmaps", "a", config_map("a", "1"));
  apply.patch = PatchKind::Apply;
  EXPECT_EQ(code(test.run(apply)), 422) << "somebody has to be named";
  apply.write.field_manager = "one";
  EXPECT_EQ(code(test.run(apply)), 201);
  const json::Tree made = tree(test.run(apply));
  EXPECT_EQ(made.text_at("data", "a"), "1");
  EXPECT_EQ(tree(test.run(apply)), made) << "the same again changes nothing";
  apply.write.field_manager = "two";
  apply.body = config_map("a", "2");
  EXPECT_EQ(code(test.run(apply)), 409);
  apply.write.is_forced = true;
  EXPECT_EQ(tree(test.run(apply)).text_at("data", "a"), "2");
  apply.body = std::string(R"({"kind":"ConfigMap","metadata":{"name":"a"}})");
  EXPECT_EQ(code(test.run(apply)), 400) << "of which version it is has to be said";
}

TEST(Verbs, nobodys_patch_is_lost_among_many) {
  TestVerbs test;
  MUST_ANSWER(test.create("configmaps", config_map("a", "1")));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 8; ++writer)
    writers.emplace_back([&, writer] {
      for (int i = 0; i < 20; ++i)
        EXPECT_EQ(code(test.patch("configmaps", "a", PatchKind::Merge,
                                  fmt::format(R"({{"data":{{"k{}-{}":"x"}}}})", writer, i))),
                  200);
    });
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(tree(test.get("configmaps", "a")).find("data")->object().size(), 161U);
}

TEST(Verbs, an_update_makes_what_is_not_there_of_some_kinds) {
  TestVerbs test;
  const std::string lease = R"({"metadata":{"name":"a"},"spec":{"holderIdentity":"me"}})";
  ApiRequest update = test.request(Verb::Update, "leases.coordination.k8s.io", "a", lease);
  update.may_create = []() -> Answer<void> { return forbidden({"", "leases"}, "a", "no"); };
  EXPECT_EQ(code(test.run(update)), 403);
  update.may_create = nullptr;
  EXPECT_EQ(code(test.run(update)), 201);
  EXPECT_EQ(code(test.run(update)), 422) << "of a lease, one has to know what is replaced";
}

// ---- Delete

TEST(Verbs, a_deletion_answers_what_it_was_about) {
  TestVerbs test;
  const json::Tree made = tree(test.create("configmaps", config_map("a", "1")));
  EXPECT_EQ(code(test.remove("configmaps", "a", R"({"preconditions":{"uid":"other"}})")), 409);
  EXPECT_EQ(code(test.remove("configmaps", "a", R"({"propagationPolicy":"Sometimes"})")), 422);
  const json::Tree gone = tree(test.remove("configmaps", "a"));
  EXPECT_EQ(gone.text_at("status"), "Success");
  EXPECT_EQ(gone.text_at("details", "uid"), metadata_text(made, "uid"));
  EXPECT_EQ(code(test.remove("configmaps", "a")), 404);
}

TEST(Verbs, finalizers_hold_what_is_deleted) {
  TestVerbs test;
  MUST_ANSWER(test.create("configmaps", R"({"metadata":{"name":"a","finalizers":["example.com/hold"]}})"));
  const json::Tree held = tree(test.remove("configmaps", "a"));
  EXPECT_TRUE(is_being_deleted(held));
  EXPECT_EQ(deletion_grace(held), 0);
  EXPECT_EQ(tree(test.remove("configmaps", "a")), held);
  EXPECT_EQ(code(test.patch("configmaps", "a", PatchKind::Merge, R"({"metadata":{"finalizers":null}})")),
            200);
  EXPECT_EQ(code(test.get("configmaps", "a")), 404);
  MUST_ANSWER(test.create("configmaps", config_map("b", "1")));
  EXPECT_TRUE(has_finalizer(tree(test.remove("configmaps", "b", R"({"propagationPolicy":"Foreground"})")),
                            kForegroundFinalizer));
  MUST_ANSWER(test.create("configmaps", config_map("c", "1")));
  EXPECT_TRUE(has_finalizer(tree(test.remove("configmaps", "c", R"({"propagationPolicy":"Orphan"})")),
                            kOrphanFinalizer));
}

TEST(Verbs, a_collection_is_deleted_by_its_selection) {
  TestVerbs test;
  for (const char* name : {"a", "b", "c"}) MUST_ANSWER(test.create("configmaps", config_map(name, name)));
  ApiRequest all = test.request(Verb::DeleteCollection, "configmaps");
  all.read.field_selector = "metadata.name!=b";
  EXPECT_EQ(std::get<ApiList>(MUST_ANSWER(test.run(all)).content).items.size(), 2U);
  EXPECT_EQ(code(test.get("configmaps", "a")), 404);
  EXPECT_EQ(code(test.get("configmaps", "b")), 200);
}

// ---- Pods

constexpr const char* kPod =
    R"({"metadata":{"name":"web","labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}})";

std::string binding(std::string_view node) {
  return fmt::format(R"({{"target":{{"kind":"Node","name":"{}"}}}})", node);
}

TEST(Verbs, a_pod_that_runs_gets_time_to_end) {
  TestVerbs test;
  MUST_ANSWER(test.create("pods", kPod));
  EXPECT_EQ(code(test.remove("pods", "web")), 200);
  EXPECT_EQ(code(test.get("pods", "web")), 404) << "it ran nowhere";
  MUST_ANSWER(test.create("pods", kPod));
  ApiRequest bind = test.request(Verb::Create, "pods", "web", binding("node1"));
  bind.subresource = "binding";
  EXPECT_EQ(code(test.run(bind)), 201);
  EXPECT_EQ(code(test.run(bind)), 409) << "it is bound already";
  const json::Tree bound = tree(test.get("pods", "web"));
  EXPECT_EQ(bound.text_at("spec", "nodeName"), "node1");
  EXPECT_EQ(bound.find("status", "conditions")->array().front().text_at("type"), "PodScheduled");
  const json::Tree ending = tree(test.remove("pods", "web"));
  EXPECT_EQ(deletion_grace(ending), 30);
  EXPECT_EQ(tree(test.remove("pods", "web")), ending);
  EXPECT_EQ(deletion_grace(tree(test.remove("pods", "web", R"({"gracePeriodSeconds":5})"))), 5);
  EXPECT_EQ(code(test.remove("pods", "web", R"({"gracePeriodSeconds":0})")), 200);
  EXPECT_EQ(code(test.get("pods", "web")), 404);
}

TEST(Verbs, an_eviction_asks_the_budget) {
  TestVerbs test;
  MUST_ANSWER(test.create("pods", kPod));
  ApiRequest status =
      test.request(Verb::Patch, "pods", "web",
                   R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})");
  status.subresource = "status";
  status.patch = PatchKind::Merge;
  EXPECT_EQ(tree(test.run(status)).text_at("status", "phase"), "Running");
  MUST_ANSWER(test.create(
      "poddisruptionbudgets.policy",
      R"({"metadata":{"name":"b"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"web"}}}})"));
  ApiRequest evict = test.request(Verb::Create, "pods", "web", R"({"metadata":{"name":"web"}})");
  evict.subresource = "eviction";
  EXPECT_EQ(code(test.run(evict)), 429);
  ApiRequest budget = test.request(
      Verb::Patch, "poddisruptionbudgets.policy", "b",
      R"({"status":{"observedGeneration":1,"disruptionsAllowed":1,"currentHealthy":1,"desiredHealthy":0,"expectedPods":1}})");
  budget.subresource = "status";
  budget.patch = PatchKind::Merge;
  EXPECT_EQ(code(test.run(budget)), 200);
  EXPECT_EQ(code(test.run(evict)), 201);
  EXPECT_EQ(code(test.get("pods", "web")), 404);
  EXPECT_EQ(
      tree(test.get("poddisruptionbudgets.policy", "b")).find("status", "disruptionsAllowed")->as_int64(), 0);
}

// ---- Other kinds

TEST(Verbs, a_scale_is_of_any_kind_that_has_replicas) {
  TestVerbs test;
  MUST_ANSWER(test.create(
      "deployments.apps",
      R"({"metadata":{"name":"web"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},)"
      R"("template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  ApiRequest scale = test.request(Verb::Get, "deployments.apps", "web");
  scale.subresource = "scale";
  const json::Tree two = tree(test.run(scale));
  EXPECT_EQ(two.text_at("kind"), "Scale");
  EXPECT_EQ(two.find("spec", "replicas")->as_int64(), 2);
  EXPECT_EQ(two.text_at("status", "selector"), "app=web");
  scale.verb = Verb::Patch;
  scale.patch = PatchKind::Merge;
  scale.body = std::string(R"({"spec":{"replicas":5}})");
  EXPECT_EQ(tree(test.run(scale)).find("spec", "replicas")->as_int64(), 5);
  scale.verb = Verb::Update;
  scale.body = two.to_text();
  EXPECT_EQ(code(test.run(scale)), 409) << "it was scaled since";
  const json::Tree deployment = tree(test.get("deployments.apps", "web"));
  EXPECT_EQ(deployment.find("spec", "replicas")->as_int64(), 5);
  EXPECT_EQ(deployment.find("metadata", "generation")->as_int64(), 2);
}

// "kubectl/scale/Apply" of each manager who has spec.replicas.
std::string owners_of_replicas(const json::Tree& object) {
  std::string owners;
  for (const json::Tree& entry : object.find("metadata", "managedFields")->array())
    if (entry.find("fieldsV1", "f:spec", "f:replicas") != nullptr)
      owners += fmt::format("{}{}/{}/{}", owners.empty() ? "" : " ", entry.text_at("manager"),
                            entry.text_at("subresource"), entry.text_at("operation"));
  return owners;
}

TEST(Verbs, who_scales_has_the_number) {
  TestVerbs test;
  MUST_ANSWER(test.create(
      "deployments.apps",
      R"({"metadata":{"name":"web"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"web"}},)"
      R"("template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  ApiRequest scale = test.request(Verb::Patch, "deployments.apps", "web");
  scale.subresource = "scale";
  scale.patch = PatchKind::Apply;
  scale.body = std::string(R"({"apiVersion":"autoscaling/v1","kind":"Scale","spec":{"replicas":7}})");
  EXPECT_EQ(code(test.run(scale)), 422) << "who applies says who he is";
  scale.write.field_manager = "autoscaler";
  const auto refused = test.run(scale);
  EXPECT_EQ(code(refused), 409);
  EXPECT_EQ(refused.error()->causes.front().field, ".spec.replicas");
  scale.write.is_forced = true;
  EXPECT_EQ(tree(test.run(scale)).find("spec", "replicas")->as_int64(), 7);
  EXPECT_EQ(owners_of_replicas(tree(test.get("deployments.apps", "web"))), "autoscaler/scale/Apply");
  scale.patch = PatchKind::Merge;
  scale.write = {.field_manager = "kubectl"};
  scale.body = std::string(R"({"spec":{"replicas":3}})");
  EXPECT_EQ(tree(test.run(scale)).find("spec", "replicas")->as_int64(), 3);
  EXPECT_EQ(owners_of_replicas(tree(test.get("deployments.apps", "web"))), "kubectl/scale/Update");
}

// Both are lists of the same objects.
TEST(Verbs, objects_are_selected_by_fields_of_the_version_that_is_asked_in) {
  TestVerbs test;
  const FieldPath path = {"involvedObject", "kind"};
  test.storage().cache().declare({.stored_as = "events",
                                  .fields = {{.name = "involvedObject.kind", .path = path, .absent = ""},
                                             {.name = "regarding.kind", .path = path, .absent = ""}}});
  const auto listed = [&](std::string_view kind, std::string selector) {
    ApiRequest list = test.request(Verb::List, kind);
    list.read.field_selector = std::move(selector);
    return test.run(list);
  };
  EXPECT_EQ(code(listed("events", "involvedObject.kind=Pod")), 200);
  EXPECT_EQ(code(listed("events.events.k8s.io", "regarding.kind=Pod")), 200);
  EXPECT_EQ(message(listed("events", "regarding.kind=Pod")), "field label not supported: regarding.kind");
  EXPECT_EQ(message(listed("events.events.k8s.io", "involvedObject.kind=Pod")),
            "field label not supported: involvedObject.kind");
  EXPECT_EQ(message(listed("pods", "spec.volumes=a")), "field label not supported: spec.volumes");
}

TEST(Verbs, objects_are_of_the_kind_that_the_path_has) {
  TestVerbs test;
  MUST_ANSWER(test.create("configmaps", config_map("a", "1")));
  const std::string other = R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}})";
  const std::string newer = R"({"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"a"}})";
  for (const std::string& body : {other, newer}) {
    EXPECT_EQ(code(test.create("configmaps", body)), 400) << body;
    EXPECT_EQ(code(test.run(test.request(Verb::Update, "configmaps", "a", body))), 400) << body;
    for (const PatchKind kind : {PatchKind::Merge, PatchKind::Strategic})
      EXPECT_EQ(code(test.patch("configmaps", "a", kind, body)), 400) << body;
    ApiRequest applied = test.request(Verb::Patch, "configmaps", "a", body);
    applied.patch = PatchKind::Apply;
    applied.write.field_manager = "somebody";
    EXPECT_EQ(code(test.run(applied)), 400) << body;
    EXPECT_EQ(code(test.remove("configmaps", "a", body)), 400) << body;
  }
  EXPECT_EQ(code(test.patch("configmaps", "a", PatchKind::Json,
                            R"([{"op":"replace","path":"/kind","value":"Secret"}])")),
            400);
}

TEST(Verbs, what_is_applied_says_what_it_is) {
  TestVerbs test;
  const auto apply = [&](const std::string& body) {
    ApiRequest applied = test.request(Verb::Patch, "configmaps", "a", body);
    applied.patch = PatchKind::Apply;
    applied.write.field_manager = "somebody";
    return test.run(applied);
  };
  EXPECT_EQ(message(apply(R"({"apiVersion":"v1","metadata":{"name":"a"}})")),
            "invalid object type: /v1, Kind=");
  EXPECT_EQ(message(apply(R"({"kind":"ConfigMap","data":{"a":"b"}})")),
            "invalid object type: /, Kind=ConfigMap");
  EXPECT_EQ(message(apply(R"({"apiVersion":"apps/v1","kind":"ConfigMap"})")),
            "invalid object type: apps/v1, Kind=ConfigMap");
  EXPECT_EQ(code(apply(R"({"apiVersion":"v1","kind":"ConfigMap"})")), 201);
}

TEST(Verbs, a_namespace_goes_when_nothing_is_left_in_it) {
  TestVerbs test;
  ApiRequest inside = test.request(Verb::Create, "configmaps", "", config_map("a", "1"));
  inside.name_space = "other";
  EXPECT_EQ(message(test.run(inside)), "namespaces \"other\" not found");
  test.make_namespace("other");
  EXPECT_EQ(code(test.run(inside)), 201);
  const json::Tree ending = tree(test.remove("namespaces", "other"));
  EXPECT_EQ(ending.text_at("status", "phase"), "Terminating");
  inside.body = config_map("b", "1");
  const auto refused = test.run(inside);
  EXPECT_EQ(code(refused), 403);
  EXPECT_EQ(refused.error()->causes.at(0).reason, "NamespaceTerminating");
  ApiRequest finalize = test.request(Verb::Update, "namespaces", "other",
                                     R"({"metadata":{"name":"other"},"spec":{"finalizers":[]}})");
  finalize.subresource = "finalize";
  EXPECT_EQ(code(test.run(finalize)), 200);
  EXPECT_EQ(code(test.get("namespaces", "other")), 404);
  EXPECT_EQ(code(test.remove("namespaces", "default")), 403);
}

std::string service(std::string_view name, std::string_view spec) {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"spec":{{"ports":[{{"port":80}}]{}}}}})", name, spec);
}

TEST(Verbs, services_get_addresses_that_nobody_else_has) {
  TestVerbs test;
  const json::Tree a = tree(test.create("services", service("a", "")));
  const std::string address(a.text_at("spec", "clusterIP"));
  EXPECT_EQ(address.substr(0, 8), "10.96.0.");
  EXPECT_EQ(a.find("spec", "clusterIPs")->array().front().as_string(), address);
  EXPECT_EQ(a.text_at("spec", "ipFamilyPolicy"), "SingleStack");
  const auto taken = test.create("services", service("b", fmt::format(R"(,"clusterIP":"{}")", address)));
  EXPECT_EQ(code(taken), 422);
  EXPECT_NE(message(taken).find("provided IP is already allocated"), std::string::npos);
  EXPECT_EQ(code(test.create("services", service("b", R"(,"clusterIP":"10.97.0.1")"))), 422);
  EXPECT_EQ(
      tree(test.create("services", service("none", R"(,"clusterIP":"None")"))).text_at("spec", "clusterIP"),
      "None");
  EXPECT_EQ(code(test.remove("services", "a")), 200);
  EXPECT_EQ(code(test.create("services", service("b", fmt::format(R"(,"clusterIP":"{}")", address)))), 201);
  // An update that does not name it keeps it.
  EXPECT_EQ(tree(test.run(test.request(Verb::Update, "services", "b", service("b", ""))))
                .text_at("spec", "clusterIP"),
            address);
}

TEST(Verbs, node_ports_are_given_until_there_are_none) {
  TestVerbs test;
  std::set<std::int64_t> ports;
  for (int i = 0; i < 4; ++i) {
    const json::Tree made =
        tree(test.create("services", service(fmt::format("s{}", i), R"(,"type":"NodePort")")));
    ports.insert(made.find("spec", "ports")->array().front().find("nodePort")->as_int64().value_or(0));
  }
  EXPECT_EQ(ports, (std::set<std::int64_t>{30000, 30001, 30002, 30003}));
  EXPECT_EQ(code(test.create("services", service("more", R"(,"type":"NodePort")"))), 500);
  EXPECT_EQ(code(test.patch("services", "s0", PatchKind::Merge, R"({"spec":{"type":"ClusterIP"}})")), 200);
  EXPECT_EQ(code(test.create("services", service("more", R"(,"type":"NodePort")"))), 201);
}

TEST(Verbs, a_watch_shows_the_version_that_was_asked_for) {
  TestVerbs test;
  ApiRequest request = test.request(Verb::Watch, "events.events.k8s.io");
  request.read.sends_initial_events = std::nullopt;
  TestWatcher watcher(MUST_ANSWER(test.verbs().watch(request)));
  MUST_ANSWER(test.create(
      "events",
      R"({"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"web","namespace":"default"},"message":"hello","reason":"R","type":"Normal"})"));
  const json::Tree event = MUST(json::Tree::parse(std::string(watcher.wait_for(1).at(0).object.view())));
  EXPECT_EQ(event.text_at("apiVersion"), "events.k8s.io/v1");
  EXPECT_EQ(event.text_at("note"), "hello");
  EXPECT_EQ(event.text_at("regarding", "name"), "web");
}

TEST(Verbs, what_a_resource_does_not_have_is_not_allowed) {
  TestVerbs test;
  ApiRequest request = test.request(Verb::Update, "configmaps", "a", config_map("a", "1"));
  request.subresource = "status";
  EXPECT_EQ(code(test.run(request)), 405);
}

}  // namespace
}  // namespace gantry::kube
