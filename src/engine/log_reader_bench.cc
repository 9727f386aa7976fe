// SPDX-License-Identifier: Apache-2.0
//
// How fast a container's log becomes frames of Docker's API, and how fast its last lines are found:
//
//   log_reader_bench [MEGABYTES [BYTES-OF-TEXT-IN-A-LINE]]
//
// The log is made in the current directory, read from the page cache, and removed.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "engine/log_reader.h"
#include "testing/must.h"

namespace {

using namespace gantry;
using engine::LogReader;
using std::chrono::duration;
using std::chrono::steady_clock;

void make_log(const std::string& path, std::size_t bytes, std::size_t text) {
  const std::string line = "2026-11-21T10:20:30.123456789Z stdout F " + std::string(text, 'x') + "\n";
  std::string chunk;
  while (chunk.size() < (1 << 20)) chunk += line;
  const UniqueFd file = MUST(open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  for (std::size_t written = 0; written < bytes; written += chunk.size())
    MUST(write_all(file.get(), chunk, path));
}

void measure(const char* what, const std::string& path, const engine::LogQuery& query) {
  const auto begin = steady_clock::now();
  LogReader reader = MUST(LogReader::open(path, query));
  std::string frames;
  std::size_t records = 0, bytes = 0;
  for (LogReader::Batch batch = MUST(reader.next()); batch.status == LogReader::Status::More;
       batch = MUST(reader.next())) {
    frames.clear();
    for (const engine::LogRecord& record : batch.records) append_docker_frame(frames, record, {});
    records += batch.records.size();
    bytes += frames.size();
  }
  const double seconds = duration<double>(steady_clock::now() - begin).count();
  fmt::print("{:<12} {:>10} records {:>8.0f} MB of frames {:>9.4f} s {:>7.0f} MB/s\n", what, records,
             static_cast<double>(bytes) / 1e6, seconds, static_cast<double>(bytes) / 1e6 / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1000;
  const std::size_t text = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 60;
  const std::string path = fmt::format("log_reader_bench.{}.log", ::getpid());
  make_log(path, megabytes * 1'000'000, text);
  measure("whole", path, {});
  measure("tail 100", path, {.tail = 100});
  (void)::unlink(path.c_str());
}
