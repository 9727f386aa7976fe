// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/webhooks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/mutex.h"
#include "http/server.h"
#include "kube/api/test_objects.h"
#include "kube/schema/catalog.h"
#include "testing/must.h"

namespace gantry::kube::admission {
namespace {

constexpr const char* kMutating = "admissionregistration.k8s.io/mutatingwebhookconfigurations";
constexpr const char* kValidating = "admissionregistration.k8s.io/validatingwebhookconfigurations";

class WebhooksTest : public ::testing::Test {
 protected:
  WebhooksTest() {
    std::vector<http::Listener> listeners;
    listeners.push_back(MUST(http::Listener::tcp("127.0.0.1", 0)));
    server_ = MUST(http::Server::start(
        std::move(listeners),
        [this](http::Request& request, http::ResponseWriter& writer) { return serve(request, writer); }, {}));
    port_ = server_->listeners().front().port();
  }

  // What a path answers: fields of the response, to each review that comes.
  Result<void> serve(http::Request& request, http::ResponseWriter& writer) {
    const json::Tree review = TRY(json::Tree::parse(TRY(request.read_body(1 << 20))));
    const std::string path(request.path());
    {
      const MutexLock lock(mutex_);
      reviews_.push_back(review);
      asked_.push_back(path);
    }
    if (path == "/broken") return writer.send(500, "out of order");
    return writer.send(
        200, fmt::format(R"J({{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":
                                     {{"uid":"{}",{}}}}})J",
                         review.text_at("request", "uid"), answers_.at(path)));
  }

  void put(const char* kind, const std::string& name, const std::string& path, std::string_view more = "") {
    objects_.put(
        kind,
        fmt::format(R"J({{"metadata":{{"name":"{}"}},"webhooks":[{{"name":"{}.example.com","clientConfig":
        {{"url":"http://127.0.0.1:{}{}"}},"admissionReviewVersions":["v1"],"sideEffects":"None",
        "rules":[{{"apiGroups":[""],"apiVersions":["v1"],"operations":["*"],"resources":["configmaps"]}}]{}}}]}})J",
                    name, name, port_, path, more));
  }
  static std::string patch(std::string_view operations) {
    return fmt::format(R"("allowed":true,"patchType":"JSONPatch","patch":"{}")", to_base64(operations));
  }

  std::string mutate(bool is_dry_run = false) {
    return run(std::make_unique<MutatingWebhooks>(objects_, *authorizer_, services_), is_dry_run, true);
  }
  std::string validate() {
    return run(std::make_unique<ValidatingWebhooks>(objects_, *authorizer_, services_), false, false);
  }
  std::string run(std::unique_ptr<Plugin> plugin, bool is_dry_run, bool mutates) {
    Chain chain;
    chain.add(std::move(plugin));
    const Resource* resource = Catalog::built_in().find("", "v1", "configmaps");
    object_ = *json::Tree::parse(
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}})");
    AdmissionRequest request{.user = user_,
                             .resource = *resource,
                             .kind = resource->kind,
                             .name_space = "web",
                             .name = "c",
                             .object = &object_,
                             .is_dry_run = is_dry_run};
    const auto answer = mutates ? chain.mutate(request) : chain.validate(request);
    warnings_ = request.warnings;
    if (answer) return "";
    code_ = answer.error()->code;
    return answer.error()->message;
  }

  testing::TestObjects objects_;
  ServiceRouter services_{objects_, ServiceRouting::Endpoints};
  std::shared_ptr<const Authorizer> authorizer_ = always_allow();
  User user_{.name = "alice"};
  json::Tree object_;
  std::map<std::string, std::string> answers_;
  std::vector<json::Tree> reviews_;
  std::vector<std::string> asked_;
  std::vector<std::string> warnings_;
  int code_ = 0;
  Mutex mutex_;  // of what the server's threads write
  std::uint16_t port_ = 0;
  std::unique_ptr<http::Server> server_;  // ends first
};

TEST_F(WebhooksTest, ARefusalIsTheWebhooks) {
  answers_["/no"] = R"("allowed":false,"status":{"code":403,"message":"not today"},"warnings":["careful"])";
  put(kValidating, "v", "/no");
  EXPECT_EQ(validate(), "admission webhook \"v.example.com\" denied the request: not today");
  EXPECT_EQ(code_, 403);
  EXPECT_EQ(warnings_, std::vector<std::string>{"careful"});
  EXPECT_EQ(reviews_[0].text_at("request", "operation"), "CREATE");
  EXPECT_EQ(reviews_[0].text_at("request", "userInfo", "username"), "alice");
  EXPECT_EQ(reviews_[0].text_at("request", "object", "data", "a"), "1");
  EXPECT_EQ(reviews_[0].text_at("request", "kind", "kind"), "ConfigMap");
}

