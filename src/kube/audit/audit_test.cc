// SPDX-License-Identifier: Apache-2.0
#include "kube/audit/audit.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "base/file.h"
#include "http/server.h"
#include "kube/audit/collector.h"
#include "kube/audit/log_file.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

AuditPolicy policy(const std::string& rules) {
  return MUST(AuditPolicy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rules));
}

AccessRequest get(std::string resource, std::string name_space = "", std::string subresource = "") {
  return {.user = {.name = "alice", .groups = {"ops"}},
          .verb = "get",
          .version = "v1",
          .resource = std::move(resource),
          .subresource = std::move(subresource),
          .name_space = std::move(name_space),
          .name = "x"};
}

TEST(AuditPolicy, TheFirstRuleThatMatchesCounts) {
  const AuditPolicy rules = policy(R"(
omitStages: [RequestReceived]
rules:
- level: None
  users: [system:kube-proxy]
- level: Request
  resources: [{group: "", resources: [pods/log, "pods/*", secrets]}]
  namespaces: [work]
- level: None
  nonResourceURLs: ["/healthz*"]
- level: RequestResponse
  userGroups: [admins]
  omitStages: [ResponseStarted]
- level: Metadata
)");
  EXPECT_EQ(rules.decide(get("secrets", "work")).level, AuditLevel::Request);
  EXPECT_EQ(rules.decide(get("secrets", "home")).level, AuditLevel::Metadata);
  EXPECT_EQ(rules.decide(get("pods", "work", "exec")).level, AuditLevel::Request);
  EXPECT_EQ(rules.decide({.user = {.name = "system:kube-proxy"}, .verb = "get"}).level, AuditLevel::None);
  EXPECT_EQ(rules.decide({.verb = "get", .is_resource = false, .path = "/healthz/x"}).level,
            AuditLevel::None);
  const AuditDecision admin = rules.decide({.user = {.groups = {"admins"}}, .verb = "get"});
  EXPECT_EQ(admin.level, AuditLevel::RequestResponse);
  EXPECT_FALSE(admin.has(AuditStage::RequestReceived));
  EXPECT_FALSE(admin.has(AuditStage::ResponseStarted));
  EXPECT_TRUE(admin.has(AuditStage::ResponseComplete));
  EXPECT_EQ(policy("rules: [{level: Metadata, verbs: [create]}]").decide(get("pods")).level,
            AuditLevel::None);
}

TEST(AuditPolicy, MistakesAreNamed) {
  const auto why = [](const std::string& rules) {
    const auto parsed = AuditPolicy::parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rules);
    return parsed ? std::string() : parsed.error().message();
  };
  EXPECT_NE(why("rules: [{level: Metadata}, {level: All}]").find("rules[1]: level"), std::string::npos);
  EXPECT_NE(why("rules: [{level: Metadata, omitStages: [Never]}]").find("Never"), std::string::npos);
  EXPECT_NE(why("rules: [{level: Metadata, nonResourceURLs: [/x], namespaces: [a]}]"), "");
  EXPECT_NE(why(""), "");
  EXPECT_FALSE(AuditPolicy::parse("kind: Pod"));
}

class Kept final : public AuditSink {
 public:
  explicit Kept(std::vector<json::Tree>& events) : events_(events) {}
  Result<void> write(const std::string& event) override {
    events_.push_back(MUST(json::Tree::parse(event)));
    return {};
  }

 private:
  std::vector<json::Tree>& events_;
};

TEST(Auditor, TellsOfEveryStage) {
  std::vector<json::Tree> events;
  std::vector<std::unique_ptr<AuditSink>> sinks;
  sinks.push_back(std::make_unique<Kept>(events));
  const Auditor auditor(policy("omitManagedFields: true\nrules: [{level: RequestResponse}]"),
                        std::move(sinks));
  AuditRecord record = auditor.begin(get("pods", "work"), {.id = "id",
                                                           .uri = "/api/v1/namespaces/work/pods/x",
                                                           .source_addresses = {"192.0.2.1"},
                                                           .impersonator = User{.name = "root"}});
  record.set_request_object(R"({"metadata":{"name":"x","managedFields":[]}})");
  record.annotate("authorization.k8s.io/decision", "allow");
  record.respond({.code = 404, .reason = "NotFound", .message = "gone", .object = R"({"a":1})"});
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].text_at("stage"), "RequestReceived");
  const json::Tree& end = events[1];
  EXPECT_EQ(end.text_at("stage"), "ResponseComplete");
  EXPECT_EQ(end.text_at("user", "username"), "root");
  EXPECT_EQ(end.text_at("impersonatedUser", "username"), "alice");
  EXPECT_EQ(end.find("objectRef")->to_text(),
            R"({"apiVersion":"v1","name":"x","namespace":"work","resource":"pods"})");
  EXPECT_EQ(end.find("requestObject")->to_text(), R"({"metadata":{"name":"x"}})");
  EXPECT_EQ(end.find("responseObject")->to_text(), R"({"a":1})");
  EXPECT_EQ(end.find("responseStatus", "code")->as_int64(), 404);
  EXPECT_EQ(end.text_at("annotations", "authorization.k8s.io/decision"), "allow");
  EXPECT_EQ(end.text_at("stageTimestamp").size(), 27u);
}

