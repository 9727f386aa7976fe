// SPDX-License-Identifier: Apache-2.0
//
// Moments and spans of time as the language writes and reads them (langdef.md, "Timestamps" and "Durations").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kube/cel/value.h"

namespace gantry::kube::cel {

inline constexpr std::int64_t kNanosecond = 1;
inline constexpr std::int64_t kSecond = 1'000'000'000 * kNanosecond;

// The years 1 to 9999, all that there are.
inline constexpr std::int64_t kFirstSecond = -62'135'596'800;
inline constexpr std::int64_t kLastSecond = 253'402'300'799;

// RFC 3339; nothing for other text and for other years.
std::optional<Instant> parse_instant(std::string_view text);
// "2026-11-21", its first moment.
std::optional<Instant> parse_date(std::string_view text);
std::string format_instant(Instant instant);
// In seconds: "5400s", "0.5s".
std::string format_seconds(std::int64_t nanoseconds);

// Seconds to add to UTC at a moment: of "UTC", "+02:00", "-8:30", or a zone of the system's database
// ("Europe/Berlin"). Nothing for a zone that is not known.
std::optional<std::int64_t> offset_of_zone(std::string_view zone, std::int64_t seconds);

}  // namespace gantry::kube::cel
