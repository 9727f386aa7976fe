// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/api_services.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "kube/aggregation/local_services.h"
#include "kube/api/stored_kinds.h"
#include "kube/control_plane/conditions.h"
#include "kube/control_plane/own_writes.h"
#include "kube/control_plane/self.h"
#include "kube/schema/catalog.h"
#include "kube/server/object_meta.h"

namespace gantry::kube {
namespace {

const Resource& resource() {
  return *Catalog::built_in().find("apiregistration.k8s.io", "v1", "apiservices");
}

ApiRequest request_for(Verb verb, std::string name) {
  return {
      .user = self(), .verb = verb, .resource = resource(), .name = std::move(name), .user_agent = "gantry"};
}

// Whoever was faster, another server that does the same, is right.
bool is_settled(const Answer<ApiAnswer>& written) { return written || written.error()->code < 500; }

Condition available(const std::vector<AggregatedApis::Verdict>& verdicts, std::string_view name) {
  const auto found = std::ranges::find(verdicts, name, &AggregatedApis::Verdict::name);
  if (found == verdicts.end()) return {"Available", true, "Local", "Local APIServices are always available"};
  const Availability& availability = found->availability;
  return {"Available", availability.is_available, availability.reason, availability.message};
}

}  // namespace

void ApiServices::start(const Verbs& verbs) {
  reconciler_ =
      std::make_unique<Reconciler>(parts_.objects,
                                   std::vector<std::string>{stored::kApiServices, stored::kServices,
                                                            stored::kEndpoints, stored::kEndpointSlices},
                                   [this, &verbs] { return bring_up_to_date(verbs); });
  parts_.served.set_on_change([this] { reconciler_->poke(); });
}

bool ApiServices::bring_up_to_date(const Verbs& verbs) {
  const bool is_local_done = keep_local(verbs);
  const std::vector<AggregatedApis::Verdict> verdicts = parts_.apis.look(std::chrono::steady_clock::now());
  parts_.served.set_foreign(parts_.apis.versions());
  const bool is_written = write_conditions(verbs, verdicts);
  // Servers come and go without a word.
  return !verdicts.empty() || !is_local_done || !is_written;
}

bool ApiServices::keep_local(const Verbs& verbs) {
  const std::shared_ptr<const Served> served = parts_.served.get();
  LocalServices services = compare_local_services(served->resources(), parts_.objects);
  bool is_done = true;
  for (json::Tree& missing : services.missing) {
    ApiRequest request = request_for(Verb::Create, {});
    request.body = std::move(missing);
    is_done &= is_settled(verbs.run(request));
  }
  for (const std::string& name : services.surplus)
    is_done &= is_settled(verbs.run(request_for(Verb::Delete, name)));
  return is_done;
}

bool ApiServices::write_conditions(const Verbs& verbs, const std::vector<AggregatedApis::Verdict>& verdicts) {
  bool is_done = true;
  const std::string now = now_text();
  for (json::Tree& object : parts_.objects.list(stored::kApiServices, "")) {
    json::Tree wanted = object;
    set_condition(wanted.object()["status"], available(verdicts, object.text_at("metadata", "name")), now);
    if (wanted != object) is_done &= update_own(verbs, resource(), wanted, "status");
  }
  return is_done;
}

}  // namespace gantry::kube
