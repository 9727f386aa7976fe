// SPDX-License-Identifier: Apache-2.0
//
// How the objects of a CustomResourceDefinition get from one of its versions to another: spec.conversion
// (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "kube/control_plane/webhook_conversion.h"
#include "kube/schema/versions.h"

namespace gantry::kube {

class CustomVersions final : public Versions {
 public:
  // `resources`: one for each version. They and `services` outlive it.
  CustomVersions(const json::Tree& definition, std::vector<const Resource*> resources,
                 const ServiceRouter& services);

  const std::vector<const Resource*>& resources() const override { return resources_; }
  Answer<std::vector<json::Tree>> convert(std::vector<json::Tree> objects,
                                          std::string_view api_version) const override;
  bool asks_others() const override { return webhook_.has_value(); }
  bool has_older_stored() const override { return has_older_stored_; }

 private:
  const std::vector<const Resource*> resources_;
  std::optional<WebhookConversion> webhook_;  // none: versions differ by their names alone
  const bool has_older_stored_;
};

}  // namespace gantry::kube
