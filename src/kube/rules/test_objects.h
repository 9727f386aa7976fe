// SPDX-License-Identifier: Apache-2.0
//
// Objects for tests of rules, out of JSON, and what is wrong with them, a line each.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "kube/rules/rules.h"

namespace gantry::kube::rules {

inline json::Tree tree(std::string text) {
  auto parsed = json::Tree::parse(std::move(text));
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message());
  return parsed ? std::move(*parsed) : json::Tree();
}

// With a status, and in a namespace unless it is said otherwise.
inline Resource resource(std::string group, std::string kind, bool is_namespaced = true) {
  Resource made{.kind = {std::move(group), "v1", std::move(kind)}, .is_namespaced = is_namespaced};
  made.subresources.push_back({.name = "status"});
  return made;
}

// `inner`: what stands beside metadata, in JSON: "\"data\":{}".
inline json::Tree object(std::string_view inner, std::string_view name_space = "default") {
  std::string text = R"({"metadata":{"name":"web","resourceVersion":"1")";
  if (!name_space.empty()) text.append(R"(,"namespace":")").append(name_space).append("\"");
  text.append("}");
  if (!inner.empty()) text.append(",").append(inner);
  return tree(text.append("}"));
}

// "spec.replicas: Invalid value: -1: must be ..." and so on; empty: all is well.
inline std::string faults(const Resource& resource, const json::Tree& object,
                          const json::Tree* before = nullptr) {
  std::string text;
  for (const Cause& cause : validate({resource, "", before}, object)) {
    if (!text.empty()) text += '\n';
    text.append(cause.field).append(": ").append(cause.message);
  }
  return text;
}

// The same of an update of its status.
inline std::string status_faults(const Resource& resource, const json::Tree& object,
                                 const json::Tree& before) {
  std::string text;
  for (const Cause& cause : validate({resource, "status", &before}, object))
    text.append(text.empty() ? "" : "\n").append(cause.field).append(": ").append(cause.message);
  return text;
}

}  // namespace gantry::kube::rules
