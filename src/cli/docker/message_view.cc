// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/message_view.h"

#include <map>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "base/human.h"
#include "cli/docker/json_lines.h"
#include "cli/docker/terminal.h"

namespace gantry::cli::docker {
namespace {

std::string string_of(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? std::string(value->as_string()) : "";
}

std::uint64_t number_of(const json::Value& object, std::string_view key) {
  const auto value = object.find(key);
  return value ? value->as_uint64().value_or(0) : 0;
}

// "[======>      ]  1.2MB/3.4MB"
std::string bar_of(const json::Value& detail) {
  const std::uint64_t current = number_of(detail, "current"), total = number_of(detail, "total");
  if (current == 0) return "";
  if (total == 0) return human_size(current);
  constexpr std::uint64_t kWidth = 50;
  const std::uint64_t done = std::min(current, total) * kWidth / total;
  return fmt::format("[{}>{}]  {}/{}", std::string(done, '='), std::string(kWidth - done, ' '),
                     human_size(current), human_size(total));
}

class View {
 public:
  View(int out, MessageView view) : out_(out), view_(view), is_terminal_(is_terminal(out)) {}

  Result<void> show(const json::Value& message) {
    if (const std::string failed = error_of(message); !failed.empty())
      return error(Code::Internal, "{}", failed);
    if (view_ == MessageView::Quiet) return {};
    if (const std::string text = string_of(message, "stream"); !text.empty()) return write(text);
    if (!message.find("status")) return {};  // what programs want to know ("aux")
    const std::string id = string_of(message, "id");
    const auto detail = message.find("progressDetail");
    const std::string bar = detail ? bar_of(*detail) : "";
    if (!bar.empty() && !is_terminal_) return {};
    std::string line = id.empty() ? "" : id + ": ";
    line += string_of(message, "status");
    if (!bar.empty()) line += " " + bar;
    return is_terminal_ && !id.empty() ? write_at(id, line) : write(line + "\n");
  }

 private:
  static std::string error_of(const json::Value& message) {
    const auto detail = message.find("errorDetail");
    const std::string text = detail ? string_of(*detail, "message") : "";
    return text.empty() ? string_of(message, "error") : text;
  }

  Result<void> write(const std::string& text) {
    lines_.clear();  // what follows stands below
    return write_all(out_, text, "output");
  }

  // The line of that layer, above the cursor, or a new one.
  Result<void> write_at(const std::string& id, const std::string& line) {
    const auto [found, is_new] = lines_.try_emplace(id, lines_.size());
    if (is_new) return write_all(out_, line + "\n", "output");
    const std::size_t up = lines_.size() - found->second;
    return write_all(out_, fmt::format("\x1b[{}A\r\x1b[2K{}\x1b[{}B\r", up, line, up), "output");
  }

  const int out_;
  const MessageView view_;
  const bool is_terminal_;
  std::map<std::string, std::size_t> lines_;  // counted from the first that is still addressed
};

}  // namespace

Result<void> show_messages(ByteSource& body, int out, MessageView view) {
  View shown(out, view);
  return for_each_json_line(body, [&](const json::Value& message) { return shown.show(message); });
}

}  // namespace gantry::cli::docker
