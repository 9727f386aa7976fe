// SPDX-License-Identifier: Apache-2.0
//
// Columns of text, as wide as what is in them.
//
//   Table table({"NAME", "SIZE"});
//   table.add({"busybox", "1.2MB"});
//   print(table.text());
#pragma once

#include <string>
#include <vector>

namespace gantry {

class Table {
 public:
  using Row = std::vector<std::string>;

  explicit Table(Row titles) { rows_.push_back(std::move(titles)); }
  // As many cells as there are titles.
  void add(Row cells) { rows_.push_back(std::move(cells)); }
  // One line a row, three spaces between columns; the last column is not padded. Widths count characters of
  // UTF-8, not bytes.
  std::string text() const;

 private:
  std::vector<Row> rows_;
};

}  // namespace gantry
