// SPDX-License-Identifier: Apache-2.0
//
// How webhooks are reached and what they are asked in, whoever calls them: admission
// (admissionregistration.k8s.io/v1 MutatingWebhookConfiguration, ValidatingWebhookConfiguration, which have
// their rules here) and the conversion of custom objects.
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

// By URL or as a service.
void client_config(const Spot& config);
// Of a service that is asked; it need not be said.
void service_port(const Spot& port);
// Versions of reviews, of which we know one.
void review_versions(const Spot& versions, std::string_view why_required);

}  // namespace gantry::kube::rules
