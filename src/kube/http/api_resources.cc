// SPDX-License-Identifier: Apache-2.0
//
// Requests on resources: from HTTP to the verbs and back.
#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "http/websocket_feed.h"
#include "http/websocket_handshake.h"
#include "kube/access/access_reviews.h"
#include "kube/connect/proxied_headers.h"
#include "kube/http/answer_writer.h"
#include "kube/http/api_server.h"
#include "kube/http/named_verb.h"
#include "kube/http/pooled_frames.h"
#include "kube/http/refusals.h"
#include "kube/http/request_body.h"
#include "kube/http/request_options.h"
#include "kube/http/watch_frames.h"
#include "kube/identity/token_reviews.h"
#include "kube/schema/catalog.h"
#include "kube/schema/versions.h"

namespace gantry::kube {
namespace {

bool is_read(Verb verb) { return verb == Verb::Get || verb == Verb::List || verb == Verb::Watch; }
bool is_deletion(Verb verb) { return verb == Verb::Delete || verb == Verb::DeleteCollection; }

// A name that only the field selector has is for authorisation: the collection is what is asked for.
std::string object_name(const RequestInfo& info, Verb verb) {
  return verb == Verb::List || verb == Verb::Watch || verb == Verb::DeleteCollection ? std::string()
                                                                                     : info.name;
}

// Everything that a DELETE says, in its query and its body.
Answer<void> read_deletion(http::Request& request, const http::Query& query, ApiRequest& call) {
  call.deletion = TRY(delete_options(query));
  const Type* type = Catalog::built_in().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  const json::Tree body = TRY(tree_of(TRY(read_object(request, type))));
  if (body.is_null()) return {};
  TRY(call.deletion.read(body));
  if (const json::Tree* dry = body.find("dryRun"); dry != nullptr && !dry->array().empty())
    call.is_dry_run = true;
  return {};
}

Answer<void> read_write(http::Request& request, const http::Query& query, const Type* type,
                        ApiRequest& call) {
  call.write = TRY(write_options(query));
  if (call.verb != Verb::Patch) {
    call.body = TRY(read_object(request, type));
    return {};
  }
  call.patch = TRY(patch_kind(request.headers().get_or("Content-Type", "")));
  if (call.patch != PatchKind::Apply) TRY(check_not_forced(query));
  call.body = TRY(read_patch(request, call.patch == PatchKind::Apply));
  return {};
}

// Whether a collection was asked for what only an object does, or an object for what only a collection does;
// a subresource is made of an object.
bool is_misplaced(const RequestInfo& info, Verb verb) {
  if (verb == Verb::Create) return !info.name.empty() && info.subresource.empty();
  const bool is_of_one =
      verb == Verb::Get || verb == Verb::Update || verb == Verb::Patch || verb == Verb::Delete;
  return is_of_one && info.name.empty();
}

std::string text_of(const RequestBody& body) {
  const auto* tree = std::get_if<json::Tree>(&body);
  return tree == nullptr ? std::get<std::string>(body) : tree->to_text();
}

// Of a list the audit log has no use.
SharedBytes object_of(const ApiAnswer& answer) {
  const auto* object = std::get_if<SharedBytes>(&answer.content);
  return object == nullptr ? SharedBytes() : *object;
}

Answer<views::IncludeObject> included_in(const http::Query& query) {
  auto included = views::parse_include_object(query.get("includeObject").value_or(""));
  if (!included) return bad_request(included.error().message());
  return *included;
}

bool has_protobuf(const Type* type) {
  return type != nullptr &&
         std::ranges::any_of(type->fields, [](const Field& field) { return field.number != 0; });
}

// Browsers fail if none of those that they offer is taken.
Result<http::WebSocketAcceptance> accept_any_protocol(const http::RequestHead& head) {
  const std::vector<std::string> offered = offered_protocols(head.headers);
  return offered.empty() ? http::accept_websocket(head) : http::accept_websocket(head, {offered.front()});
}

}  // namespace

Answer<void> ApiServer::serve_resource(const Call& call) const {
  const RequestInfo& info = call.info;
  const std::shared_ptr<const Served> served = parts_.served.get();
  const Resource* resource = served->find(info.group, info.version, info.resource);
  if (resource == nullptr) return no_such_path();
  const Subresource* subresource = nullptr;
  if (!info.subresource.empty()) {
    subresource = resource->find_subresource(info.subresource);
    if (subresource == nullptr) return no_such_path();
  }
  const bool is_namespace = info.group.empty() && info.resource == "namespaces";
  if (!resource->is_namespaced && !info.name_space.empty() && !is_namespace) return no_such_path();
  if (info.group.empty() && Connector::leads_out(info.resource, info.subresource))
    return connect(call, *resource, *subresource);
  if (!resource->deprecation_warning.empty()) add_warning(call.response, resource->deprecation_warning);
  if (resource->kind.kind == "ComponentStatus") return show_components(call, *resource);
  const bool is_asked = !resource->is_kept && resource->kind.kind != "Binding";
  if (is_asked) return review(call, *resource);
  if (info.group.empty() && info.resource == "serviceaccounts" && info.subresource == "token")
    return request_token(call);

  const Verb verb = verb_of(info.verb);
  if (is_misplaced(info, verb))
    return method_not_allowed("the server does not allow this method on the requested resource");
  const Type* type = subresource == nullptr ? resource->type : subresource->type;
  const bool is_dry = TRY(is_dry_run(call.query));
  ApiRequest request{.user = call.identity.user,
                     .verb = verb,
                     .resource = *resource,
                     .subresource = info.subresource,
                     .name_space = is_namespace ? std::string() : info.name_space,
                     .name = object_name(info, verb),
                     .is_dry_run = is_dry,
                     .user_agent = std::string(call.request.headers().get_or("User-Agent", ""))};
  if (is_read(verb) || verb == Verb::DeleteCollection) request.read = TRY(read_options(call.query));
  if (is_deletion(verb))
    TRY(read_deletion(call.request, call.query, request));
  else if (!is_read(verb))
    TRY(read_write(call.request, call.query, type, request));
  if (verb == Verb::Watch) return watch(call, request, served);
  request.may_create = [&] {
    RequestInfo creation = info;
    creation.verb = "create";
    return check_access(call.identity, creation);
  };

  if (call.audit != nullptr && call.audit->level() >= AuditLevel::Request)
    call.audit->set_request_object(text_of(request.body));
  const ApiAnswer answer = TRY(parts_.verbs.run(request));
  call.told = {.code = answer.code, .object = object_of(answer)};
  const Wanted wanted = TRY(negotiate(call.request.headers().get_or("Accept", ""), has_protobuf(type)));
  const auto included = TRY(included_in(call.query));
  return write_answer(call.response, answer,
                      {.wanted = wanted, .included = included, .resource = *resource, .type = type});
}

Answer<void> ApiServer::watch(const Call& call, const ApiRequest& request,
                              std::shared_ptr<const Served> served) const {
  const Wanted wanted =
      TRY(negotiate(call.request.headers().get_or("Accept", ""), has_protobuf(request.resource.type)));
  const auto included = TRY(included_in(call.query));
  const AnswerForm form{
      .wanted = wanted, .included = included, .resource = request.resource, .type = request.resource.type};
  auto opened = parts_.verbs.watch(request);
  // That the beginning is forgotten is told in the watch itself.
  const bool is_socket = http::wants_websocket(call.request.headers());
  const bool is_too_late = !is_socket && !opened && opened.error()->code == 410;
  if (!opened && !is_too_late) return std::move(opened).error();
  if (call.audit != nullptr) call.audit->start(is_socket ? 101 : 200);
  if (!is_socket)
    call.response.headers.set("Content-Type", std::string(content_type_of(form.wanted.encoding, true)));
  if (is_too_late) {
    const WatchEvent told{WatchEvent::Type::Error, SharedBytes(opened.error().to_tree().to_text())};
    return write_pieces(call.response, 200, TRY(frames_of(told, form)));
  }
  std::unique_ptr<WatchStream> stream = std::move(*opened);
  struct Kept {
    std::shared_ptr<const Served> served;  // what the form points into
    std::shared_ptr<const void> counted;
  };
  auto kept = std::make_shared<const Kept>(Kept{std::move(served), metrics_.long_running(call.labels)});
  const auto events = is_socket ? WatchFrames::Events::AsMessages : WatchFrames::Events::InABody;
  std::unique_ptr<http::FrameSource> frames =
      std::make_unique<WatchFrames>(std::move(stream), form, events, std::move(kept));
  const Versions* versions = request.resource.versions.get();
  if (versions != nullptr && versions->asks_others())
    frames = std::make_unique<PooledFrames>(std::move(frames), converting_.of(request.resource.stored_as));
  if (is_socket) return send_messages(call, form, std::move(frames));
  return call.response.stream(200, std::shared_ptr<http::FrameSource>(std::move(frames)));
}

// Every event is a message of a WebSocket: for browsers and others that cannot read a body while it comes.
Answer<void> ApiServer::send_messages(const Call& call, const AnswerForm& form,
                                      std::shared_ptr<http::FrameSource> events) const {
  const auto acceptance = TRY(accept_any_protocol(call.request.head()));
  call.told.code = 101;
  for (const http::Header& header : acceptance.headers) call.response.headers.set(header.name, header.value);
  const bool is_text = form.wanted.encoding != Encoding::Protobuf;
  return http::feed_websocket(parts_.streams, TRY(call.response.hijack(101)), std::move(events),
                              is_text ? http::WebSocket::Kind::Text : http::WebSocket::Kind::Binary);
}

// Kinds that are asked and answered.
Answer<void> ApiServer::review(const Call& call, const Resource& resource) const {
  if (call.info.verb != "create")
    return method_not_allowed(
        fmt::format("{} is not supported on resources of kind \"{}\"", call.info.verb, resource.id().text()));
  const WriteOptions options = TRY(write_options(call.query));
  RequestBody body = TRY(read_object(call.request, resource.type));
  Decoded decoded =
      std::holds_alternative<json::Tree>(body)
          ? TRY(decode_tree(*resource.type, std::get<json::Tree>(std::move(body)), options.validation))
          : TRY(decode(*resource.type, std::get<std::string>(std::move(body)), options.validation));
  json::Tree asked = std::move(decoded.object);
  const std::string& kind = resource.kind.kind;
  const User& user = call.identity.user;
  json::Tree answered;
  if (kind == "SubjectAccessReview")
    answered = TRY(review_subject_access(parts_.authorizer, std::move(asked)));
  else if (kind == "LocalSubjectAccessReview")
    answered = TRY(review_local_subject_access(parts_.authorizer, call.info.name_space, std::move(asked)));
  else if (kind == "SelfSubjectAccessReview")
    answered = TRY(review_self_subject_access(parts_.authorizer, user, std::move(asked)));
  else if (kind == "SelfSubjectRulesReview")
    answered = TRY(review_self_subject_rules(parts_.authorizer, user, std::move(asked)));
  else if (kind == "SelfSubjectReview")
    answered = review_self(user, std::move(asked));
  else if (kind == "TokenReview")
    answered = TRY(
        review_token(parts_.tokens, parts_.account_tokens.audiences(), std::move(asked), std::time(nullptr)));
  else
    return no_such_path();
  answered.object()["apiVersion"] = resource.kind.api_version();
  answered.object()["kind"] = kind;
  call.told.code = 201;
  const Wanted wanted =
      TRY(negotiate(call.request.headers().get_or("Accept", ""), has_protobuf(resource.type)));
  return write_answer(call.response,
                      {.code = 201, .content = SharedBytes(answered.to_text()), .warnings = decoded.warnings},
                      {.wanted = wanted, .resource = resource, .type = resource.type});
}

// Whoever answers this has read the store at its start and follows it; there is no other component yet.
Answer<void> ApiServer::show_components(const Call& call, const Resource& resource) const {
  constexpr std::string_view kStore =
      R"({"apiVersion":"v1","kind":"ComponentStatus","metadata":{"name":"store"},)"
      R"("conditions":[{"type":"Healthy","status":"True","message":"ok"}]})";
  const bool is_list = call.info.verb == "list";
  if (!is_list && call.info.verb != "get") return method_not_allowed("components are only looked at");
  if (!is_list && call.info.name != "store") return not_found(resource.id(), call.info.name);
  ApiAnswer answer{.content = SharedBytes(kStore)};
  if (is_list)
    answer.content = ApiList{.api_version = "v1", .kind = resource.list_kind, .items = {SharedBytes(kStore)}};
  const Wanted wanted =
      TRY(negotiate(call.request.headers().get_or("Accept", ""), has_protobuf(resource.type)));
  const auto included = TRY(included_in(call.query));
  return write_answer(call.response, answer,
                      {.wanted = wanted, .included = included, .resource = resource, .type = resource.type});
}

Answer<void> ApiServer::request_token(const Call& call) const {
  const Resource* kind = Catalog::built_in().find_kind("", "v1", "ServiceAccount");
  const Subresource* token = kind->find_subresource("token");
  if (call.info.verb != "create") return method_not_allowed("a token can only be created");
  json::Tree asked = TRY(tree_of(TRY(read_object(call.request, token->type))));
  json::Tree answered =
      TRY(parts_.account_tokens.answer(call.info.name_space, call.info.name, asked, std::time(nullptr)));
  answered.object()["apiVersion"] = token->kind.api_version();
  answered.object()["kind"] = token->kind.kind;
  call.told.code = 201;
  const Wanted wanted =
      TRY(negotiate(call.request.headers().get_or("Accept", ""), has_protobuf(token->type)));
  return write_answer(call.response,
                      {.code = 201, .content = SharedBytes(answered.to_text()), .warnings = {}},
                      {.wanted = wanted, .resource = *kind, .type = token->type});
}

}  // namespace gantry::kube
