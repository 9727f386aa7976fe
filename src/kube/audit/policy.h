// SPDX-License-Identifier: Apache-2.0
//
// --audit-policy-file (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy): how much is
// written of which requests. The first rule that matches counts; without one nothing is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json_tree.h"
#include "kube/api/user.h"

namespace gantry::kube {

enum class AuditLevel : std::uint8_t {
  None,
  Metadata,         // who did what, and how it went
  Request,          // with the body that was sent
  RequestResponse,  // and the one that was answered
};

enum class AuditStage : std::uint8_t { RequestReceived, ResponseStarted, ResponseComplete, Panic };
inline constexpr std::array<std::string_view, 4> kAuditStages = {"RequestReceived", "ResponseStarted",
                                                                 "ResponseComplete", "Panic"};
inline constexpr std::array<std::string_view, 4> kAuditLevels = {"None", "Metadata", "Request",
                                                                 "RequestResponse"};

struct AuditDecision {
  AuditLevel level = AuditLevel::None;
  std::uint8_t omitted_stages = 0;  // a bit for each
  bool omits_managed_fields = false;

  bool has(AuditStage stage) const {
    return level != AuditLevel::None && (omitted_stages & (1U << static_cast<unsigned>(stage))) == 0;
  }
};

// Immutable, for any thread.
class AuditPolicy {
 public:
  // InvalidArgument names the place.
  static Result<AuditPolicy> parse(std::string_view yaml);
  static Result<AuditPolicy> load(const std::string& file);

  AuditDecision decide(const AccessRequest& request) const;

 private:
  struct Resources {
    std::string group;  // "*": all
    std::vector<std::string> resources;
    std::vector<std::string> names;

    bool has(const AccessRequest& request) const;
  };
  struct Rule {
    AuditDecision decision;
    std::vector<std::string> users, groups, verbs, namespaces, paths;
    std::vector<Resources> resources;

    bool matches(const AccessRequest& request) const;
    bool matches_resource(const AccessRequest& request) const;
  };
  static Result<Rule> read_rule(const json::Tree& tree, const AuditDecision& defaults);

  std::vector<Rule> rules_;
};

}  // namespace gantry::kube
