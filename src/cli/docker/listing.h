// SPDX-License-Identifier: Apache-2.0
//
// Lists as docker shows them: columns, `--format table`, `--format json`, or a template a line.
//
//   constexpr Listing::Column kColumns[] = {{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Scope", "SCOPE"}};
//   Listing listing(kColumns);
//   listing.add({.cells = {"3f2a1b0c9d8e", "shop", "local"}, .labels = {}});
//   TRY(print(TRY(listing.text(options.format))));
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gantry::cli::docker {

// Rows of cells, aligned as docker does: columns are at least ten wide, with three blanks between them.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

class Listing {
 public:
  struct Column {
    std::string_view field;  // in templates and JSON
    std::string_view title;
    bool is_shown = true;  // in the table that is shown without --format
  };
  struct Row {
    std::vector<std::string> cells;             // one a column
    std::map<std::string, std::string> labels;  // for {{.Label "x"}}
  };

  // Columns are borrowed.
  explicit Listing(std::span<const Column> columns) : columns_(columns) {}
  void show(std::string_view field);  // also in the plain table

  void add(Row row) { rows_.push_back(std::move(row)); }
  // All rows as a list of objects.
  std::string json() const;
  // `format` empty: the table.
  Result<std::string> text(std::string_view format) const;

 private:
  bool is_shown(std::size_t column) const;
  std::string plain_table() const;
  Result<std::string> custom_table(std::string_view format) const;
  Result<std::vector<std::string>> lines(std::string_view format) const;
  std::string json_of(const std::vector<std::string>& cells) const;
  std::vector<std::string> titles() const;

  std::span<const Column> columns_;
  std::vector<std::string_view> also_shown_;
  std::vector<Row> rows_;
};

// "a=1,b=2"
std::string labels_text(const std::map<std::string, std::string>& labels);
// The first twelve digits of an id, unless all of it is wanted.
std::string short_id(std::string_view id, bool whole = false);
// At most so many characters; the last of them is "…" where some were left out.
std::string shortened(std::string text, std::size_t characters);

}  // namespace gantry::cli::docker
