// SPDX-License-Identifier: Apache-2.0
//
// One request on its way through the registry, and what every handler of it needs. Internal to this folder.
//
// A handler answers the request, or returns an Error that `fail` turns into an answer: what the client did
// wrong is said with a code of the specification where the handler knows better than the Error does.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "http/server.h"
#include "http/url.h"
#include "image/image_store.h"
#include "image/repositories.h"
#include "oci/distribution/error_document.h"
#include "registry/authenticator.h"
#include "registry/config.h"
#include "registry/route.h"

namespace gantry::registry {

class UploadSessions;
class Upstreams;

// What lives as long as the registry.
struct Context {
  const Config& config;
  image::ImageStore& store;
  image::Repositories& repositories;
  Authenticator& gate;
  UploadSessions& uploads;
  Upstreams& upstreams;
  const Logger& log;
};

struct Call {
  http::Request& request;
  http::ResponseWriter& response;
  Route route;
  http::Query query;
  Caller caller;

  std::string repository() const { return std::string(route.repository); }
  bool is(std::string_view method) const { return request.method() == method; }
  // "https://registry.example:5000", as the client wrote it.
  std::string own_url() const;
};

using oci::RegistryErrorCode;

// An answer of the specification's form. `status` 0 is the one that goes with the code; `detail` is JSON.
Result<void> refuse(Call& call, RegistryErrorCode code, std::string_view message, int status = 0,
                    std::string_view detail = {});
// The same for an Error that nobody translated.
Result<void> refuse(Call& call, const Error& error);
// What an upstream did not give: `unknown` with 404 if it does not have it, else 502.
Result<void> refuse_upstream(Call& call, const Error& error, RegistryErrorCode unknown);
// 405, naming the methods there are.
Result<void> refuse_method(Call& call, std::string_view allowed);

// Refuses what is not allowed, with the right challenge. True when it may go on.
Result<bool> authorize(Context& context, Call& call, Action action);
// The same for what changes something: also refuses when the registry is read-only.
Result<bool> authorize_change(Context& context, Call& call, Action action);

Result<void> send_json(Call& call, std::string_view json);
std::string blob_location(std::string_view repository, std::string_view digest);

// The quota of a repository in bytes, if it has one: the smallest that matches.
std::optional<std::uint64_t> quota_of(const Config& config, std::string_view repository);

// Frees what nothing holds any more: at once after a deletion.
Result<void> free_space(Context& context);

// ---- the endpoints

Result<void> serve_base(Context& context, Call& call);
Result<void> serve_token(Context& context, Call& call);
Result<void> serve_blob(Context& context, Call& call);
Result<void> serve_uploads(Context& context, Call& call);
Result<void> serve_upload(Context& context, Call& call);
Result<void> serve_manifest(Context& context, Call& call);
Result<void> serve_catalog(Context& context, Call& call);
Result<void> serve_tags(Context& context, Call& call);
Result<void> serve_referrers(Context& context, Call& call);
Result<void> serve_history(Context& context, Call& call);
Result<void> serve_rollback(Context& context, Call& call);

}  // namespace gantry::registry
