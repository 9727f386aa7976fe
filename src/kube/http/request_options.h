// SPDX-License-Identifier: Apache-2.0
//
// The query parameters of requests on resources
// (https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/common-parameters/). What is not
// understood is 400: a parameter that is silently ignored would do more than was asked for.
#pragma once

#include "http/url.h"
#include "kube/api/status.h"
#include "kube/server/api_request.h"

namespace gantry::kube {

Answer<ReadOptions> read_options(const http::Query& query);
Answer<WriteOptions> write_options(const http::Query& query);
// 422 for `force`, which is for server-side apply alone.
Answer<void> check_not_forced(const http::Query& query);
Answer<DeleteOptions> delete_options(const http::Query& query);
// dryRun: "All" or absent.
Answer<bool> is_dry_run(const http::Query& query);

// By the Content-Type of a PATCH: 415 for what is none.
Answer<PatchKind> patch_kind(std::string_view content_type);

}  // namespace gantry::kube
