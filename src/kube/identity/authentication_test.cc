// SPDX-License-Identifier: Apache-2.0
//
// The whole way: a control plane's directory, a server with TLS, clients with kubeconfigs.
#include "kube/identity/authentication.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/file.h"
#include "http/client.h"
#include "http/server.h"
#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "kube/identity/server_access.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

Pki open_pki(const gantry::testing::TempDir& directory) {
  return MUST(
      Pki::open({.directory = directory / "pki", .server_url = "https://localhost:1", .node_name = "n1"},
                std::time(nullptr)));
}

Authentication make(const gantry::testing::TempDir& directory, const Pki& pki, const ObjectSource& objects) {
  MUST(replace_file_at(AT_FDCWD, directory / "tokens", "secret,bob,7\n", 0600));
  return MUST(make_authentication({.token_file = directory / "tokens"}, pki, objects));
}

std::unique_ptr<http::Server> serve(const Pki& pki, const Authentication& authentication) {
  std::vector<http::Listener> listeners;
  listeners.push_back(
      MUST(http::Listener::tcp("127.0.0.1", 0))
          .with_tls(MUST(http::TlsContext::for_server({.identity = pki.server_identity(),
                                                       .client_ca_files = authentication.client_ca_files,
                                                       .requires_client_certificate = false}))));
  return MUST(
      http::Server::start(std::move(listeners), [&](http::Request& request, http::ResponseWriter& response) {
        const auto identity = authentication.authenticator->authenticate(request.headers(), request.peer(),
                                                                         request.path(), std::time(nullptr));
        if (!identity) return response.send(identity.error()->code);
        std::string text = identity->user.name;
        for (const std::string& group : identity->user.groups) text += fmt::format(" {}", group);
        return response.send(200, text);
      }));
}

class AuthenticationTest : public ::testing::Test {
 protected:
  std::string ask(const Kubeconfig& config, http::HeaderMap headers = {}) {
    ServerAccess access = MUST(server_access(config));
    access.url.port = server->listeners()[0].port();
    for (const http::Header& header : access.headers) headers.add(header.name, header.value);
    http::Client client({.tls = access.tls});
    http::ClientResponse response = MUST(client.send({.url = access.url, .headers = headers}));
    return response.status() == 200 ? MUST(response.read_body()) : std::to_string(response.status());
  }
  Kubeconfig config(const std::string& name) { return MUST(read_kubeconfig(directory / ("pki/" + name))); }

  gantry::testing::TempDir directory;
  kube::testing::TestObjects objects;
  const Pki pki = open_pki(directory);
  const Authentication authentication = make(directory, pki, objects);
  const std::unique_ptr<http::Server> server = serve(pki, authentication);
};

TEST_F(AuthenticationTest, KubeconfigsOfTheDirectoryAreWhoTheySay) {
  EXPECT_EQ(ask(config("admin.conf")), "kubernetes-admin system:masters system:authenticated");
  EXPECT_EQ(ask(config("kubelet.conf")), "system:node:n1 system:nodes system:authenticated");
  EXPECT_EQ(ask(config("scheduler.conf")), "system:kube-scheduler system:authenticated");
}

TEST_F(AuthenticationTest, TokensAreTaken) {
  Kubeconfig bob = config("admin.conf");
  bob.certificate.clear();
  bob.key.clear();
  EXPECT_EQ(ask(bob), "401");
  bob.token = "secret";
  EXPECT_EQ(ask(bob), "bob system:authenticated");
  objects.put(stored::kServiceAccounts, R"({"metadata":{"namespace":"work","name":"web","uid":"u"}})");
  const auto request =
      authentication.account_tokens->answer("work", "web", json::TreeObject(), std::time(nullptr));
  ASSERT_TRUE(request);
  bob.token = request->text_at("status", "token");
  EXPECT_TRUE(ask(bob).starts_with("system:serviceaccount:work:web system:serviceaccounts "));
}

TEST_F(AuthenticationTest, TheProxysCertificateSpeaksForOthersAndForNobodyElse) {
  Kubeconfig proxy = config("admin.conf");
  proxy.certificate = MUST(read_file(pki.proxy_client_identity().certificate_file));
  proxy.key = MUST(read_file(pki.proxy_client_identity().key_file));
  EXPECT_EQ(ask(proxy, {{"X-Remote-User", "carol"}, {"X-Remote-Group", "dev"}}),
            "carol dev system:authenticated");
  EXPECT_EQ(ask(proxy), "401");
  EXPECT_EQ(ask(config("admin.conf"), {{"X-Remote-User", "carol"}}),
            "kubernetes-admin system:masters system:authenticated");
}

TEST_F(AuthenticationTest, AServersCertificateIsNoClients) {
  Kubeconfig thief = config("admin.conf");
  thief.certificate = MUST(read_file(pki.server_identity().certificate_file));
  thief.key = MUST(read_file(pki.server_identity().key_file));
  EXPECT_EQ(ask(thief), "401");
}

}  // namespace
}  // namespace gantry::kube
