// SPDX-License-Identifier: Apache-2.0
//
// What it costs to show pods: as a table, as metadata alone, in protobuf and back; and to describe the
// server.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "kube/protobuf/envelope.h"
#include "kube/schema/catalog.h"
#include "kube/views/discovery.h"
#include "kube/views/openapi.h"
#include "kube/views/partial_object.h"
#include "kube/views/table.h"

namespace {

using namespace gantry;
using namespace gantry::kube;

constexpr int kPods = 10'000;

std::string pod() {
  std::string environment;
  for (int i = 0; i < 40; ++i)
    environment +=
        fmt::format(R"({}{{"name":"VARIABLE_{}","value":"some value {}"}})", i == 0 ? "" : ",", i, i);
  return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"default","labels":{"app":"web"},)"
         R"("creationTimestamp":"2026-11-21T00:00:00Z"},"spec":{"nodeName":"n1","containers":[{"name":"web",)"
         R"("image":"nginx","resources":{"requests":{"cpu":"100m","memory":"64Mi"}},"env":[)" +
         environment +
         R"(]}]},"status":{"phase":"Running","podIP":"10.0.0.1","containerStatuses":[{"name":"web","ready":true,)"
         R"("restartCount":0,"state":{"running":{"startedAt":"2026-11-21T00:00:00Z"}}}]}})";
}

template <class Work>
void measure(const char* what, int times, Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) work();
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  std::printf("%-32s %10.2f us\n", what, took.count() / times);
}

}  // namespace

int main() {
  const Catalog& catalog = Catalog::built_in();
  const Resource& pods = *catalog.find("", "v1", "pods");
  const std::string text = pod();
  std::printf("a pod has %zu bytes\n", text.size());

  views::TableWriter table(pods, views::IncludeObject::Metadata, 1'800'000'000);
  table.begin({});
  measure("row of a table", kPods, [&] { (void)table.add(text); });
  measure("metadata alone", kPods, [&] { (void)views::partial_object(text); });

  std::string body;
  measure("into protobuf", kPods, [&] {
    body = *protobuf::encode_object("v1", "Pod", *pods.type, json::Document::parse(text)->root());
  });
  measure("out of protobuf", kPods,
          [&] { (void)protobuf::decode_object(*protobuf::open_envelope(body), *pods.type); });

  std::vector<const Resource*> resources;
  for (const Resource& resource : catalog.resources()) resources.push_back(&resource);
  measure("discovery, all of it", 10, [&] { views::Discovery(resources, {}, "192.0.2.1:6443"); });
  measure("OpenAPI 2, compressed", 5, [&] { (void)views::OpenApi(resources).v2_json(); });
  measure("OpenAPI 3, compressed", 5, [&] { (void)views::OpenApi(resources).v3_index(); });
}
