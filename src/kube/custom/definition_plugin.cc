// SPDX-License-Identifier: Apache-2.0
#include "kube/custom/definition_plugin.h"

#include <ctime>
#include <string>
#include <utility>

#include "base/timestamp.h"
#include "kube/custom/definition.h"
#include "kube/custom/naming.h"
#include "kube/schema/spelling.h"

namespace gantry::kube::custom {
namespace {

constexpr std::string_view kGroup = "apiextensions.k8s.io";
constexpr std::string_view kPlural = "customresourcedefinitions";
constexpr std::string_view kStoredAs = "apiextensions.k8s.io/customresourcedefinitions";

std::string now_text() {
  std::string now = format_timestamp(wall_clock_now());
  auto canonical = canonical_spelling(Form::Time, now);
  return canonical && *canonical ? std::move(**canonical) : now;
}

class DefinitionPlugin : public admission::Plugin {
 public:
  explicit DefinitionPlugin(const ObjectSource& objects) : objects_(objects) {}

  std::string_view name() const override { return "CustomResourceDefinitions"; }

  Answer<void> mutate(admission::AdmissionRequest& request) const override {
    if (is_written(request)) settle_status(*request.object, objects_.list(kStoredAs, ""), now_text());
    return {};
  }

  Answer<void> validate(admission::AdmissionRequest& request) const override {
    if (!is_written(request)) return {};
    if (std::vector<Cause> causes = check_versions(*request.object); !causes.empty())
      return invalid(kGroup, request.kind.kind, request.name, std::move(causes));
    return {};
  }

 private:
  static bool is_written(const admission::AdmissionRequest& request) {
    return request.creates(kGroup, kPlural) || request.updates(kGroup, kPlural);
  }

  const ObjectSource& objects_;
};

}  // namespace

std::unique_ptr<admission::Plugin> definition_plugin(const ObjectSource& objects) {
  return std::make_unique<DefinitionPlugin>(objects);
}

}  // namespace gantry::kube::custom
