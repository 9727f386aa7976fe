// SPDX-License-Identifier: Apache-2.0
//
// Cells of built-in kinds, as people know them from `kubectl get`.
#include "kube/views/cell.h"

#include <gtest/gtest.h>

#include "kube/schema/catalog.h"
#include "kube/views/json_path.h"
#include "testing/must.h"

namespace gantry::kube::views {
namespace {

// A time an hour before "now".
constexpr std::int64_t kNow = 1'000'003'600;
#define AN_HOUR_AGO "2001-09-09T01:46:40Z"

std::string cell(const char* value, const char* object) {
  const json::Document document = MUST(json::Document::parse(object));
  json::Writer writer;
  CellReader({.type = "string", .value = value}).write(document.root(), kNow, writer);
  return std::move(writer).text();
}

TEST(Cells, are_there_for_every_column_of_a_built_in_kind) {
  for (const Resource& resource : Catalog::built_in().resources())
    for (const Column& column : resource.columns) {
      if (!column.value.starts_with('@')) {
        EXPECT_TRUE(JsonPath::parse(column.value)) << resource.plural << " " << column.value;
        continue;
      }
      const std::string name = column.value.substr(1, column.value.find(' ') - 1);
      EXPECT_NE(find_cell_function(name), nullptr) << resource.plural << " " << column.value;
    }
}

TEST(Cells, of_a_pod_that_runs) {
  constexpr const char* kPod =
      R"({"spec":{"containers":[{},{}]},"status":{"phase":"Running","containerStatuses":[)"
      R"({"ready":true,"restartCount":2,"state":{"running":{}},)"
      R"("lastState":{"terminated":{"finishedAt":")" AN_HOUR_AGO R"("}}},)"
      R"({"ready":false,"restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}})";
  EXPECT_EQ(cell("@pod_ready", kPod), R"("1/2")");
  EXPECT_EQ(cell("@pod_status", kPod), R"("CrashLoopBackOff")");
  EXPECT_EQ(cell("@pod_restarts", kPod), "\"3 (60m ago)\"");
  EXPECT_EQ(cell("@pod_ip", kPod), R"("<none>")");
}

TEST(Cells, of_a_pod_that_is_being_prepared) {
  constexpr const char* kPod =
      R"({"spec":{"containers":[{}],"initContainers":[{"name":"a"},{"name":"b"}]},)"
      R"("status":{"phase":"Pending","initContainerStatuses":[)"
      R"({"name":"a","restartCount":1,"state":{"terminated":{"exitCode":0}}},)"
      R"({"name":"b","restartCount":0,"state":{"running":{}}}],)"
      R"("containerStatuses":[{"restartCount":0,"state":{"waiting":{"reason":"PodInitializing"}}}]}})";
  EXPECT_EQ(cell("@pod_status", kPod), R"("Init:1/2")");
  EXPECT_EQ(cell("@pod_ready", kPod), R"("0/1")");
  EXPECT_EQ(cell("@pod_restarts", kPod), R"("1")");
}

TEST(Cells, of_a_pod_with_a_sidecar) {
  constexpr const char* kPod =
      R"({"spec":{"containers":[{}],"initContainers":[{"name":"a","restartPolicy":"Always"}]},)"
      R"("status":{"phase":"Running","initContainerStatuses":[)"
      R"({"name":"a","restartCount":1,"started":true,"ready":true,"state":{"running":{}}}],)"
      R"("containerStatuses":[{"restartCount":2,"ready":true,"state":{"running":{}}}]}})";
  EXPECT_EQ(cell("@pod_ready", kPod), R"("2/2")");
  EXPECT_EQ(cell("@pod_status", kPod), R"("Running")");
  EXPECT_EQ(cell("@pod_restarts", kPod), R"("3")");
}

TEST(Cells, of_pods_that_end) {
  EXPECT_EQ(cell("@pod_status", R"({"metadata":{"deletionTimestamp":"x"},"status":{"phase":"Running"}})"),
            R"("Terminating")");
  EXPECT_EQ(cell("@pod_status", R"({"status":{"phase":"Succeeded","containerStatuses":[)"
                                R"({"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}})"),
            R"("Completed")");
  EXPECT_EQ(cell("@pod_status", R"({"status":{"phase":"Failed","containerStatuses":[)"
                                R"({"state":{"terminated":{"signal":9}}}]}})"),
            R"("Signal:9")");
}

