// SPDX-License-Identifier: Apache-2.0
//
// gantry usage: what containers have used. Of a daemon that was named it is asked
// (docs/formats/gantry-api.md); else the accounts are a file below the root, which is there also while no
// daemon runs.
#include <charconv>

#include <fmt/format.h>

#include "base/human.h"
#include "base/json.h"
#include "base/json_codec.h"
#include "base/table.h"
#include "base/timestamp.h"
#include "cli/daemon_address.h"
#include "cli/docker/engine_client.h"
#include "cli/docker/usage.h"
#include "engine/usage.h"

namespace gantry::cli::docker {
namespace {

using engine::UsageRow;
using Rows = std::vector<UsageRow>;

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

// ---- where the rows come from

std::string seconds_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "";
  return fmt::format("{}.{:09}", nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000);
}

struct Report {
  Rows rows;
};
void fields(json::Fields& f, Report& report) { f("rows", report.rows); }

Result<Rows> ask_daemon(const Context& context, const engine::UsageQuery& query) {
  EngineClient engine = TRY(EngineClient::of(context));
  Parameters parameters = {{"since", seconds_text(query.since)}, {"until", seconds_text(query.until)}};
  for (const std::string& word : query.group_by) parameters.emplace_back("groupBy", word);
  const json::Document answer = TRY(engine.get("/gantry/v1/usage", std::move(parameters)));
  return TRY(json::decode<Report>(answer.root())).rows;
}

Result<Rows> read_accounts(const Context& context, const engine::UsageQuery& query) {
  const auto accounts = TRY_DURING(engine::UsageLog::open(context.root), "read the usage accounts");
  return accounts->report(query);
}

// ---- how they are shown

std::string json_of(const Rows& rows) {
  json::Writer writer(json::Style::Indented);
  writer.begin_array();
  for (const UsageRow& row : rows) json::encode(writer, row);
  writer.end_array();
  return std::move(writer).text() + "\n";
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

std::string table_of(const Rows& rows, const Words& group_by) {
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

std::string csv_of(const Rows& rows, const Words& group_by) {
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

Result<std::string> text_of(const Rows& rows, const UsageOptions& options) {
  if (options.format == "json") return json_of(rows);
  if (options.format == "csv") return csv_of(rows, options.group_by);
  if (options.format == "table") return table_of(rows, options.group_by);
  return error(Code::InvalidArgument, "option '--format' is table, json or csv, not '{}'", options.format);
}

Result<int> usage(Context& context, const UsageOptions& options, const Words&) {
  engine::UsageQuery query{.group_by = options.group_by};
  query.since = TRY(parse_time("since", options.since));
  query.until = TRY(parse_time("until", options.until));
  const Rows rows = TRY(means_daemon(context) ? ask_daemon(context, query) : read_accounts(context, query));
  TRY(print(TRY(text_of(rows, options))));
  return 0;
}

}  // namespace

const Verb kUsageReport =
    make_verb<UsageOptions, usage>("usage", "", {0, 0}, "Show what containers have used");

}  // namespace gantry::cli::docker