TEST_F(WebhooksTest, PatchesAreApplied) {
  answers_["/patch"] = patch(R"([{"op":"add","path":"/data/b","value":"2"}])");
  put(kMutating, "m", "/patch");
  EXPECT_EQ(mutate(), "");
  EXPECT_EQ(object_.text_at("data", "b"), "2");
}

TEST_F(WebhooksTest, APatchThatBreaksTheObjectIsAnError) {
  answers_["/patch"] = patch(R"([{"op":"add","path":"/data","value":7}])");
  put(kMutating, "m", "/patch");
  EXPECT_NE(mutate(), "");
  EXPECT_EQ(code_, 500);
}

TEST_F(WebhooksTest, WhoAsksForItIsCalledAgainAfterAChange) {
  answers_["/first"] = R"("allowed":true)";
  answers_["/second"] = patch(R"([{"op":"add","path":"/data/b","value":"2"}])");
  put(kMutating, "a", "/first", R"(,"reinvocationPolicy":"IfNeeded")");
  put(kMutating, "b", "/second");
  EXPECT_EQ(mutate(), "");
  EXPECT_EQ(asked_, (std::vector<std::string>{"/first", "/second", "/first"}));
}

TEST_F(WebhooksTest, WhoCannotBeAskedFailsOrIsPassedOver) {
  put(kValidating, "v", "/broken");
  EXPECT_TRUE(
      validate().starts_with("Internal error occurred: failed calling webhook \"v.example.com\": failed to "
                             "call webhook: the server answered 500"));
  put(kValidating, "v", "/broken", R"(,"failurePolicy":"Ignore")");
  EXPECT_EQ(validate(), "");
  answers_["/patching"] = patch("[]");
  put(kValidating, "v", "/patching");
  EXPECT_NE(validate().find("validating webhook may not return response.patch"), std::string::npos);
}

TEST_F(WebhooksTest, AllThatJudgeAreAskedAndTheFirstRefusalByNameCounts) {
  answers_["/yes"] = R"("allowed":true)";
  answers_["/no"] = R"("allowed":false,"status":{"message":"no"})";
  put(kValidating, "a", "/yes");
  put(kValidating, "b", "/no");
  put(kValidating, "c", "/no");
  put(kValidating, "d", "/yes");
  EXPECT_EQ(validate(), "admission webhook \"b.example.com\" denied the request: no");
  EXPECT_EQ(asked_.size(), 4U);
}

TEST_F(WebhooksTest, ConditionsKeepItFromBeingCalled) {
  answers_["/no"] = R"("allowed":false)";
  put(kValidating, "v", "/no",
      R"(,"matchConditions":[{"name":"not-alice","expression":"request.userInfo.username != 'alice'"}])");
  EXPECT_EQ(validate(), "");
  EXPECT_TRUE(asked_.empty());
  put(kValidating, "v", "/no", R"(,"matchConditions":[{"name":"broken","expression":"object.none == 1"}])");
  EXPECT_NE(validate().find("resulted in error: no such key: none"), std::string::npos);
}

TEST_F(WebhooksTest, SideEffectsForbidDryRuns) {
  answers_["/yes"] = R"("allowed":true)";
  put(kMutating, "m", "/yes");
  EXPECT_EQ(mutate(true), "");
  objects_.put(
      kMutating,
      fmt::format(
          R"J({{"metadata":{{"name":"m"}},"webhooks":[{{"name":"m","clientConfig":{{"url":"http://127.0.0.1:{}/yes"}},
      "admissionReviewVersions":["v1"],"sideEffects":"Some","rules":[{{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*"]}}]}}]}})J",
          port_));
  EXPECT_EQ(mutate(true), "admission webhook \"m\" does not support dry run");
  EXPECT_EQ(code_, 400);
}

TEST_F(WebhooksTest, AServiceMustBeThere) {
  objects_.put(
      kValidating,
      R"J({"metadata":{"name":"v"},"webhooks":[{"name":"v","clientConfig":{"service":{"namespace":"web","name":"hook"}},
      "admissionReviewVersions":["v1"],"sideEffects":"None","rules":[{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*"]}]}]})J");
  EXPECT_EQ(validate(),
            "Internal error occurred: failed calling webhook \"v\": failed to call webhook: service \"hook\" "
            "not found");
}

}  // namespace
}  // namespace gantry::kube::admission
