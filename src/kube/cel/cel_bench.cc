// SPDX-License-Identifier: Apache-2.0
//
// How long rules take, in nanoseconds: compiled, and evaluated on one object.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "kube/cel/crd_rules.h"
#include "kube/cel/program.h"

using namespace gantry;
using namespace gantry::kube;
using namespace gantry::kube::cel;

namespace {

constexpr const char* kObject =
    R"({"apiVersion":"v1","kind":"Web","metadata":{"name":"web","labels":{"app":"web"}},
  "spec":{"replicas":3,"max":5,"image":"registry.example/web:1.2","ports":[{"name":"http","port":80},
  {"name":"https","port":443},{"name":"metrics","port":9090}]}})";

constexpr const char* kRules[] = {
    "object.spec.replicas <= object.spec.max",
    "has(object.metadata.labels) && 'app' in object.metadata.labels",
    "object.spec.image.startsWith('registry.example/')",
    "object.spec.image.matches('^[a-z.]+/[a-z]+:[0-9.]+$')",
    "object.spec.ports.all(p, p.port > 0 && p.port < 65536)",
    "object.spec.ports.all(a, object.spec.ports.exists_one(b, a.name == b.name))",
    "object.?spec.?strategy.orValue('Recreate') in ['Recreate', 'RollingUpdate']",
};

template <class Run>
double nanoseconds(int count, Run run) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) run();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / count;
}

}  // namespace

int main() {
  const json::Tree object = *json::Tree::parse(kObject);
  Environment environment;
  environment.declare("object", basic(Kind::Dyn));
  std::printf("%10s %10s\n", "compile", "evaluate");
  for (const char* text : kRules) {
    const auto program = compile(text, environment);
    if (!program) std::abort();
    const double compiled = nanoseconds(1'000, [&] { (void)compile(text, environment); });
    const double evaluated = nanoseconds(100'000, [&] {
      Memory memory;
      Budget budget;
      const Value variables[] = {Value::of_tree(object, nullptr, memory)};
      if (!program->evaluate(variables, budget, memory).is_true()) std::abort();
    });
    std::printf("%10.0f %10.0f  %s\n", compiled, evaluated, text);
  }
  return 0;
}
