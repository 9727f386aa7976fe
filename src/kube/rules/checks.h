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
// A set field stays as it is.
void immutable_once_set(const Spot& field, const json::Tree* before);

void labels(const Spot& labels);
void annotations(const Spot& annotations);
// meta/v1 LabelSelector.
void label_selector(const Spot& selector);
// A number that is not negative, or a percentage.
void number_or_percent(const Spot& value);
// A port's number or name.
void port_number_or_name(const Spot& port);
// "/healthz", without ".." when `below`.
void relative_path(const Spot& path);
void quantity_non_negative(const Spot& quantity);
void ip_address(const Spot& address);
// "10.0.0.0/8".
void address_range(const Spot& range);

// A map's values as quantities that are not negative, under names that resources may have.
void resource_list(const Spot& list);
void resource_name(const Spot& at, std::string_view name);

}  // namespace gantry::kube::rules
