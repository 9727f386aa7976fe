// SPDX-License-Identifier: Apache-2.0
//
// One line of a schema file, taken word by word.
#pragma once

#include <string_view>

namespace gantry::kube {

class SchemaLine {
 public:
  // A line that begins with # is empty.
  explicit SchemaLine(std::string_view text);

  bool is_indented() const { return is_indented_; }
  bool empty() const { return rest_.empty(); }

  // The next word; what stands in double quotes, or in a pair of brackets right behind letters, is one:
  // map(ip port), {Always|Never}, "Last Seen". Empty at the end.
  std::string_view word();
  // What has not been taken yet.
  std::string_view rest() const { return rest_; }
  // The text behind " -- "; empty if there is none. It is not among the words.
  std::string_view description() const { return description_; }

 private:
  std::string_view rest_;
  std::string_view description_;
  bool is_indented_ = false;
};

// "merge(name)": whether `word` is `name` with brackets, or without; what is in them, if so.
struct SchemaFlag {
  std::string_view name;
  std::string_view argument;
};
SchemaFlag split_flag(std::string_view word);

}  // namespace gantry::kube