TEST(Auditor, BodiesAreToldOnlyWhereThePolicySaysSo) {
  std::vector<json::Tree> events;
  std::vector<std::unique_ptr<AuditSink>> sinks;
  sinks.push_back(std::make_unique<Kept>(events));
  const Auditor auditor(policy("rules: [{level: Metadata, verbs: [get]}]"), std::move(sinks));
  AuditRecord record = auditor.begin(get("secrets"), {});
  record.set_request_object(R"({"data":"secret"})");
  record.respond({.code = 200, .object = R"({"data":"secret"})"});
  EXPECT_EQ(events.back().to_text().find("secret\""), std::string::npos);
  AccessRequest create = get("secrets");
  create.verb = "create";
  auditor.begin(create, {}).respond({.code = 201});
  EXPECT_EQ(events.size(), 2u) << "no rule";
}

TEST(AuditLog, IsRotatedAndOldFilesGo) {
  gantry::testing::TempDir directory;
  const auto log = MUST(AuditLog::open({.path = directory / "audit.log", .max_size = 100, .max_backups = 2}));
  const std::string event(60, 'e');
  for (int i = 0; i < 50; ++i) MUST(log->write(event));
  const auto names = MUST(names_in(AT_FDCWD, directory.path()));
  EXPECT_LE(names.size(), 3u);
  EXPECT_GE(names.size(), 2u);
  const auto again = MUST(AuditLog::open({.path = directory / "audit.log"}));
  MUST(again->write("{}"));
  EXPECT_TRUE(MUST(read_file(directory / "audit.log")).ends_with("\n{}\n")) << "it goes on where it was";
}

// Collects batches; refuses the first if it was told to.
struct Server {
  explicit Server(int refused) : to_refuse(refused) {
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server = MUST(http::Server::start(std::move(listeners),
                                      [this](http::Request& request, http::ResponseWriter& response) {
                                        return answer(request, response);
                                      }));
  }
  Result<void> answer(http::Request& request, http::ResponseWriter& response) {
    const json::Tree list = TRY(json::Tree::parse(TRY(request.read_body())));
    if (to_refuse-- > 0) return response.send(503, "later");
    events += static_cast<int>(list.find("items")->array().size());
    ++batches;
    return response.send(200, "{}");
  }
  http::Url url() const {
    return MUST(http::Url::parse(fmt::format("http://127.0.0.1:{}/", server->listeners()[0].port())));
  }
  std::atomic<int> to_refuse, events = 0, batches = 0;
  std::unique_ptr<http::Server> server;
};

TEST(AuditCollector, SendsBatchesAndTheRestAtTheEnd) {
  Server server(0);
  {
    const auto collector = MUST(AuditCollector::start({.url = server.url(), .max_batch = 10}));
    for (int i = 0; i < 25; ++i) MUST(collector->write("{}"));
  }
  EXPECT_EQ(server.events, 25);
  EXPECT_EQ(server.batches, 3);
}

TEST(AuditCollector, TriesAgainAndBoundsWhatWaits) {
  Server server(1);
  const auto collector = MUST(AuditCollector::start({.url = server.url(),
                                                     .max_batch = 2,
                                                     .max_buffer = 3,
                                                     .max_wait = std::chrono::hours(1),
                                                     .retry_after = std::chrono::milliseconds(1)}));
  for (int i = 0; i < 2; ++i) MUST(collector->write("{}"));
  while (server.events < 2) ::usleep(100);
  Server dead(1'000);
  const auto other =
      MUST(AuditCollector::start({.url = dead.url(), .max_batch = 100, .max_buffer = 3, .attempts = 1}));
  int written = 0;
  for (int i = 0; i < 10; ++i) written += other->write("{}") ? 1 : 0;
  EXPECT_EQ(written, 3);
  EXPECT_EQ(other->dropped(), 7u);
}

}  // namespace
}  // namespace gantry::kube
