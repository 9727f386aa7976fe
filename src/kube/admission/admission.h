// SPDX-License-Identifier: Apache-2.0
//
// Who may still say no, or change something, between a request that is allowed and the store
// (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/). A chain of plugins: all
// of them change the object, in their order; then, when it is whole and valid, all of them judge it.
//
//   AdmissionRequest request{.user = user, .operation = Operation::Create, .resource = pods, .object = &pod};
//   TRY(chain.mutate(request));
//   ... defaults again, validation ...
//   TRY(chain.validate(request));
//   ... store, with request.warnings in the answer's headers ...
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_tree.h"
#include "kube/admission/reinvocation.h"
#include "kube/api/status.h"
#include "kube/api/user.h"
#include "kube/schema/resource.h"

namespace gantry::kube::admission {

enum class Operation : std::uint8_t {
  Create,
  Update,   // patches and applies, too
  Delete,   // deletecollection: once for each object
  Connect,  // exec, attach, portforward, proxy
};
std::string_view name_of(Operation operation);  // "CREATE" ...

struct AdmissionRequest {
  const User& user;
  Operation operation = Operation::Create;
  const Resource& resource;
  std::string subresource;  // empty: the object itself
  // Of `object`: of a subresource it may be another than the resource's (Eviction, Binding).
  GroupVersionKind kind;
  std::string name_space;  // empty: it has none; of a Namespace: its name
  std::string name;        // empty: of a create with generateName
  // As it is going to be, in the version of `resource`; null where there is none (delete). Of Connect: its
  // options.
  json::Tree* object = nullptr;
  const json::Tree* old_object = nullptr;  // null where there is none (create)
  const json::Tree* options = nullptr;     // CreateOptions, DeleteOptions ...; null: none were sent
  bool is_dry_run = false;
  Reinvocation reinvocation;

  // For the client, as Warning headers.
  std::vector<std::string> warnings;
  // For the audit log: "pod-security.kubernetes.io/enforce-policy" ...
  std::map<std::string, std::string> audit_annotations;

  bool is_about(std::string_view group, std::string_view plural) const {
    return resource.kind.group == group && resource.plural == plural;
  }
  // The object itself, not a subresource of it, is created (or updated).
  bool creates(std::string_view group, std::string_view plural) const {
    return operation == Operation::Create && subresource.empty() && is_about(group, plural);
  }
  bool updates(std::string_view group, std::string_view plural) const {
    return operation == Operation::Update && subresource.empty() && is_about(group, plural);
  }
  // 403 with the object's name: "pods \"web\" is forbidden: ...".
  Status forbidden(std::string why) const;
};

// Made once; called by any thread.
class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual std::string_view name() const = 0;  // "NamespaceLifecycle": what --disable-admission-plugins says
  // Changes request.object.
  virtual Answer<void> mutate(AdmissionRequest&) const { return {}; }
  // Leaves it alone.
  virtual Answer<void> validate(AdmissionRequest&) const { return {}; }
};

class Chain {
 public:
  void add(std::unique_ptr<Plugin> plugin) { plugins_.push_back(std::move(plugin)); }

  // In the order they were added; the first refusal ends it. Twice where somebody from outside changed the
  // object (reinvocation.h), so plugins find what they did themselves.
  Answer<void> mutate(AdmissionRequest& request) const;
  Answer<void> validate(AdmissionRequest& request) const;

 private:
  Answer<void> mutate_once(AdmissionRequest& request) const;

  std::vector<std::unique_ptr<Plugin>> plugins_;
};

}  // namespace gantry::kube::admission
