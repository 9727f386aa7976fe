// SPDX-License-Identifier: Apache-2.0
#include "kube/control_plane/control_plane.h"

#include <sys/stat.h>

#include <charconv>
#include <ctime>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/heap.h"
#include "base/metrics_page.h"
#include "http/http2/service.h"
#include "http/listener.h"
#include "http/server.h"
#include "http/stream_loop.h"
#include "kube/admission/plugins.h"
#include "kube/api/stored_kinds.h"
#include "kube/audit/audit.h"
#include "kube/connect/connector.h"
#include "kube/connect/service_router.h"
#include "kube/control_plane/aggregated_roles.h"
#include "kube/control_plane/api_services.h"
#include "kube/control_plane/authentication_config.h"
#include "kube/control_plane/bootstrap.h"
#include "kube/control_plane/custom_resources.h"
#include "kube/control_plane/default_accounts.h"
#include "kube/control_plane/host_address.h"
#include "kube/control_plane/node_certificates.h"
#include "kube/control_plane/policy_types.h"
#include "kube/control_plane/stored_kinds.h"
#include "kube/encryption/live_encryption.h"
#include "kube/fairness/body_room.h"
#include "kube/fairness/fairness.h"
#include "kube/http/api_server.h"
#include "kube/identity/pki.h"
#include "kube/policy/mutating_policies.h"
#include "kube/policy/validating_policies.h"
#include "kube/policy/webhooks.h"
#include "kube/server/service_addresses.h"
#include "kube/storage/cached_source.h"
#include "kube/storage/compactor.h"
#include "store/embedded_store.h"
#include "store/etcd/etcd_store.h"

namespace gantry::kube {
namespace {

using std::chrono::milliseconds;

// Bytes a second, of bodies and answers: who is slower holds his place among those who are served for too
// long. A body of the largest size has six minutes.
constexpr std::uint64_t kLeastRate = 8 << 10;
constexpr std::size_t kSpareThreads = 16;
// Bodies that may be coming at once, each with a thread: whoever sends as many as he can has half of them.
constexpr std::size_t kMostBodies = 512;
constexpr std::size_t kMaxStreams = 8192;        // sessions, proxied connections
constexpr std::size_t kMaxConnections = 20'000;  // ten thousand watches, and everybody else

Result<std::unique_ptr<store::Store>> open_store(const ControlPlaneOptions& options) {
  if (options.etcd) return std::unique_ptr<store::Store>(TRY(store::EtcdStore::open(*options.etcd)));
  return std::unique_ptr<store::Store>(TRY(store::EmbeddedStore::open(options.directory + "/store.db")));
}

// "deployments.apps" of "apps/deployments".
std::string resource_text(std::string_view stored_as) {
  const std::size_t slash = stored_as.find('/');
  if (slash == std::string_view::npos) return std::string(stored_as);
  return ResourceId{std::string(stored_as.substr(0, slash)), std::string(stored_as.substr(slash + 1))}.text();
}

// Nothing: it is not here.
std::optional<std::uint64_t> store_size(const ControlPlaneOptions& options) {
  if (options.etcd) return std::nullopt;
  std::uint64_t bytes = 0;
  for (const char* file : {"/store.db", "/store.db-wal"}) {
    struct stat info{};
    if (::stat((options.directory + file).c_str(), &info) == 0)
      bytes += static_cast<std::uint64_t>(info.st_size);
  }
  return bytes;
}

void write_fairness(MetricsPage& page, const std::vector<Fairness::LevelUse>& levels) {
  const auto family = [&](std::string_view name, std::string_view help,
                          std::size_t Fairness::LevelUse::* value) {
    page.family(name, MetricKind::Gauge, help);
    for (const Fairness::LevelUse& level : levels)
      page.sample(static_cast<double>(level.*value), {{"priority_level", level.name}});
  };
  family("apiserver_flowcontrol_nominal_limit_seats", "Seats of a priority level by its share.",
         &Fairness::LevelUse::nominal);
  family("apiserver_flowcontrol_current_executing_seats", "Seats of a priority level that are taken.",
         &Fairness::LevelUse::in_use);
  family("apiserver_flowcontrol_current_inqueue_requests", "Requests that wait for a seat.",
         &Fairness::LevelUse::waiting);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc{} || end != text.data() + text.size() || port == 0)
    return error(Code::InvalidArgument, "'{}' is no port", text);
  return port;
}

// "30000-32767".
Result<PortRange> parse_ports(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos)
    return error(Code::InvalidArgument, "'{}' is no range of ports like 30000-32767", text);
  PortRange range;
  range.first = TRY(parse_port(text.substr(0, dash)));
  range.last = TRY(parse_port(text.substr(dash + 1)));
  if (range.first > range.last) return error(Code::InvalidArgument, "the range of ports '{}' is empty", text);
  return range;
}

