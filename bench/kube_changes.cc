// SPDX-License-Identifier: Apache-2.0
//
// What happens to one API object between decoding and storing: patches, managed fields, server-side apply,
// rules.
//
//   bench_kube_changes [calls]
//
// The object is a pod of about 2.5 KB that two managers own, with the built-in types. Prints microseconds a
// call on one thread, the copies that each call works on included.
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "kube/patch/apply.h"
#include "kube/patch/json_patch.h"
#include "kube/patch/managed_fields.h"
#include "kube/patch/merge_patch.h"
#include "kube/patch/strategic_patch.h"
#include "kube/rules/rules.h"
#include "kube/schema/catalog.h"
#include "kube/schema/decode.h"
#include "testing/must.h"

namespace {

using namespace gantry;
using namespace gantry::kube;
using json::Tree;

constexpr const char* kContainer =
    R"({"name":"NAME","image":"registry.example.com/team/web:1.27","args":["--port=8080","--verbose"],)"
    R"("env":[{"name":"HOME","value":"/srv"},{"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}],)"
    R"("ports":[{"name":"http","containerPort":8080},{"name":"metrics","containerPort":9090}],)"
    R"("resources":{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"}},)"
    R"("livenessProbe":{"httpGet":{"path":"/healthz","port":8080},"periodSeconds":10},)"
    R"("volumeMounts":[{"name":"data","mountPath":"/data"},{"name":"config","mountPath":"/etc/web"}]})";

template <class T>
T granted(Answer<T> answer) {
  if (answer) return std::move(*answer);
  std::fprintf(stderr, "%s\n", answer.error()->message.c_str());
  std::abort();
}

std::string container(const std::string& name) {
  std::string text = kContainer;
  return text.replace(text.find("NAME"), 4, name);
}

std::string pod_text() {
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"default",)"
         R"("labels":{"app":"web","tier":"front"},"annotations":{"example.com/team":"web"}},"spec":{"containers":[)" +
         container("web") + "," + container("side") +
         R"(],"volumes":[{"name":"data","emptyDir":{}},{"name":"config","configMap":{"name":"web"}}],)"
         R"("tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute"}]}})";
}

Tree decoded(const Type& type, std::string text) {
  return granted(decode(type, std::move(text), FieldValidation::Strict)).object;
}

double cpu_us() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void measure(const char* what, int calls, const std::function<void()>& call) {
  for (int i = 0; i < calls / 10; ++i) call();
  const double start = cpu_us();
  for (int i = 0; i < calls; ++i) call();
  std::printf("%-32s %8.1f us\n", what, (cpu_us() - start) / calls);
}

}  // namespace

int main(int count, char** words) {
  const int calls = count > 1 ? std::atoi(words[1]) : 20'000;
  const Resource& pods = *Catalog::built_in().find("", "v1", "pods");
  const Type& type = *pods.type;
  const FieldManager me{"me", "v1", "", "2026-11-21T10:00:00Z", {"status"}};
  const FieldManager other{"kubectl", "v1", "", "2026-11-21T11:00:00Z", {"status"}};

  const Tree config = decoded(type, pod_text());
  Tree live = *granted(apply(type, nullptr, config, me, OnConflict::Refuse));
  apply_defaults(type, live);
  rules::prepare({pods, "", nullptr}, live);
  Tree labelled = live;
  labelled.object()["metadata"].object()["labels"].object()["release"] = "7";
  track_update(type, &live, labelled, other);
  live = labelled;
  std::printf("the object: %zu bytes, %zu of them without managed fields\n", live.to_text().size(),
              live.to_text().size() - live.find("metadata", "managedFields")->to_text().size());

  Tree relabelled = live;
  relabelled.object()["metadata"].object()["labels"].object()["release"] = "8";
  Tree changed = config;
  changed.object()["spec"].object()["containers"].array().front().object()["image"] = "web:2";
  const Tree merge = MUST(Tree::parse(R"({"metadata":{"labels":{"release":"9"}}})"));
  const Tree strategic = MUST(Tree::parse(R"({"spec":{"containers":[{"name":"web","image":"web:3"}]}})"));
  const Tree operations =
      MUST(Tree::parse(R"([{"op":"replace","path":"/spec/containers/0/image","value":"web:4"}])"));

  measure("copy of the object", calls, [&] { Tree copy = live; });
  measure("managed fields of a create", calls, [&] {
    Tree object = config;
    track_update(type, nullptr, object, other);
  });
  measure("managed fields of an update", calls, [&] {
    Tree object = relabelled;
    track_update(type, &live, object, other);
  });
  measure("apply that changes nothing", calls,
          [&] { (void)granted(apply(type, &live, config, me, OnConflict::Refuse)); });
  measure("apply of another image", calls,
          [&] { (void)granted(apply(type, &live, changed, me, OnConflict::Refuse)); });
  measure("merge patch", calls, [&] { (void)granted(apply_merge_patch(live, merge)); });
  measure("strategic merge patch", calls,
          [&] { (void)granted(apply_strategic_patch(live, strategic, type)); });
  measure("JSON patch", calls, [&] { (void)granted(apply_json_patch(live, operations)); });
  measure("rules of a create", calls, [&] {
    if (!rules::validate({pods, "", nullptr}, live).empty()) std::abort();
  });
  measure("rules of an update", calls, [&] {
    if (!rules::validate({pods, "", &live}, relabelled).empty()) std::abort();
  });
}
