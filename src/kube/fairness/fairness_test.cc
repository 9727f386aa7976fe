// SPDX-License-Identifier: Apache-2.0
#include "kube/fairness/fairness.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "kube/api/stored_kinds.h"
#include "kube/api/test_objects.h"
#include "kube/fairness/fair_queue.h"
#include "kube/fairness/stock_flows.h"

namespace gantry::kube {
namespace {

using std::chrono::milliseconds;

AccessRequest request_of(const std::string& user, std::vector<std::string> groups = {kAuthenticatedGroup}) {
  return {.user = {.name = user, .groups = std::move(groups)},
          .verb = "list",
          .resource = "pods",
          .name_space = "work"};
}

// A cluster where users have one level of their own with one seat that nobody else gets.
void put_narrow_level(testing::TestObjects& objects, const std::string& queuing) {
  objects.put(stored::kPriorityLevels,
              R"({"metadata":{"name":"narrow","uid":"l1"},"spec":{"type":"Limited","limited":{)"
              R"("nominalConcurrencyShares":1,"borrowingLimitPercent":0,"limitResponse":)" +
                  queuing + "}}}");
  objects.put(
      stored::kFlowSchemas,
      R"({"metadata":{"name":"narrow","uid":"s1"},"spec":{"priorityLevelConfiguration":{"name":"narrow"},)"
      R"("matchingPrecedence":50,"distinguisherMethod":{"type":"ByUser"},"rules":[{"subjects":[)"
      R"({"kind":"Group","group":{"name":"system:authenticated"}}],"resourceRules":[{"verbs":["*"],)"
      R"("apiGroups":["*"],"resources":["*"],"namespaces":["*"]}]}]}})");
}
constexpr const char* kQueue = R"({"type":"Queue","queuing":{"queues":8,"handSize":2,"queueLengthLimit":2}})";

void wait_until(const std::function<bool()>& is_true) {
  while (!is_true()) std::this_thread::yield();
}

TEST(FlowSchemas, TheStockOnesSortRequests) {
  testing::TestObjects objects;
  std::vector<FlowSchema> schemas;
  for (const StockObject& stock : stock_flows())
    if (stock.stored_as == stored::kFlowSchemas) schemas.push_back(FlowSchema::from_tree(stock.object));
  const auto first = [&](const AccessRequest& request) {
    const FlowSchema* best = nullptr;
    for (const FlowSchema& each : schemas)
      if (each.matches(request) && (best == nullptr || each.precedence < best->precedence)) best = &each;
    return best == nullptr ? "" : best->name;
  };
  EXPECT_EQ(first(request_of("root", {kMastersGroup})), "exempt");
  EXPECT_EQ(first(request_of("alice")), "global-default");
  EXPECT_EQ(first(request_of("system:serviceaccount:work:web", {"system:serviceaccounts"})),
            "service-accounts");
  EXPECT_EQ(first(request_of("system:serviceaccount:kube-system:x", {"system:serviceaccounts"})),
            "kube-system-service-accounts");
  EXPECT_EQ(first({.user = {.name = "system:kube-scheduler"},
                   .verb = "update",
                   .group = "coordination.k8s.io",
                   .resource = "leases",
                   .name_space = "kube-system"}),
            "system-leader-election");
  EXPECT_EQ(first({.user = {.groups = {"system:nodes"}},
                   .verb = "patch",
                   .resource = "nodes",
                   .subresource = "status"}),
            "system-node-high");
  EXPECT_EQ(first({.user = {.groups = {kUnauthenticatedGroup}},
                   .verb = "get",
                   .is_resource = false,
                   .path = "/livez/x"}),
            "probes");
}

TEST(StockFlows, AreWrittenOnce) {
  testing::TestObjects objects;
  for (const StockObject& each : missing_stock_flows(objects))
    objects.put(each.stored_as, each.object.to_text());
  EXPECT_TRUE(missing_stock_flows(objects).empty());
  objects.put(stored::kPriorityLevels, R"({"metadata":{"name":"system"},"spec":{"type":"Exempt"}})");
  EXPECT_TRUE(missing_stock_flows(objects).empty()) << "somebody wants it so";
}

TEST(Fairness, ASeatIsTakenUntilItGoesAway) {
  testing::TestObjects objects;
  put_narrow_level(objects, R"({"type":"Reject"})");
  Fairness fairness({.seats = 20}, objects);
  {
    const auto seat = fairness.admit(request_of("alice"));
    ASSERT_TRUE(seat);
    EXPECT_EQ(seat->level_uid(), "l1");
    EXPECT_EQ(seat->schema_uid(), "s1");
    EXPECT_EQ(fairness.in_use(), 1u);
    const auto other = fairness.admit(request_of("bob"));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error()->code, 429);
    EXPECT_EQ(other.error()->retry_after_seconds, 1);
    EXPECT_TRUE(fairness.admit(request_of("root", {kMastersGroup}))) << "exempt";
    EXPECT_TRUE(fairness.admit(request_of("system:node:n1", {"system:nodes"}))) << "another level";
  }
  EXPECT_EQ(fairness.in_use(), 0u);
  EXPECT_TRUE(fairness.admit(request_of("bob")));
}

TEST(Fairness, WhoWaitsIsServedWhenASeatIsFree) {
  testing::TestObjects objects;
  put_narrow_level(objects, kQueue);
  Fairness fairness({.seats = 20}, objects);
  std::atomic<int> served = 0;
  std::thread waiting;
  {
    const auto seat = fairness.admit(request_of("alice"));
    waiting = std::thread([&] {
      const auto later = fairness.admit(request_of("bob"));
      served += later ? 1 : 0;
    });
    wait_until([&] { return fairness.waiting() == 1; });
    EXPECT_EQ(served, 0);
  }
  waiting.join();
  EXPECT_EQ(served, 1);
  EXPECT_EQ(fairness.in_use(), 0u);
}

TEST(Fairness, NobodyWaitsForEverAndLinesAreBounded) {
  testing::TestObjects objects;
  put_narrow_level(objects, kQueue);
  Fairness fairness({.seats = 20, .max_wait = milliseconds(1)}, objects);
  const auto seat = fairness.admit(request_of("alice"));
  EXPECT_EQ(fairness.admit(request_of("bob")).error()->code, 429);
  EXPECT_EQ(fairness.waiting(), 0u);
  Fairness strict({.seats = 20, .max_waiting = 0}, objects);
  const auto first = strict.admit(request_of("alice"));
  EXPECT_EQ(strict.admit(request_of("bob")).error()->code, 429);
}

TEST(Fairness, ALevelBorrowsWhatOthersDoNotNeedButNotWhatTheyKeep) {
  testing::TestObjects objects;
  Fairness fairness({.seats = 40}, objects);
  std::vector<Seat> seats;
  for (;;) {
    auto seat = fairness.admit({.user = {.name = "flood", .groups = {"system:serviceaccounts", "a"}},
                                .verb = "list",
                                .resource = "pods",
                                .name_space = "work"});
    // Levels that queue would make it wait: as many as fit are counted by what is in use.
    seats.push_back(*std::move(seat));
    if (fairness.in_use() >= 16) break;
  }
  EXPECT_TRUE(fairness.admit(request_of("system:node:n1", {"system:nodes"})));
  EXPECT_TRUE(fairness.admit(request_of("system:kube-scheduler")));
  EXPECT_GE(seats.size(), 16u) << "its own part of 40 would be 17, others lend";
}

TEST(Fairness, ALevelThatGoesAwayLetsThoseGoOnWhoWait) {
  testing::TestObjects objects;
  put_narrow_level(objects, kQueue);
  Fairness fairness({.seats = 20}, objects);
  std::thread waiting;
  {
    const auto seat = fairness.admit(request_of("alice"));
    waiting = std::thread([&] { EXPECT_TRUE(fairness.admit(request_of("bob"))); });
    wait_until([&] { return fairness.waiting() == 1; });
    objects.remove(stored::kPriorityLevels, "", "narrow");
    waiting.join();
  }
  EXPECT_EQ(fairness.in_use(), 0u);
  const auto other = fairness.admit(request_of("alice"));
  EXPECT_TRUE(other) << "by the next schema that has a level";
}

TEST(FairQueue, AFlowFillsItsOwnHandOnlyAndLinesAreServedInTurn) {
  FairQueue<int> queue({.lines = 64, .hand = 4, .max_length = 10});
  std::vector<int> waiters(2'000);
  std::size_t flooded = 0;
  for (int i = 0; i < 1'000; ++i) flooded += queue.push(0x1234567890abcdef, &waiters[i]) ? 1 : 0;
  EXPECT_EQ(flooded, 40u) << "four lines of ten";
  EXPECT_TRUE(queue.push(0x0fedcba987654321, &waiters[1'000]));
  std::set<int*> served;
  for (int i = 0; i < 5; ++i) served.insert(queue.pop());
  EXPECT_TRUE(served.contains(&waiters[1'000])) << "within one turn of the lines";
  queue.remove(&waiters[39]);
  while (queue.pop() != nullptr) {
  }
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace gantry::kube
