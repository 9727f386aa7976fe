// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

const std::string kTemplate =
    R"("template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"i",)"
    R"("imagePullPolicy":"Always","terminationMessagePolicy":"File"}],"restartPolicy":"Never","dnsPolicy":"ClusterFirst"}})";

const Resource& jobs() {
  static const Resource kResource = resource("batch", "Job");
  return kResource;
}

TEST(Job, GetsASelectorOfItsOwn) {
  json::Tree job = object(R"("spec":{)" + kTemplate + "}");
  job.object()["metadata"].object()["uid"] = "123";
  prepare({jobs(), "", nullptr}, job);
  EXPECT_EQ(job.find("spec", "selector")->to_text(),
            R"({"matchLabels":{"batch.kubernetes.io/controller-uid":"123"}})");
  EXPECT_EQ(
      job.find("spec", "template", "metadata", "labels")->to_text(),
      R"({"app":"web","batch.kubernetes.io/controller-uid":"123","batch.kubernetes.io/job-name":"web","controller-uid":"123","job-name":"web"})");
  EXPECT_EQ(faults(jobs(), job), "");
  json::Tree other = job;
  other.object()["spec"].object()["completions"] = 5;
  other.object()["spec"].object()["template"].object()["spec"].object()["hostNetwork"] = true;
  EXPECT_TRUE(
      faults(jobs(), other, &job)
          .starts_with(
              "spec.completions: Invalid value: 5: field is immutable\nspec.template: Invalid value:"));
}

TEST(Job, EndsAndCounts) {
  std::string always = kTemplate;
  always.replace(always.find("Never"), 5, "Always");
  EXPECT_EQ(faults(jobs(), object(R"("spec":{"parallelism":-1,"completionMode":"Indexed",)" + always + "}")),
            "spec.selector: Required value\n"
            "spec.parallelism: Invalid value: -1: must be greater than or equal to 0\n"
            "spec.completions: Required value: when completion mode is Indexed\n"
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"");
}

TEST(CronJob, HasASchedule) {
  const Resource cron_jobs = resource("batch", "CronJob");
  const auto wrong = [&](std::string schedule) {
    return faults(cron_jobs, object(R"("spec":{"concurrencyPolicy":"Allow","schedule":")" + schedule +
                                    R"(","jobTemplate":{"spec":{)" + kTemplate + "}}}"));
  };
  EXPECT_EQ(wrong("*/5 * * * *"), "");
  EXPECT_EQ(wrong("often"),
            "spec.schedule: Invalid value: \"often\": expected exactly 5 fields, found 1: [often]");
  EXPECT_TRUE(wrong("TZ=UTC * * * * *")
                  .starts_with("spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ"));
}

}  // namespace
}  // namespace gantry::kube::rules
