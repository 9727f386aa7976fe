// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/json_lines.h"

#include <array>

namespace gantry::cli::docker {
namespace {

constexpr std::size_t kLongestLine = 64 << 20;  // bytes

}  // namespace

Result<void> for_each_json_line(ByteSource& body,
                                const std::function<Result<void>(const json::Value&)>& on_value) {
  std::array<std::byte, 16 << 10> buffer;
  std::string text;
  const auto take_line = [&](std::size_t end) -> Result<void> {
    std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    if (line.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    const json::Document document =
        TRY_DURING(json::Document::parse(std::move(line)), "read the daemon's answer");
    return on_value(document.root());
  };
  for (;;) {
    const std::size_t n = TRY(body.read(buffer));
    if (n == 0) break;
    text += text_of(std::span(buffer).first(n));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n'))
      TRY(take_line(end));
    if (text.size() > kLongestLine) return error(Code::DataLoss, "the daemon sent a line without end");
  }
  return take_line(text.size());
}

}  // namespace gantry::cli::docker