// The address of the service "kubernetes": the first one of the range.
Result<std::vector<std::string>> names_of(const ControlPlaneOptions& options, const std::string& address) {
  std::vector<std::string> names = options.server_names;
  names.insert(names.end(), {"localhost", "127.0.0.1", "::1", address});
  names.push_back(TRY(host_name()));
  names.push_back(TRY(first_service_address(options.service_addresses)));
  return names;
}

Result<Pki> open_pki(const ControlPlaneOptions& options, const std::string& address) {
  std::vector<std::string> server_names = TRY(names_of(options, address));
  return Pki::open({.directory = options.directory + "/pki",
                    .cluster_domain = options.cluster_domain,
                    .server_names = std::move(server_names),
                    .server_url = fmt::format("https://{}", with_port(address, options.secure_port)),
                    .node_name = options.node_name},
                   ::time(nullptr));
}

Result<std::shared_ptr<const http::TlsContext>> server_tls(const Pki& pki, const Authentication& clients) {
  return http::TlsContext::for_server({.identity = pki.server_identity(),
                                       .client_ca_files = clients.client_ca_files,
                                       .requires_client_certificate = false,
                                       .offers_http2 = true});
}

NodeAgentOptions agent_options(const ControlPlaneOptions& options, const Pki& pki) {
  NodeAgentOptions agents = options.agents;
  if (agents.identity.certificate_file.empty()) agents.identity = pki.node_client_identity();
  return agents;
}

}  // namespace

// In the order in which each needs those above.
class ControlPlane::Impl {
 public:
  Impl(const ControlPlaneOptions& options, std::string address, Pki pki, std::unique_ptr<store::Store> store,
       std::unique_ptr<const LiveEncryption> encryption, std::unique_ptr<ObjectCache> cache,
       const Logger& log)
      : options_(options),
        address_(std::move(address)),
        log_(log),
        pki_(std::move(pki)),
        store_(std::move(store)),
        encryption_(std::move(encryption)),
        cache_(std::move(cache)),
        storage_(*store_, *cache_),
        objects_(*cache_),
        compactor_(*store_, *cache_, &log),
        agents_(agent_options(options_, pki_), objects_),
        services_(objects_, options_.service_routing),
        aggregated_(objects_, services_, pki_.proxy_client_identity()),
        custom_({.cache = *cache_,
                 .objects = objects_,
                 .services = services_,
                 .address = with_port(address_, options_.secure_port),
                 .log = log}),
        api_services_({.objects = objects_, .apis = aggregated_, .served = custom_.served()}) {}

  Result<void> start() {
    addresses_ = std::make_unique<ServiceAddresses>(
        *store_, TRY(AddressRange::parse(options_.service_addresses)), options_.service_addresses,
        TRY(parse_ports(options_.service_node_ports)));
    access_ = TRY(make_access(options_.access, objects_));
    TRY(make_authenticator());
    TRY(make_auditor());
    verbs_ = std::make_unique<Verbs>(
        VerbParts{.storage = storage_, .admission = admission_, .addresses = *addresses_});
    add_plugins();
    custom_.start(*verbs_);
    if (const auto made = bootstrap(*verbs_, objects_,
                                    {.address = address_,
                                     .port = options_.secure_port,
                                     .service_address = addresses_->first_address()});
        !made)
      return error(Code::Internal, "make what every cluster has: {}", made.error()->message);
    if (const auto told = publish_authentication(*verbs_, objects_,
                                                 {.client_authorities = pki_.cluster_authority().pem(),
                                                  .proxy_authorities = pki_.proxy_authority().pem()});
        !told)
      return error(Code::Internal, "tell other API servers whom to trust: {}", told.error()->message);
    (void)make_default_accounts(*verbs_, objects_);
    accounts_ = std::make_unique<Reconciler>(objects_,
                                             std::vector<std::string>{"namespaces", stored::kServiceAccounts},
                                             [this] { return make_default_accounts(*verbs_, objects_); });
    aggregated_roles_ =
        std::make_unique<Reconciler>(objects_, std::vector<std::string>{stored::kClusterRoles},
                                     [this] { return show_aggregated_rules(*verbs_, objects_); });
    policy_types_ = std::make_unique<Reconciler>(
        objects_, std::vector<std::string>{kValidatingPolicies},
        [this] { return check_policy_types(*verbs_, objects_, *custom_.served().get()); });
    certificates_ = std::make_unique<Reconciler>(
        objects_, std::vector<std::string>{kSigningRequests},
        [this] { return sign_requests(*verbs_, objects_, pki_.cluster_authority(), *access_.authorizer); });
    api_services_.start(*verbs_);
    fairness_ = std::make_unique<Fairness>(
        FairnessOptions{.seats = options_.max_requests, .max_waiting = options_.max_requests}, objects_);
    bodies_ = std::make_unique<BodyRoom>(BodyRoomOptions{.bodies = kMostBodies});
    streams_ = TRY(http::StreamLoop::start("kube-streams", kMaxStreams));
    connector_ = std::make_unique<Connector>(
        Connector::Parts{.objects = objects_, .agents = agents_, .loop = *streams_});
    api_ = std::make_unique<ApiServer>(
        ApiParts{.verbs = *verbs_,
                 .served = custom_.served(),
                 .authenticator = *authentication_.authenticator,
                 .authorizer = *access_.authorizer,
                 .tokens = *authentication_.tokens,
                 .account_tokens = *authentication_.account_tokens,
                 .fairness = *fairness_,
                 .bodies = *bodies_,
                 .connector = *connector_,
                 .aggregated = aggregated_,
                 .streams = *streams_,
                 .auditor = auditor_.get(),
                 .health_checks = health_checks(),
                 .more_metrics = [this](MetricsPage& page) { write_metrics(page); },
                 .log = log_});
    TRY(listen());
    api_->set_ready(true);
    return {};
  }

