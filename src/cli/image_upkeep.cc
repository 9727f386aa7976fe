// SPDX-License-Identifier: Apache-2.0
//
// df, check.
#include <fmt/format.h>

#include "base/human.h"
#include "base/json.h"
#include "base/table.h"
#include "cli/image.h"
#include "image/store_check.h"

namespace gantry::cli {
namespace {

struct DiskUsageOptions {
  std::string format = "table";
  std::vector<Option> table() { return {{0, "format", "FORMAT", &format, "table or json (bytes)"}}; }
};

Result<int> disk_usage(Context& context, const DiskUsageOptions& options, const Words&) {
  const Store store = TRY(open_store(context));
  const image::StoreUsage usage = TRY(store.images->usage());
  const image::Snapshots::TotalUsage unpacked = TRY(store.snapshots->total_usage());
  const std::pair<std::string, std::uint64_t> parts[] = {{"Blobs", usage.blobs},
                                                         {"Transfers", usage.ingests},
                                                         {"Metadata", usage.metadata},
                                                         {"Layers", unpacked.layers.bytes},
                                                         {"Snapshots", unpacked.snapshots.bytes}};
  if (options.format == "json") {
    json::Writer writer(json::Style::Compact);
    writer.begin_object();
    for (const auto& [name, bytes] : parts) writer.key(name).value(bytes);
    writer.key("Total").value(usage.total());
    writer.end_object();
    TRY(print(std::move(writer).text() + "\n"));
    return 0;
  }
  if (options.format != "table")
    return error(Code::InvalidArgument, "option '--format' is either table or json, not '{}'",
                 options.format);
  Table table({"TYPE", "ON DISK"});
  for (const auto& [name, bytes] : parts) table.add({name, human_size(bytes)});
  table.add({"Total", human_size(usage.total())});
  TRY(print(table.text()));
  return 0;
}

struct CheckOptions {
  bool repair = false;
  bool quick = false;
  std::vector<Option> table() {
    return {{0, "repair", "", &repair, "Mend what can be mended, and remove what is damaged"},
            {0, "quick", "", &quick, "Look at sizes only, not at contents"}};
  }
};

// 1 if there is damage that was not repaired.
Result<int> check(Context& context, const CheckOptions& options, const Words&) {
  Store store = TRY(open_store(context));
  const image::StoreReport report = TRY(image::check_store(
      *store.images,
      {.repair = options.repair ? image::Repair::Yes : image::Repair::No, .read_contents = !options.quick}));
  std::string text;
  int status = 0;
  for (const image::Finding& finding : report.findings) {
    text += fmt::format("{}: {}{}\n", image::name_of(finding.damage), finding.message,
                        finding.is_repaired ? " (repaired)" : "");
    if (!finding.is_repaired) status = 1;
  }
  text += fmt::format("{} blobs, {} read: {} findings\n", report.blobs, human_size(report.bytes),
                      report.findings.size());
  TRY(print(text));
  return status;
}

}  // namespace

const Verb kDiskUsage =
    make_verb<DiskUsageOptions, disk_usage>("df", "", {0, 0}, "Show what the store takes on disk");
const Verb kCheck =
    make_verb<CheckOptions, check>("check", "", {0, 0}, "Compare what is recorded with what is on disk");

}  // namespace gantry::cli
