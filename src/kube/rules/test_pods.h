// SPDX-License-Identifier: Apache-2.0
//
// Pods for tests of rules: one container, with the defaults filled in.
#pragma once

#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {

inline const Resource& pods() {
  static const Resource kResource = resource("", "Pod");
  return kResource;
}

// `container` and `spec` are further members, or others, in JSON.
inline std::string spec_of(std::string container, std::string spec = "") {
  if (container.find("\"image\"") == std::string::npos) container += R"(,"image":"i")";
  if (!container.starts_with(',')) container.insert(0, ",");
  return R"("spec":{"containers":[{"name":"web","imagePullPolicy":"Always","terminationMessagePolicy":"File")" +
         container + R"(}],"restartPolicy":"Always","dnsPolicy":"ClusterFirst")" +
         (spec.empty() ? "" : "," + spec) + "}";
}

// What is wrong with such a pod.
inline std::string wrong(std::string container, std::string spec = "") {
  return faults(pods(), object(spec_of(std::move(container), std::move(spec))));
}
inline std::string wrong_spec(std::string spec) { return wrong("", std::move(spec)); }

// A member of an initContainers or ephemeralContainers list.
inline std::string other_container(const std::string& name, const std::string& more = "") {
  return R"({"name":")" + name +
         R"(","image":"i","imagePullPolicy":"Always","terminationMessagePolicy":"File")" +
         (more.empty() ? "" : "," + more) + "}";
}

}  // namespace gantry::kube::rules
