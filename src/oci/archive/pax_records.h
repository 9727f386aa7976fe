// SPDX-License-Identifier: Apache-2.0
//
// The records inside pax's extended headers: "30 mtime=1350244992.023960108" and a newline, where 30 is the
// length of the whole line in bytes (POSIX.1-2017 pax(1), "pax Extended Header").
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gantry::oci {

inline constexpr std::string_view kPaxXattr = "SCHILY.xattr.";
// star(5): the type of a file for which tar has none.
inline constexpr std::string_view kPaxFileType = "SCHILY.filetype";
inline constexpr std::string_view kPaxSocket = "socket";

struct PaxRecord {
  std::string_view key;
  std::string_view value;
};
// Takes the first record off `text`, which is not empty.
Result<PaxRecord> next_pax_record(std::string_view& text);

template <class Apply>
Result<void> for_each_pax_record(std::string_view text, Apply apply) {
  while (!text.empty()) {
    const PaxRecord record = TRY(next_pax_record(text));
    TRY(apply(record.key, record.value));
  }
  return {};
}

void append_pax_record(std::string& text, std::string_view key, std::string_view value);

Result<std::uint64_t> parse_pax_number(std::string_view text);
// Seconds since 1970 with a sign and a fraction of any length; what is finer than a nanosecond is cut.
Result<timespec> parse_pax_time(std::string_view text);
std::string format_pax_time(timespec time);

}  // namespace gantry::oci
