// SPDX-License-Identifier: Apache-2.0
#include "base/number_list.h"

#include <charconv>

#include "base/printable.h"

namespace gantry {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) { skip_blanks(); }

  bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }

  bool take(std::uint16_t& number) {
    const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (failed != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    skip_blanks();
    return true;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  std::string_view rest_;
};

}  // namespace

Result<std::vector<std::uint16_t>> parse_number_list(std::string_view text) {
  std::vector<std::uint16_t> numbers;
  Reader reader(text);
  while (!reader.at_end()) {
    std::uint16_t first = 0;
    bool is_good = reader.take(first);
    std::uint16_t last = first;
    if (is_good && reader.take('-')) is_good = reader.take(last) && first <= last;
    if (is_good && !reader.at_end()) is_good = reader.take(',') && !reader.at_end();
    if (!is_good)
      return error(Code::InvalidArgument, "'{}' is not a list of numbers below 65536 such as '0-3,7'",
                   printable(text));
    for (unsigned number = first; number <= last; ++number)
      numbers.push_back(static_cast<std::uint16_t>(number));
  }
  return numbers;
}

}  // namespace gantry
