// SPDX-License-Identifier: Apache-2.0
//
// One object that a request changes or removes, if nobody else was faster: then there is another state, and
// who asked looks again.
//
//   for (const Patience patience; patience.is_left();) {
//     if (!live) return not_found(...);
//     auto written = TRY(writer.put(live, changed(live), also));
//     if (written) return *written;
//     live = writer.newer();
//   }
#pragma once

#include <optional>
#include <string>

#include "base/json_tree.h"
#include "base/shared_bytes.h"
#include "kube/api/patience.h"
#include "kube/api/status.h"
#include "kube/server/api_request.h"
#include "kube/server/verbs.h"
#include "kube/storage/object_storage.h"

namespace gantry::kube {

class ObjectWriter {
 public:
  // Both outlive it.
  ObjectWriter(const VerbParts& parts, const ApiRequest& request);

  const Collection& collection() const { return collection_; }
  const std::string& path() const { return path_; }

  // What is shown of it then; nothing: somebody was faster. What has not changed, and what is a dry run, is
  // not written. `object` is in the version of the request's resource.
  Answer<std::optional<SharedBytes>> put(const Object& live, json::Tree object, const AlsoWritten& also = {});
  // With what belongs to it. False: somebody was faster. `before`: `live` in the version of the request.
  Answer<bool> remove(const Object& live, const json::Tree& before);

  // What is there instead, when somebody was faster; null: nothing.
  const ObjectRef& newer() const { return newer_; }

 private:
  const VerbParts& parts_;
  const ApiRequest& request_;
  const Collection& collection_;
  const std::string path_;
  ObjectRef newer_;
};

}  // namespace gantry::kube
