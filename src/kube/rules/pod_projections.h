// SPDX-License-Identifier: Apache-2.0
//
// Files of several origins in one volume of a pod (core/v1 ProjectedVolumeSource), and those that other
// volumes are made of, too.
#pragma once

#include "kube/rules/spot.h"

namespace gantry::kube::rules {

void projected_volume(const Spot& source);

// A file's permissions, if they are set.
void file_mode(const Spot& mode);
// core/v1 KeyToPath, of a ConfigMap or Secret.
void key_to_path(const Spot& item);
// core/v1 DownwardAPIVolumeFile. Kubernetes does not say which of a volume's files it tells of: `place` is
// the volume.
void downward_file(const Spot& place, const Spot& file);

}  // namespace gantry::kube::rules
