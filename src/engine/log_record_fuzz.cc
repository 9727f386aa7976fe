// SPDX-License-Identifier: Apache-2.0
//
// A log with any bytes in it: reading it from the beginning and from the end shows the same.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/log_reader.h"
#include "engine/log_record.h"

namespace gantry::engine {
namespace {

std::vector<std::string> read(const std::string& path, const LogQuery& query) {
  std::vector<std::string> texts;
  Result<LogReader> reader = LogReader::open(path, query);
  if (!reader) return texts;
  for (;;) {
    const Result<LogReader::Batch> batch = reader->next();
    if (!batch) return texts;
    for (const LogRecord& record : batch->records) {
      if (record.text.size() + kLogHeader >= kMaxLogRecord) std::abort();
      texts.emplace_back(record.text);
    }
    if (batch->status != LogReader::Status::More) return texts;
  }
}

}  // namespace
}  // namespace gantry::engine

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gantry::engine;
  static const std::string directory = [] {
    char name[] = "/tmp/log_record_fuzz.XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    static std::string made = name;
    std::atexit([] { (void)(::unlink((made + "/log").c_str()), ::rmdir(made.c_str())); });
    return made;
  }();
  const std::string path = directory + "/log";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  (void)::close(file);
  const auto whole = read(path, {});
  if (read(path, {.tail = 1'000'000}) != whole) std::abort();
  const auto last = read(path, {.tail = 3});
  if (last.size() > whole.size() || !std::equal(last.rbegin(), last.rend(), whole.rbegin())) std::abort();
  return 0;
}
