// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/node_agents.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/ranges.h>

#include "kube/api/stored_kinds.h"
#include "kube/api/tree_lists.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kUsualPort = 10250;
// Who asks waits on a thread: a node that is down must not keep many of those.
constexpr std::chrono::seconds kConnectTimeout{10}, kAnswerTimeout{30};
constexpr std::string_view kTakesTunnels = "ExtendWebSocketsToKubelet";  // in status.declaredFeatures

const json::Tree& status_of(const json::Tree& node) {
  static const json::Tree kNone;
  const json::Tree* status = node.find("status");
  return status == nullptr ? kNone : *status;
}

Answer<std::string> address_of(const json::Tree& node, const std::vector<std::string>& types) {
  const json::TreeArray& addresses = list_of(status_of(node), "addresses");
  for (const std::string& type : types)
    for (const json::Tree& address : addresses)
      if (address.text_at("type") == type && !address.text_at("address").empty())
        return std::string(address.text_at("address"));
  std::vector<std::string> known;
  for (const json::Tree& address : addresses)
    known.push_back(fmt::format("{}={}", address.text_at("type"), address.text_at("address")));
  return internal_error(
      fmt::format("no preferred addresses found; known addresses: [{}]", fmt::join(known, " ")));
}

std::uint16_t port_of(const json::Tree& node) {
  const json::Tree* port = node.find("status", "daemonEndpoints", "kubeletEndpoint", "Port");
  const std::int64_t number = port == nullptr ? 0 : port->as_int64().value_or(0);
  return static_cast<std::uint16_t>(number > 0 && number <= UINT16_MAX ? number : kUsualPort);
}

}  // namespace

http::Url NodeAgent::url(std::string path, const http::Query& query) const {
  http::Url url{.scheme = "https", .host = host, .port = port, .path = std::move(path)};
  if (!query.empty()) url.query = query.str();
  return url;
}

NodeAgents::NodeAgents(NodeAgentOptions options, const ObjectSource& objects)
    : options_(std::move(options)), objects_(objects) {
  renew();
}

Answer<NodeAgent> NodeAgents::find(std::string_view node) const {
  const auto found = objects_.get(stored::kNodes, "", node);
  if (!found) return not_found({"", "nodes"}, node);
  NodeAgent agent{.port = port_of(*found)};
  agent.host = TRY(address_of(*found, options_.address_types));
  const std::vector<std::string> features = words_of(status_of(*found), "declaredFeatures");
  agent.takes_tunnels = std::ranges::find(features, kTakesTunnels) != features.end();
  return agent;
}

std::shared_ptr<http::Client> NodeAgents::client(Check check) const {
  const MutexLock lock(mutex_);
  return check == Check::Nothing ? trusting_ : checking_;
}

std::shared_ptr<http::Client> NodeAgents::make_client(Check check) const {
  http::ClientOptions options;
  options.user_agent = "kube-apiserver";
  options.connect_timeout = kConnectTimeout;
  options.answer_timeout = kAnswerTimeout;
  options.tls.identity = options_.identity;
  options.tls.trust_system = false;
  options.tls.verify = check == Check::AsConfigured && !options_.authority_file.empty();
  if (options.tls.verify) options.tls.ca_files = {options_.authority_file};
  return std::make_shared<http::Client>(std::move(options));
}

void NodeAgents::renew() {
  auto checking = make_client(Check::AsConfigured);
  auto trusting = make_client(Check::Nothing);
  const MutexLock lock(mutex_);
  checking_.swap(checking);
  trusting_.swap(trusting);
}

}  // namespace gantry::kube
