// SPDX-License-Identifier: Apache-2.0
#include "kube/aggregation/aggregated_apis.h"

#include <utility>

#include <fmt/format.h>

#include "http/forward.h"
#include "kube/api/stored_kinds.h"
#include "kube/connect/proxied_headers.h"

namespace gantry::kube {
namespace {

using std::chrono::seconds;

constexpr seconds kWhileWell{10}, kWhileNot{2};
constexpr std::size_t kAtOnce = 4;  // servers that are asked; one that hangs holds up no other

bool is_foreign(const json::Tree& api_service) {
  const json::Tree* service = api_service.find("spec", "service");
  return service != nullptr && service->is_object();
}

void say_who_asks(const User& user, http::HeaderMap& headers) {
  headers.set("X-Remote-User", user.name);
  if (!user.uid.empty()) headers.set("X-Remote-Uid", user.uid);
  for (const std::string& group : user.groups) headers.add("X-Remote-Group", group);
  for (const auto& [key, values] : user.extra)
    for (const std::string& value : values)
      headers.add(fmt::format("X-Remote-Extra-{}", http::percent_encode(key)), value);
}

}  // namespace

AggregatedApis::AggregatedApis(const ObjectSource& objects, const ServiceRouter& services,
                               http::TlsIdentity identity)
    : objects_(objects),
      services_(services),
      identity_(std::move(identity)),
      pool_({.name = "kube-foreign", .max_threads = kAtOnce}) {}

std::shared_ptr<const AggregatedApi> AggregatedApis::find(std::string_view path) const {
  constexpr std::string_view kRoot = "/apis/";
  if (!path.starts_with(kRoot)) return nullptr;
  path.remove_prefix(kRoot.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return nullptr;
  const std::string_view group_version = path.substr(0, path.find('/', slash + 1));
  const MutexLock lock(mutex_);
  const auto found = apis_.find(group_version);
  return found == apis_.end() ? nullptr : found->second;
}

Answer<int> AggregatedApis::answer(const AggregatedApi& api, const User& user, http::Request& request,
                                   http::ResponseWriter& response, http::StreamLoop& streams) const {
  if (!api.availability.is_available)
    return unavailable(fmt::format("service unavailable: {}", api.availability.message));
  http::Url url{.path = std::string(request.path())};
  if (!request.query().empty()) url.query = request.query();
  http::ClientRequest forwarded = http::forwarded_request(request, std::move(url));
  remove_credentials(forwarded.headers);
  say_who_asks(user, forwarded.headers);
  // What was sent and answered stands in that server's audit log; by this both logs' events are found to be
  // of one request.
  if (const auto id = response.headers.get("Audit-Id")) forwarded.headers.set("Audit-Id", std::string(*id));
  auto answer = api.server->send(std::move(forwarded), services_);
  if (!answer) return unavailable(fmt::format("error trying to reach service: {}", answer.error().message()));
  const int status = answer->status();
  TRY(http::pass_on(std::move(*answer), request, response, streams));
  return status;
}

void AggregatedApis::renew() {
  const MutexLock lock(mutex_);
  is_renewed_ = true;
}

std::vector<AggregatedApis::Verdict> AggregatedApis::look(Time now) {
  keep_known(now);
  ask_those_due(now);
  publish();
  std::vector<Verdict> verdicts;
  for (const auto& [name, known] : known_) verdicts.push_back({name, known.said.availability});
  return verdicts;
}

void AggregatedApis::keep_known(Time now) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(is_renewed_, false)) known_.clear();
  }
  std::map<std::string, Known> next;
  for (const json::Tree& api_service : objects_.list(stored::kApiServices, "")) {
    if (!is_foreign(api_service)) continue;
    std::string name(api_service.text_at("metadata", "name"));
    std::string key = api_service.find("spec")->to_text();
    auto before = known_.extract(name);
    const bool is_same = !before.empty() && before.mapped().key == key;
    Known known = is_same ? std::move(before.mapped()) : Known{.key = std::move(key)};
    if (!is_same) {
      known.server = std::make_shared<const ForeignServer>(api_service, identity_);
      known.next = now;
    }
    next.emplace(std::move(name), std::move(known));
  }
  known_ = std::move(next);
}

void AggregatedApis::ask_those_due(Time now) {
  TaskGroup group(pool_);
  for (auto& entry : known_) {
    Known& known = entry.second;
    Availability service = known.server->check_service(objects_);
    const bool has_changed = service != known.service;
    known.service = std::move(service);
    if (!has_changed && now < known.next) continue;
    (void)group.run([this, &known]() -> Result<void> {  // a pool that is full: at the next look
      known.said = known.server->ask(objects_, services_, known.said);
      return {};
    });
  }
  (void)group.wait();  // no job fails
  for (auto& entry : known_) {
    Known& known = entry.second;
    if (known.next <= now) known.next = now + (known.said.availability.is_available ? kWhileWell : kWhileNot);
  }
}

void AggregatedApis::publish() {
  Apis apis;
  for (const auto& entry : known_) {
    const Known& known = entry.second;
    apis.emplace(fmt::format("{}/{}", known.server->group(), known.server->version()),
                 std::make_shared<const AggregatedApi>(AggregatedApi{known.server, known.said.availability}));
  }
  const MutexLock lock(mutex_);
  apis_.swap(apis);
}

std::vector<views::ForeignVersion> AggregatedApis::versions() const {
  std::vector<views::ForeignVersion> versions;
  for (const auto& entry : known_) {
    const Known& known = entry.second;
    versions.push_back({.group = known.server->group(),
                        .version = known.server->version(),
                        .resources = known.said.resources,
                        .openapi_hash = known.said.openapi_hash,
                        .openapi_v2 = known.said.openapi_v2});
  }
  return versions;
}

}  // namespace gantry::kube
