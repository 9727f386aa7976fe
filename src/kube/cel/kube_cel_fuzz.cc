// SPDX-License-Identifier: Apache-2.0
//
// Any text: parsed, checked, and what passes is evaluated, within its limits.
#include <cstdint>

#include "kube/cel/program.h"

using namespace gantry;
using namespace gantry::kube::cel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  static const json::Tree kObject = *json::Tree::parse(
      R"({"name":"web","replicas":3,"ratio":0.5,"labels":{"app":"web"},"ports":[{"port":80},{"port":443}],"none":null})");
  static const Environment kEnvironment = [] {
    Environment environment;
    environment.declare("self", basic(Kind::Dyn))
        .declare("n", basic(Kind::Int))
        .declare("s", basic(Kind::String))
        .allow_patches();
    return environment;
  }();
  const auto program = compile(std::string_view(reinterpret_cast<const char*>(data), size), kEnvironment);
  if (!program) return 0;
  Memory memory;
  Budget budget{.left = 100'000};
  const Value variables[] = {Value::of_tree(kObject, nullptr, memory), Value::of_int(7),
                             Value::of_string("a,b;c")};
  (void)to_tree(program->evaluate(variables, budget, memory), memory);
  return 0;
}
