// SPDX-License-Identifier: Apache-2.0
//
// The verbs on the embedded store, without HTTP: bench_kube_verbs [directory]. Prints how many a second 16
// clients get, and the processor time of one.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "kube/server/test_verbs.h"
#include "testing/processor_time.h"

namespace gantry::kube {
namespace {

constexpr int kClients = 16;

void run(const char* what, int count, const std::function<Answer<ApiAnswer>(int)>& work) {
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  const auto begin = std::chrono::steady_clock::now();
  const double before = testing::processor_seconds_of_process();
  for (int client = 0; client < kClients; ++client)
    clients.emplace_back([&, client] {
      for (int i = client; i < count; i += kClients)
        if (const auto answer = work(i); !answer && failed++ == 0)
          std::printf("%s: %s\n", what, answer.error()->message.c_str());
    });
  for (std::thread& client : clients) client.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%-18s %8.0f/s  %6.1f us of processor each%s\n", what, count / seconds,
              (testing::processor_seconds_of_process() - before) / count * 1e6,
              failed == 0 ? "" : "  SOME FAILED");
}

std::string config_map(int number, const char* value) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"cm-{}","labels":{{"app":"bench"}}}},)"
      R"("data":{{"key":"{}","text":"{}"}}}})",
      number, value, std::string(500, 'x'));
}

std::string pod(int number) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"pod-{}","labels":{{"app":"bench"}}}},"spec":{{"containers":[)"
      R"({{"name":"web","image":"nginx:1","ports":[{{"containerPort":80}}],"env":[{{"name":"A","value":"{}"}}],)"
      R"("resources":{{"requests":{{"cpu":"100m","memory":"64Mi"}}}},"readinessProbe":{{"httpGet":{{"path":"/","port":80}}}}}}]}}}})",
      number, std::string(400, 'x'));
}

}  // namespace
}  // namespace gantry::kube

int main() {
  using namespace gantry::kube;
  constexpr int kCount = 10'000;
  const TestVerbs test;
  const auto name = [](int i) { return fmt::format("cm-{}", i); };
  run("create configmaps", kCount, [&](int i) { return test.create("configmaps", config_map(i, "1")); });
  run("get", 10 * kCount, [&](int i) { return test.get("configmaps", name(i % kCount)); });
  run("update", kCount,
      [&](int i) { return test.run(test.request(Verb::Update, "configmaps", name(i), config_map(i, "2"))); });
  run("merge patch", kCount,
      [&](int i) { return test.patch("configmaps", name(i), PatchKind::Merge, R"({"data":{"key":"3"}})"); });
  run("apply", kCount, [&](int i) {
    ApiRequest apply = test.request(Verb::Patch, "configmaps", name(i), config_map(i, "4"));
    apply.patch = PatchKind::Apply;
    apply.write.field_manager = "bench";
    apply.write.is_forced = true;
    return test.run(apply);
  });
  run("delete", kCount, [&](int i) { return test.remove("configmaps", name(i)); });
  run("create pods", kCount, [&](int i) { return test.create("pods", pod(i)); });
}