  std::string address() const {
    return with_port(options_.bind_address, server_->listeners().front().port());
  }
  std::string admin_kubeconfig() const { return pki_.admin_kubeconfig(); }

  Result<void> renew_certificates() {
    if (!TRY(pki_.renew(::time(nullptr)))) return {};
    server_->renew_tls(TRY(server_tls(pki_, authentication_)));
    agents_.renew();
    aggregated_.renew();
    log_.info("certificates were renewed");
    return {};
  }

  void stop(milliseconds grace) {
    if (server_) server_->stop(grace);
    http2_.reset();
    server_.reset();  // and with it the watches over HTTP/1.1
  }

 private:
  Result<void> make_authenticator() {
    AuthenticationOptions options = options_.authentication;
    options.service_accounts.issuers = {
        fmt::format("https://kubernetes.default.svc.{}", options_.cluster_domain)};
    options.on_refused = [this](std::string_view why) {
      log_.debug("a client was refused", {{"reason", why}});
    };
    authentication_ = TRY(make_authentication(std::move(options), pki_, objects_));
    return {};
  }

  Result<void> make_auditor() {
    if (options_.audit_policy.empty()) return {};
    std::vector<std::unique_ptr<AuditSink>> sinks;
    sinks.push_back(TRY(AuditLog::open(options_.audit_log)));
    auditor_ = std::make_unique<Auditor>(
        TRY(AuditPolicy::load(options_.audit_policy)), std::move(sinks), [this](const Error& failure) {
          log_.error("an audit event could not be written", {{"error", failure.message()}});
        });
    return {};
  }

  void add_plugins() {
    std::vector<std::unique_ptr<admission::Plugin>> others;
    others.push_back(custom_.plugin());
    others.push_back(std::make_unique<admission::MutatingPolicies>(objects_, *access_.authorizer));
    others.push_back(std::make_unique<admission::MutatingWebhooks>(objects_, *access_.authorizer, services_));
    others.push_back(std::make_unique<admission::ValidatingPolicies>(objects_, *access_.authorizer));
    others.push_back(
        std::make_unique<admission::ValidatingWebhooks>(objects_, *access_.authorizer, services_));
    auto plugins = admission::stock_plugins(
        {.objects = objects_,
         .authorizer = *access_.authorizer,
         .rbac = *access_.rbac,
         .update_quota = [this](json::Tree quota) { return update_quota(*verbs_, std::move(quota)); }},
        std::move(others));
    for (auto& plugin : plugins) admission_.add(std::move(plugin));
  }

  std::vector<HealthCheck> health_checks() const {
    std::vector<HealthCheck> checks = {{"etcd", [this]() -> Result<void> {
                                          const auto fresh = cache_->become_fresh();
                                          if (fresh) return {};
                                          return error(Code::Unavailable, "{}", fresh.error()->message);
                                        }}};
    if (encryption_ != nullptr && encryption_->may_have_plugins())
      checks.push_back({"kms-providers", [this] { return encryption_->check_plugins(); }});
    return checks;
  }

