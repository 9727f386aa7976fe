// SPDX-License-Identifier: Apache-2.0
//
// gantry host: what this host has and what was used on it. Asks no daemon: `doctor` looks itself, and the
// usage accounts are a file below the root.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "base/human.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/groups.h"
#include "cli/host.h"
#include "cli/output_file.h"
#include "engine/doctor.h"
#include "engine/usage.h"

namespace gantry::cli {
namespace {

using engine::Finding;
using engine::UsageRow;

template <class T>
std::string json_of(std::vector<T> items) {
  json::Writer writer(json::Style::Indented);
  writer.begin_array();
  for (const T& item : items) json::encode(writer, item);
  writer.end_array();
  return std::move(writer).text() + "\n";
}

// ---- doctor

struct DoctorOptions {
  bool all = false;
  bool json = false;
  std::vector<Option> table() {
    return {{'a', "all", "", &all, "Show what is well, too"}, {0, "json", "", &json, "Print JSON"}};
  }
};

std::string_view word_of(engine::Verdict verdict) {
  return names_of(verdict)[static_cast<std::size_t>(verdict)];
}

// 1 if there is a problem: for scripts.
Result<int> doctor(Context& context, const DoctorOptions& options, const Words&) {
  std::vector<Finding> findings = engine::examine_host({.root = context.root});
  const bool has_problem = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.verdict == engine::Verdict::Problem; });
  if (!options.all)
    std::erase_if(findings, [](const Finding& finding) { return finding.verdict == engine::Verdict::Ok; });
  if (options.json) {
    TRY(print(json_of(std::move(findings))));
  } else if (findings.empty()) {
    TRY(print("Containers have here all that they need.\n"));
  } else {
    Table table({"AREA", "CHECK", "VERDICT", "FOUND", "REMEDY"});
    for (const Finding& finding : findings)
      table.add({finding.area, finding.check, std::string(word_of(finding.verdict)), finding.found,
                 finding.remedy});
    TRY(print(table.text()));
  }
  return has_problem ? 1 : 0;
}

// ---- usage

struct UsageOptions {
  std::string since;
  std::string until;
  std::vector<std::string> group_by;
  std::string format = "table";
  std::vector<Option> table() {
    return {{0, "since", "TIME", &since, "From this time on: RFC 3339, or how long ago (\"36h\", \"7d\")"},
            {0, "until", "TIME", &until, "Up to this time"},
            {'g', "group-by", "WORD", &group_by,
             "A row for each user, image, container, name, project or label:KEY"},
            {0, "format", "FORMAT", &format, "table, json or csv"}};
  }
};

// Nanoseconds since 1970; 0 for no text.
Result<std::int64_t> parse_time(const char* option, const std::string& text) {
  if (text.empty()) return std::int64_t{0};
  if (const auto time = parse_timestamp(text)) return *time;
  constexpr std::string_view kUnits = "smhd";
  constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86'400};
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::size_t unit = end + 1 == text.data() + text.size() ? kUnits.find(*end) : std::string_view::npos;
  if (failure != std::errc{} || unit == std::string_view::npos || number < 0 || number > 1'000'000)
    return error(Code::InvalidArgument, "option '--{}': '{}' is no time", option, text);
  return wall_clock_ns() - number * kSeconds[unit] * 1'000'000'000;
}

Words cells_of(const UsageRow& row) {
  Words cells = row.group;
  for (std::string cell :
       {std::to_string(row.lives), fmt::format("{:.0f}", row.seconds), fmt::format("{:.2f}", row.cpu_seconds),
        fmt::format("{:.3f}", row.memory_byte_seconds / 3.6e12), human_size(row.memory_peak),
        human_size(row.io_read), human_size(row.io_written), human_size(row.net_received),
        human_size(row.net_sent), human_size(row.pulled)})
    cells.push_back(std::move(cell));
  return cells;
}

std::string table_of(const std::vector<UsageRow>& rows, const Words& group_by) {
  Words titles;
  for (std::string title : group_by) {
    for (char& c : title)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    titles.push_back(std::move(title));
  }
  for (const char* title : {"LIVES", "SECONDS", "CPU SECONDS", "MEMORY GB-HOURS", "PEAK", "READ", "WRITTEN",
                            "RECEIVED", "SENT", "PULLED"})
    titles.emplace_back(title);
  Table table(std::move(titles));
  for (const UsageRow& row : rows) table.add(cells_of(row));
  return table.text();
}

// RFC 4180.
std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string csv_of(const std::vector<UsageRow>& rows, const Words& group_by) {
  std::string text;
  for (const std::string& word : group_by) text += csv_cell(word) + ",";
  text +=
      "lives,seconds,cpu_seconds,memory_byte_seconds,memory_peak,io_read,io_written,net_received,net_sent,"
      "pulled\n";
  for (const UsageRow& row : rows) {
    for (const std::string& value : row.group) text += csv_cell(value) + ",";
    text += fmt::format("{},{:.3f},{:.6f},{:.0f},{},{},{},{},{},{}\n", row.lives, row.seconds,
                        row.cpu_seconds, row.memory_byte_seconds, row.memory_peak, row.io_read,
                        row.io_written, row.net_received, row.net_sent, row.pulled);
  }
  return text;
}

Result<int> usage(Context& context, const UsageOptions& options, const Words&) {
  const engine::UsageQuery query{.since = TRY(parse_time("since", options.since)),
                                 .until = TRY(parse_time("until", options.until)),
                                 .group_by = options.group_by};
  const auto accounts = TRY_DURING(engine::UsageLog::open(context.root), "read the usage accounts");
  const std::vector<UsageRow> rows = TRY(accounts->report(query));
  if (options.format == "json") {
    TRY(print(json_of(rows)));
  } else if (options.format == "csv") {
    TRY(print(csv_of(rows, options.group_by)));
  } else if (options.format == "table") {
    TRY(print(table_of(rows, options.group_by)));
  } else {
    return error(Code::InvalidArgument, "option '--format' is table, json or csv, not '{}'", options.format);
  }
  return 0;
}

}  // namespace

constexpr Verb kDoctor =
    make_verb<DoctorOptions, doctor>("doctor", "", {0, 0}, "Check what containers need of this host");
constexpr Verb kUsageReport =
    make_verb<UsageOptions, usage>("usage", "", {0, 0}, "Show what containers have used");

std::span<const Verb> host_verbs() {
  static constexpr std::array kVerbs = {kDoctor, kUsageReport};
  return kVerbs;
}

}  // namespace gantry::cli
