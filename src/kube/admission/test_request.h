// SPDX-License-Identifier: Apache-2.0
//
// Requests for tests of plugins: of a pod, of a claim, of anything.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kube/admission/admission.h"
#include "testing/must.h"

namespace gantry::kube::admission {

// What a plugin makes of an object, in the namespace "default".
class TestRequest {
 public:
  // `resource`: "pods", "deployments.apps".
  TestRequest(const std::string& resource, const std::string& object, Operation operation = Operation::Create)
      : object_(MUST(json::Tree::parse(object))) {
    const std::size_t dot = resource.find('.');
    resource_.plural = resource.substr(0, dot);
    resource_.kind.version = "v1";
    if (dot != std::string::npos) resource_.kind.group = resource.substr(dot + 1);
    resource_.is_namespaced = true;
    resource_.stored_as = resource_.plural;
    request_.emplace(AdmissionRequest{.user = user_,
                                      .operation = operation,
                                      .resource = resource_,
                                      .kind = resource_.kind,
                                      .name_space = "default",
                                      .name = std::string(object_.text_at("metadata", "name")),
                                      .object = &object_});
  }
  TestRequest(const TestRequest&) = delete;
  TestRequest& operator=(const TestRequest&) = delete;

  TestRequest& from(const std::string& old_object) {
    old_ = MUST(json::Tree::parse(old_object));
    request_->operation = Operation::Update;
    request_->old_object = &old_;
    return *this;
  }
  TestRequest& by(User user) {
    user_ = std::move(user);
    return *this;
  }
  TestRequest& to(const std::string& subresource) {
    request_->subresource = subresource;
    return *this;
  }

  AdmissionRequest& request() { return *request_; }
  const json::Tree& object() const { return object_; }

  // The message; empty: it was admitted.
  std::string mutate(const Plugin& plugin) { return message_of(plugin.mutate(*request_)); }
  std::string validate(const Plugin& plugin) { return message_of(plugin.validate(*request_)); }

 private:
  static std::string message_of(const Answer<void>& answer) { return answer ? "" : answer.error()->message; }

  User user_{.name = "somebody"};
  Resource resource_;
  json::Tree object_;
  json::Tree old_;
  std::optional<AdmissionRequest> request_;
};

}  // namespace gantry::kube::admission
