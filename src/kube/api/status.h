// SPDX-License-Identifier: Apache-2.0
//
// What went wrong, as clients of the Kubernetes API read it: the kind Status of meta/v1
// (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/). A Status is one pointer
// wide, as an Error is; what may fail with one is an Answer, which TRY takes like a Result.
//
//   Answer<Tree> read(const Resource& resource, const std::string& name) {
//     if (...) return not_found(resource.id(), name);
//     return TRY(store.get(...));                              // an Error becomes a Status
//   }
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_tree.h"

namespace gantry::kube {

// One thing that is wrong with an object: metav1.StatusCause.
struct Cause {
  std::string reason;   // "FieldValueInvalid" ...
  std::string message;  // without the field
  std::string field;    // "spec.containers[0].name"
};

class [[nodiscard]] Status {
 public:
  struct Detail {
    int code = 500;      // of HTTP
    std::string reason;  // metav1.StatusReason: "NotFound", "Invalid" ...
    std::string message;
    // Of the object that this is about; any may be empty.
    std::string group;
    std::string kind;  // the resource's name where there is no object ("pods"), as Kubernetes does
    std::string name;
    std::string uid;
    std::vector<Cause> causes;
    int retry_after_seconds = 0;  // 0: not said
    std::string continue_token;   // how a list that has expired may go on; empty: not at all
  };

  explicit Status(Detail detail) : detail_(std::make_unique<Detail>(std::move(detail))) {}
  // Of a part that knows nothing of Kubernetes, as the nearest reason.
  Status(Error error);

  const Detail* operator->() const { return detail_.get(); }
  Detail* operator->() { return detail_.get(); }

  // The object of kind Status, version v1.
  json::Tree to_tree() const;

 private:
  std::unique_ptr<Detail> detail_;
};

template <class T>
class [[nodiscard]] Answer : public std::expected<T, Status> {
 public:
  using std::expected<T, Status>::expected;
  Answer(Status status) : std::expected<T, Status>(std::unexpected(std::move(status))) {}
  Answer(Error error) : Answer(Status(std::move(error))) {}
  Answer(Result<T> result)
    requires(std::is_void_v<T>)
  {
    if (!result) *this = Status(std::move(result).error());
  }
  Answer(Result<T> result)
    requires(!std::is_void_v<T>)
      : std::expected<T, Status>(result ? std::expected<T, Status>(std::move(*result))
                                        : std::unexpected(Status(std::move(result).error()))) {}
};

// "pods", or "deployments" of "apps": what messages name.
struct ResourceId {
  std::string group;  // empty: core
  std::string plural;

  std::string text() const { return group.empty() ? plural : plural + "." + group; }
};

Status bad_request(std::string message);                                               // 400
Status unauthorized(std::string message = "Unauthorized");                             // 401
Status forbidden(const ResourceId& resource, std::string_view name, std::string why);  // 403
Status not_found(const ResourceId& resource, std::string_view name);                   // 404
Status already_exists(const ResourceId& resource, std::string_view name);              // 409
Status conflict(const ResourceId& resource, std::string_view name, std::string why);   // 409
Status gone(std::string message);                                                      // 410, "Expired"
Status too_large(std::string message);                                                 // 413
Status unsupported_media_type(std::string message);                                    // 415
// 422. `kind` with its group as in "Deployment.apps". The message lists the causes.
Status invalid(std::string_view group, std::string_view kind, std::string_view name,
               std::vector<Cause> causes);
Status too_many_requests(std::string message, int retry_after_seconds);  // 429
Status internal_error(std::string message);                              // 500
Status unavailable(std::string message);                                 // 503
Status timed_out(std::string message);                                   // 504

}  // namespace gantry::kube

namespace gantry {
template <class T>
T detail_take_value(kube::Answer<T>&& answer) {
  if constexpr (std::is_void_v<T>)
    return;
  else
    return std::move(*answer);
}
}  // namespace gantry
