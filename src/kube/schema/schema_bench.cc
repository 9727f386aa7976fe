// SPDX-License-Identifier: Apache-2.0
//
// What schemas cost: reading the files at the start, decoding and defaulting a pod of about 2.5 KB.
#include <chrono>
#include <cstdio>
#include <string>

#include <malloc.h>

#include <fmt/format.h>

#include "kube/schema/catalog.h"
#include "kube/schema/decode.h"

namespace {

using namespace gantry;
using namespace gantry::kube;

std::string a_pod() {
  std::string pod =
      R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-5d9c7b8f6d-abcde","namespace":"default","labels":{)"
      R"("app.kubernetes.io/name":"web","pod-template-hash":"5d9c7b8f6d"},"annotations":{"note":")" +
      std::string(400, 'x') +
      R"("}},"spec":{"nodeName":"node-1","serviceAccountName":"default","containers":[)";
  for (const char* name : {"web", "sidecar"})
    pod += fmt::format(
        R"({}{{"name":"{}","image":"registry.example.com/team/{}:1.2.3","args":["--listen=:8080","--verbose"],)"
        R"("ports":[{{"containerPort":8080,"name":"http","protocol":"TCP"}}],"env":[{{"name":"A","value":"1"}},)"
        R"({{"name":"POD","valueFrom":{{"fieldRef":{{"fieldPath":"metadata.name"}}}}}}],"resources":{{"limits":)"
        R"({{"cpu":"500m","memory":"128Mi"}},"requests":{{"cpu":"100m","memory":"64Mi"}}}},"livenessProbe":)"
        R"({{"httpGet":{{"path":"/healthz","port":8080}},"initialDelaySeconds":5}},"volumeMounts":[{{"name":)"
        R"("data","mountPath":"/data"}}]}})",
        pod.back() == '[' ? "" : ",", name, name);
  pod += R"(],"volumes":[{"name":"data","emptyDir":{}},{"name":"config","configMap":{"name":"web"}}],)"
         R"("tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",)"
         R"("tolerationSeconds":300}]},"status":{"phase":"Running","podIP":"10.1.2.3","conditions":[)"
         R"({"type":"Ready","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"},)"
         R"({"type":"PodScheduled","status":"True","lastTransitionTime":"2026-11-21T10:00:00Z"}]}})";
  return pod;
}

double microseconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

template <class Work>
void measure(const char* name, Work work) {
  constexpr int kTimes = 20'000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) work();
  std::printf("%-28s %7.2f us\n", name, microseconds_since(begin) / kTimes);
}

}  // namespace

int main() {
  const std::size_t before = mallinfo2().uordblks;
  const auto begin = std::chrono::steady_clock::now();
  const Catalog& catalog = Catalog::built_in();
  std::printf("%-28s %7.0f us, %zu KiB\n", "read the schema files", microseconds_since(begin),
              (mallinfo2().uordblks - before) / 1024);

  const Type& type = *catalog.find("", "v1", "pods")->type;
  const std::string pod = a_pod();
  std::printf("a pod of %zu bytes\n", pod.size());
  measure("  parse", [&] { (void)json::Document::parse(pod); });
  measure("  parse to a tree", [&] { (void)json::Tree::parse(pod); });
  measure("  decode", [&] { (void)decode(type, pod, FieldValidation::Strict); });
  const json::Tree decoded = decode(type, pod, FieldValidation::Strict)->object;
  measure("  copy", [&] { const json::Tree copy = decoded; });
  measure("  copy and default", [&] {
    json::Tree copy = decoded;
    (void)apply_defaults(type, copy);
  });
  measure("  write", [&] { (void)decoded.to_text(); });
}
