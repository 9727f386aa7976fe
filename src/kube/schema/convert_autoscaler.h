// SPDX-License-Identifier: Apache-2.0
//
// HorizontalPodAutoscalers of autoscaling/v1, which know the processors' use alone, as those of v2 and back.
// What v1 has no field for it carries in annotations, as Kubernetes does, so that an update through v1 loses
// nothing of the specification. Of the status v1 shows the processors' use.
#pragma once

#include "base/json_tree.h"

namespace gantry::kube {

void autoscaler_to_v2(json::TreeObject& autoscaler);
void autoscaler_from_v2(json::TreeObject& autoscaler);

}  // namespace gantry::kube
