// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/listing.h"

#include <algorithm>

#include "base/json.h"
#include "base/split.h"
#include "cli/template.h"

namespace gantry::cli::docker {
namespace {

constexpr std::size_t kLeastWidth = 10, kGap = 3;
constexpr std::size_t kIdDigits = 12;

// In UTF-8.
bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// In characters.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::vector<std::string> split_at_tabs(std::string_view line) {
  const auto cells = split(line, '\t');
  return {cells.begin(), cells.end()};
}

// As typed on a command line: "\t" for a tab.
std::string unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 't' || next == 'n') {
      result += next == 't' ? '\t' : '\n';
      ++i;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), kLeastWidth);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]) + kGap);
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]), ' ');
    }
    text += '\n';
  }
  return text;
}

void Listing::show(std::string_view field) { also_shown_.push_back(field); }

bool Listing::is_shown(std::size_t column) const {
  return columns_[column].is_shown ||
         std::ranges::find(also_shown_, columns_[column].field) != also_shown_.end();
}

std::vector<std::string> Listing::titles() const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.emplace_back(column.title);
  return titles;
}

std::string Listing::json_of(const std::vector<std::string>& cells) const {
  json::Writer writer;
  writer.begin_object();
  for (std::size_t i = 0; i < columns_.size(); ++i) writer.key(columns_[i].field).value(cells[i]);
  return std::move(writer.end_object()).text();
}

std::string Listing::json() const {
  json::Writer writer;
  writer.begin_array();
  for (const Row& row : rows_) writer.raw(json_of(row.cells));
  return std::move(writer.end_array()).text();
}

std::string Listing::plain_table() const {
  std::vector<std::vector<std::string>> table;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    auto& line = table.emplace_back();
    for (std::size_t i = 0; i < cells.size(); ++i)
      if (is_shown(i)) line.push_back(cells[i]);
  };
  add_line(titles());
  for (const Row& row : rows_) add_line(row.cells);
  return aligned(table);
}

Result<std::vector<std::string>> Listing::lines(std::string_view format) const {
  const Template parsed = TRY(Template::parse(format));
  std::vector<std::string> lines;
  for (const Row& row : rows_) {
    const auto label = [&](std::string_view name,
                           std::span<const std::string> arguments) -> std::optional<std::string> {
      if (name != "Label" || arguments.size() != 1) return std::nullopt;
      const auto found = row.labels.find(arguments[0]);
      return found == row.labels.end() ? "" : found->second;
    };
    const json::Document document = TRY(json::Document::parse(json_of(row.cells)));
    lines.push_back(TRY(parsed.render(document.root(), label)));
  }
  return lines;
}

Result<std::string> Listing::custom_table(std::string_view format) const {
  const Template parsed = TRY(Template::parse(format));
  const json::Document heads = TRY(json::Document::parse(json_of(titles())));
  const auto label_title = [](std::string_view name,
                              std::span<const std::string> arguments) -> std::optional<std::string> {
    if (name != "Label" || arguments.size() != 1) return std::nullopt;
    return arguments[0];
  };
  std::vector<std::vector<std::string>> table = {
      split_at_tabs(TRY(parsed.render(heads.root(), label_title)))};
  for (const std::string& line : TRY(lines(format))) table.push_back(split_at_tabs(line));
  return aligned(table);
}

Result<std::string> Listing::text(std::string_view format) const {
  constexpr std::string_view kTable = "table";
  if (format.empty() || format == kTable) return plain_table();
  std::string text;
  if (format == "json") {
    for (const Row& row : rows_) text += json_of(row.cells) + "\n";
    return text;
  }
  const std::string plain = unescaped(format);
  if (plain.starts_with(kTable))
    return custom_table(plain.substr(plain.find_first_not_of(" \t", kTable.size())));
  for (const std::string& line : TRY(lines(plain))) text += line + "\n";
  return text;
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    if (!text.empty()) text += ',';
    text += key;
    text += '=';
    text += value;
  }
  return text;
}

std::string short_id(std::string_view id, bool whole) {
  const std::size_t colon = id.find(':');
  if (!whole && colon != std::string_view::npos) id.remove_prefix(colon + 1);  // "sha256:"
  return std::string(whole ? id : id.substr(0, kIdDigits));
}

std::string shortened(std::string text, std::size_t characters) {
  if (width_of(text) <= characters) return text;
  std::size_t end = 0;
  for (std::size_t kept = 0; end < text.size(); ++end)
    if (begins_character(text[end]) && kept++ + 1 == characters) break;
  text.resize(end);
  text += "…";
  return text;
}

}  // namespace gantry::cli::docker
