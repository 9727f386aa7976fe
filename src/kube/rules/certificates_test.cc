// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

class SigningRequest : public ::testing::Test {
 protected:
  static json::Tree request(const std::string& conditions, const std::string& more = "") {
    const std::string pem =
        to_base64("-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n");
    return object(R"("spec":{"request":")" + pem +
                      R"(","signerName":"example.com/one","usages":["client auth"])" + more +
                      R"(},"status":{"conditions":[)" + conditions + "]}",
                  "");
  }
  std::string changed(const char* subresource, const json::Tree& before, const json::Tree& now) const {
    std::string text;
    for (const Cause& cause : validate({requests_, subresource, &before}, now))
      text.append(text.empty() ? "" : "\n").append(cause.field).append(": ").append(cause.message);
    return text;
  }

  const Resource requests_ = resource("certificates.k8s.io", "CertificateSigningRequest", false);
  const std::string approved_ = R"({"type":"Approved","status":"True"})";
  const std::string denied_ = R"({"type":"Denied","status":"True"})";
};

TEST_F(SigningRequest, SaysWhatIsToBeSignedByWhom) {
  EXPECT_EQ(faults(requests_, request("")), "");
  EXPECT_EQ(faults(requests_, object(R"("spec":{"request":"eA==","signerName":"one"})", "")),
            "spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST\n"
            "spec.usages: Required value\n"
            "spec.signerName: Invalid value: \"one\": must be a fully qualified domain and path of the form "
            "'example.com/signer-name'");
  EXPECT_EQ(faults(requests_, request("", R"(,"expirationSeconds":5)")),
            "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 "
            "minutes)");
}

TEST_F(SigningRequest, AVerdictIsSaidOnceAndAtItsPlace) {
  EXPECT_EQ(changed("approval", request(""), request(approved_)), "");
  EXPECT_EQ(changed("status", request(""), request(approved_)),
            "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"");
  EXPECT_EQ(changed("approval", request(approved_), request("")),
            "status.conditions: Forbidden: updates may not remove a condition of type \"Approved\"");
  EXPECT_EQ(
      changed("approval", request(approved_), request(approved_ + "," + denied_)),
      "status.conditions: Invalid value: [{\"status\":\"True\",\"type\":\"Approved\"},{\"status\":\"True\","
      "\"type\":\"Denied\"}]: Approved and Denied conditions are mutually exclusive");
}

TEST_F(SigningRequest, IsForUsesThatThereAre) {
  json::Tree asked = request("");
  asked.object()["spec"].object()["usages"] = tree(R"(["any","any","party"])");
  EXPECT_TRUE(
      faults(requests_, asked)
          .starts_with("spec.usages[1]: Duplicate value: \"any\"\n"
                       "spec.usages[2]: Unsupported value: \"party\": supported values: \"any\", \"cert "
                       "sign\""));
  json::Tree other = request("");
  other.object()["spec"].object()["signerName"] = "example.com/other";
  const json::Tree before = request("");
  prepare({requests_, "", &before}, other);
  EXPECT_EQ(other.text_at("spec", "signerName"), "example.com/one") << "who signs is said once";
}

TEST_F(SigningRequest, IsAnsweredWithCertificatesOnce) {
  const auto signed_with = [&](const std::string& pem) {
    json::Tree answer = request("");
    answer.object()["status"].object()["certificate"] = to_base64(pem);
    return answer;
  };
  const json::Tree good = signed_with("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n");
  const std::string at = "status.certificate: ";
  EXPECT_EQ(changed("status", request(""), good), "");
  EXPECT_EQ(
      changed("status", request(""), signed_with("-----BEGIN KEY-----\nMA==\n-----END KEY-----\n")),
      at + "Invalid value: \"<certificate data>\": only CERTIFICATE PEM blocks are allowed, found \"KEY\"");
  EXPECT_EQ(changed("status", request(""), signed_with("MA==")),
            at + "Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block");
  EXPECT_EQ(changed("status", good, request("")),
            at + "Forbidden: updates may not modify existing certificate content");
}

}  // namespace
}  // namespace gantry::kube::rules