  void write_metrics(MetricsPage& page) const {
    page.family("apiserver_storage_objects", MetricKind::Gauge, "Objects, by what they are.");
    for (const auto& [stored_as, count] : cache_->counts())
      page.sample(static_cast<double>(count), {{"resource", resource_text(stored_as)}});
    if (const auto bytes = store_size(options_)) {
      page.family("apiserver_storage_size_bytes", MetricKind::Gauge, "The size of the store's files.");
      page.sample(static_cast<double>(*bytes), {{"storage_cluster_id", "embedded"}});
    }
    write_fairness(page, fairness_->use());
  }

  // Who sends a body or waits for his turn has a thread, too, and there is always one for those who do not
  // have to.
  std::size_t threads() const { return 2 * options_.max_requests + kMostBodies + kSpareThreads; }

  Result<void> listen() {
    std::vector<http::Listener> listeners;
    listeners.push_back(TRY(http::Listener::tcp(options_.bind_address, options_.secure_port))
                            .with_tls(TRY(server_tls(pki_, authentication_))));
    http2_ = std::make_unique<http::Http2Service>(
        api_->handler(), http::Http2ServiceOptions{.max_handlers = threads(), .least_rate = kLeastRate});
    server_ = TRY(http::Server::start(
        std::move(listeners), api_->handler(),
        {.max_connections = kMaxConnections,
         .max_handlers = threads(),
         .max_waiting = 4096,
         .least_rate = kLeastRate,
         .on_http2 = [this](http::Stream stream,
                            http::Peer peer) { http2_->take(std::move(stream), std::move(peer)); },
         .on_rest = trim_heap}));
    return {};
  }

  const ControlPlaneOptions options_;
  const std::string address_;
  const Logger& log_;
  Pki pki_;
  const std::unique_ptr<store::Store> store_;
  const std::unique_ptr<const LiveEncryption> encryption_;  // null: values are as they are
  const std::unique_ptr<ObjectCache> cache_;
  ObjectStorage storage_;
  CachedSource objects_;
  const Compactor compactor_;
  NodeAgents agents_;
  const ServiceRouter services_;
  AggregatedApis aggregated_;
  std::unique_ptr<ServiceAddresses> addresses_;
  Access access_;
  Authentication authentication_;
  std::unique_ptr<Auditor> auditor_;  // null: nothing is written
  std::unique_ptr<Fairness> fairness_;
  std::unique_ptr<BodyRoom> bodies_;
  admission::Chain admission_;
  std::unique_ptr<Verbs> verbs_;
  CustomResources custom_;
  std::unique_ptr<Reconciler> accounts_;
  std::unique_ptr<Reconciler> aggregated_roles_;
  std::unique_ptr<Reconciler> certificates_;
  std::unique_ptr<Reconciler> policy_types_;
  ApiServices api_services_;
  std::unique_ptr<http::StreamLoop> streams_;
  std::unique_ptr<Connector> connector_;
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<http::Http2Service> http2_;
  std::unique_ptr<http::Server> server_;  // before http2_: it hands connections on
};

ControlPlane::ControlPlane(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlPlane::~ControlPlane() { stop({}); }

Result<std::unique_ptr<ControlPlane>> ControlPlane::start(const ControlPlaneOptions& options,
                                                          const Logger& log) {
  TRY_DURING(make_directories(options.directory, 0700), "make the control plane's directory");
  std::string address =
      options.advertise_address.empty() ? TRY(address_of_host()) : options.advertise_address;
  Pki pki = TRY_DURING(open_pki(options, address), "open the control plane's certificates");
  auto store = TRY_DURING(open_store(options), "open the control plane's store");
  std::unique_ptr<const LiveEncryption> encryption;
  if (!options.encryption_config.empty())
    encryption = TRY(LiveEncryption::open(
        {.file = options.encryption_config, .reloads = options.reloads_encryption}, log));
  auto cache = TRY_DURING(ObjectCache::open(*store, {.kinds = built_in_kinds(),
                                                     .transformer = encryption.get(),
                                                     .is_shared = options.etcd.has_value(),
                                                     .log = &log}),
                          "read the control plane's objects");
  auto impl = std::make_unique<Impl>(options, std::move(address), std::move(pki), std::move(store),
                                     std::move(encryption), std::move(cache), log);
  TRY(impl->start());
  return std::unique_ptr<ControlPlane>(new ControlPlane(std::move(impl)));
}

std::string ControlPlane::address() const { return impl_->address(); }
std::string ControlPlane::admin_kubeconfig() const { return impl_->admin_kubeconfig(); }
Result<void> ControlPlane::renew_certificates() { return impl_->renew_certificates(); }
void ControlPlane::stop(milliseconds grace) { impl_->stop(grace); }

}  // namespace gantry::kube
