// SPDX-License-Identifier: Apache-2.0
//
// What many kinds ask of their fields.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/json_tree.h"
#include "kube/rules/spot.h"

namespace gantry::kube::rules {

inline constexpr std::string_view kImmutable = "field is immutable";

// Equal, where nothing, null and what is empty are the same.
bool is_same(const json::Tree* one, const json::Tree* other);

void non_negative(const Spot& number);
// If it is set.
void within(const Spot& number, std::int64_t low, std::int64_t high);
// 1 to 65535.
void port_number(const Spot& port);
// Required, and one of the words.
void one_of(const Spot& text, std::span<const std::string_view> words);
// The same, but it need not be set.
void one_of_if_set(const Spot& text, std::span<const std::string_view> words);
// Text that is required, with faults that `faults_of` finds.
void named(const Spot& text, Faults (*faults_of)(std::string_view));
void named_if_set(const Spot& text, Faults (*faults_of)(std::string_view));
// Set, and not empty.
void required(const Spot& field, std::string_view why = "");
// As it was: `before` is the same field of the object as it is stored, null if it was not there.
void immutable(const Spot& field, const json::Tree* before, std::string_view why = kImmutable);

void labels(const Spot& labels);
void annotations(const Spot& annotations);
// meta/v1 LabelSelector.
void label_selector(const Spot& selector);
// Counts of a status, as they were found.
void non_negative(const Spot& status, std::span<const char* const> counts);
// Of two counts of one status.
struct CountOrder {
  const char* fewer;
  const char* more;
  std::string_view why;
};
void in_order(const Spot& status, std::span<const CountOrder> orders);
// A number that is not negative, or a percentage.
void number_or_percent(const Spot& value);
// A percentage, if it is one, is of what there is.
void at_most_everything(const Spot& percent);
// "example.com/controller".
void domain_prefixed_path(const Spot& path);
// Where a load balancer is reached: core/v1 LoadBalancerIngress, networking.k8s.io/v1
// IngressLoadBalancerIngress.
void balancer_address(const Spot& address);
void balancer_host(const Spot& name);
// Of a condition of any kind.
inline constexpr std::string_view kConditionStatuses[] = {"False", "True", "Unknown"};
// meta/v1 Condition.
void conditions(const Spot& conditions);
// A port's number or name.
void port_number_or_name(const Spot& port);
// No element of it is "..".
void path_without_backsteps(const Spot& path);
// The same, and below of something.
void relative_path(const Spot& path);
// The same, and its first name does not begin as those do with which volumes are written in one step.
void unreserved_path(const Spot& path);
void quantity_non_negative(const Spot& quantity);
void ip_address(const Spot& address);
// "10.0.0.0/8".
void address_range(const Spot& range);
void address_range_at(const Spot& place, std::string_view range);

// Bytes that base64 text stands for.
std::size_t decoded_size(std::string_view text);

}  // namespace gantry::kube::rules
