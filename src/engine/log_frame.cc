// SPDX-License-Identifier: Apache-2.0
//
// append_docker_frame() of log_reader.h. The header is that of Docker's attach call (Docker Engine API,
// "Stream format"): the stream, three zeros, and the length in big-endian order.
#include <cstring>

#include "engine/log_reader.h"

namespace gantry::engine {
namespace {

constexpr std::size_t kFrameHeader = 8;

char* put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

char* put_header(char* to, Stream stream, std::size_t size) {
  const char header[kFrameHeader] = {static_cast<char>(stream == Stream::Stdout ? 1 : 2),
                                     0,
                                     0,
                                     0,
                                     static_cast<char>(size >> 24),
                                     static_cast<char>(size >> 16),
                                     static_cast<char>(size >> 8),
                                     static_cast<char>(size)};
  return put(to, {header, sizeof header});
}

}  // namespace

void append_docker_frame(std::string& out, const LogRecord& record, const LogFrameOptions& options) {
  const bool has_time = options.timestamps && record.begins_line;
  const bool has_details = !options.details.empty() && record.begins_line;
  const std::size_t size = (has_time ? record.time.size() + 1 : 0) +
                           (has_details ? options.details.size() : 0) + record.text.size() +
                           (record.is_partial ? 0 : 1);
  const std::size_t before = out.size();
  out.resize(before + (options.multiplexed ? kFrameHeader : 0) + size);
  char* to = out.data() + before;
  if (options.multiplexed) to = put_header(to, record.stream, size);
  if (has_time) to = put(put(to, record.time), " ");
  if (has_details) to = put(to, options.details);
  to = put(to, record.text);
  if (!record.is_partial) put(to, "\n");
}

}  // namespace gantry::engine
