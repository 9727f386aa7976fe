// SPDX-License-Identifier: Apache-2.0
#include "container/exit_record.h"

#include "base/file.h"
#include "base/json_codec.h"
#include "base/timestamp.h"
#include "runtime/shim/exit_record.h"

namespace gantry::container {
namespace {

constexpr std::size_t kMaxRecord = 64 << 10;  // bytes
constexpr std::int64_t kNanos = 1'000'000'000;

struct FileRecord {
  std::string id;
  std::int32_t pid = 0;
  std::uint32_t exit_code = 0;
  std::uint32_t signal = 0;
  bool oom_killed = false;
  std::string exited_at;
};

void fields(json::Fields& f, FileRecord& record) {
  using enum json::Presence;
  f("id", record.id, Required);
  f("pid", record.pid, Required);
  f("exitCode", record.exit_code, Required);
  f("signal", record.signal, Required);
  f("oomKilled", record.oom_killed);
  f("exitedAt", record.exited_at, Required);
}

Result<ExitRecord> parse(std::string text) {
  const json::Document document = TRY(json::Document::parse(std::move(text)));
  const auto file = TRY(json::decode<FileRecord>(document.root()));
  const auto time = parse_timestamp(file.exited_at);
  if (!time) return error(Code::DataLoss, "exitedAt: '{}' is not a time", file.exited_at);
  return ExitRecord{.id = file.id,
                    .pid = file.pid,
                    .status = {.code = file.exit_code,
                               .signal = file.signal,
                               .oom_killed = file.oom_killed,
                               .seconds = *time / kNanos,
                               .nanoseconds = static_cast<std::uint32_t>(*time % kNanos)}};
}

}  // namespace

Result<std::optional<ExitRecord>> read_exit_record(const std::string& state_dir) {
  const std::string path = state_dir + "/" + shim::kExitRecord;
  auto text = read_file(path, kMaxRecord);
  if (!text && text.error().code() == Code::NotFound) return std::optional<ExitRecord>();
  auto record = parse(TRY(std::move(text)));
  if (!record) return std::move(record).error().during("'" + path + "'").with_code(Code::DataLoss);
  return std::optional(std::move(*record));
}

}  // namespace gantry::container