TEST(Cells, of_nodes) {
  constexpr const char* kNode =
      R"({"metadata":{"labels":{"node-role.kubernetes.io/worker":"","node-role.kubernetes.io/edge":""}},)"
      R"("spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],)"
      R"("addresses":[{"type":"InternalIP","address":"192.0.2.1"}]}})";
  EXPECT_EQ(cell("@node_status", kNode), R"("Ready,SchedulingDisabled")");
  EXPECT_EQ(cell("@node_roles", kNode), R"("edge,worker")");
  EXPECT_EQ(cell("@node_address InternalIP", kNode), R"("192.0.2.1")");
  EXPECT_EQ(cell("@node_address ExternalIP", kNode), R"("<none>")");
}

TEST(Cells, of_services) {
  constexpr const char* kService =
      R"({"spec":{"type":"LoadBalancer","ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},)"
      R"({"port":53,"protocol":"UDP"}]}})";
  EXPECT_EQ(cell("@service_ports", kService), R"("80:30080/TCP,53/UDP")");
  EXPECT_EQ(cell("@service_external_ip", kService), R"("<pending>")");
}

TEST(Cells, of_long_lists_end_early) {
  EXPECT_EQ(
      cell(
          "@endpoints .subsets",
          R"({"subsets":[{"ports":[{"port":1},{"port":2}],"addresses":[{"ip":"192.0.2.1"},{"ip":"fe80::1"}]}]})"),
      R"("192.0.2.1:1,192.0.2.1:2,[fe80::1]:1 + 1 more...")");
}

TEST(Cells, of_jobs) {
  constexpr const char* kJob =
      R"({"spec":{"completions":3},"status":{"succeeded":1,"startTime":")" AN_HOUR_AGO R"("}})";
  EXPECT_EQ(cell("@job_completions", kJob), R"("1/3")");
  EXPECT_EQ(cell("@job_duration", kJob), R"("60m")");
  EXPECT_EQ(cell("@job_status", kJob), R"("Running")");
}

TEST(Cells, of_autoscalers) {
  EXPECT_EQ(cell("@hpa_targets",
                 R"({"spec":{"metrics":[{"type":"Resource","resource":{"name":"cpu","target":)"
                 R"({"type":"Utilization","averageUtilization":80}}}]},"status":{"currentMetrics":)"
                 R"([{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":40}}}]}})"),
            R"("cpu: 40%/80%")");
}

TEST(Cells, of_volumes) {
  EXPECT_EQ(cell("@access_modes .spec.accessModes",
                 R"({"spec":{"accessModes":["ReadWriteMany","ReadWriteOnce","ReadWriteOnce"]}})"),
            R"("RWO,RWX")");
  EXPECT_EQ(cell("@claim .spec.claimRef", R"({"spec":{"claimRef":{"namespace":"a","name":"b"}}})"),
            R"("a/b")");
}

TEST(Cells, of_events) {
  constexpr const char* kEvent =
      R"({"involvedObject":{"kind":"Pod","name":"web"},"lastTimestamp":")" AN_HOUR_AGO
      R"(","source":{"component":"kubelet","host":"n1"}})";
  EXPECT_EQ(cell("@event_last_seen", kEvent), R"("60m")");
  EXPECT_EQ(cell("@event_object", kEvent), R"("pod/web")");
  EXPECT_EQ(cell("@event_source", kEvent), R"("kubelet, n1")");
  EXPECT_EQ(cell("@event_count", kEvent), R"("1")");
}

TEST(Cells, of_many_kinds) {
  EXPECT_EQ(cell("@or_none .a", "{}"), R"("<none>")");
  EXPECT_EQ(cell("@or_zero .a", "{}"), "0");
  EXPECT_EQ(cell("@count .a .b", R"({"a":{"x":1},"b":[1,2]})"), "3");
  EXPECT_EQ(cell("@labels .a", R"({"a":{"y":"2","x":"1"}})"), R"("x=1,y=2")");
  EXPECT_EQ(cell("@label_selector .a", R"({"a":{"matchLabels":{"x":"1"}}})"), R"("x=1")");
  EXPECT_EQ(cell("@trimmed .a", R"({"a":" x\n"})"), R"("x")");
}

}  // namespace
}  // namespace gantry::kube::views
