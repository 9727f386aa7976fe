// SPDX-License-Identifier: Apache-2.0
//
// What expressions may call. A library of functions is a table of declarations, read once:
//
//   {".startsWith(string, string) -> bool", Cost::Prefix, [](const Call& call) { ... }},
//
// A point before the name: it is called on its first parameter. A capital letter is a type that is open.
// Operators are functions, too: "_+_(int, int) -> int".
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kube/cel/type.h"
#include "kube/cel/value.h"

namespace gantry::kube::cel {

class Pattern;

// What a call costs, in units of the language's implementation that Kubernetes uses: of values that are
// there, and of the sizes that they may have at most.
enum class Cost : std::uint8_t {
  One,
  Text,       // goes through the first argument, and the result is as long
  TextTwice,  // goes through it and makes something new of it
  Parse,      // goes through the first argument
  ParseTwice,
  Prefix,      // goes through the second
  Shorter,     // goes through the shorter of two
  BothTexts,   // makes one text of two
  BothLists,   // one list of two
  InList,      // looks at every element of the second
  Regex,       // the first is searched for the second, a regular expression
  RegexFind,   // the same, and the result is made of it
  Contains,    // the first is searched for the second
  Scan,        // looks at every element of the first
  Copy,        // makes a list that is no longer than the first
  Sort,        // the same, and compares each element with each
  EachOfEach,  // every element of one with every element of the other
  Replace,
  Split,
  JoinTexts,
  Quote,
  ToBytes,
  FromBytes,
  ContainsIp,
  ContainsIpText,
  ContainsCidr,
  ContainsCidrText,
  Selector,
  Authorization,  // so much that an expression can ask for no more than two
  Validate,
};

struct Call {
  std::span<const Value> arguments;
  Memory& memory;
  const Pattern* pattern = nullptr;  // the second argument, compiled before: it was a literal

  const Value& operator[](std::size_t index) const { return arguments[index]; }
  std::string_view text(std::size_t index) const { return arguments[index].text(); }
  Value error(std::string message) const { return Value::of_error(std::move(message), memory); }
  Value string(std::string_view computed) const { return Value::of_string(memory.copy(computed)); }
};

using Function = Value (*)(const Call&);

struct Declaration {
  std::string_view signature;
  Cost cost;
  Function run;
};

struct Overload {
  bool is_member = false;
  std::vector<const Type*> parameters;
  const Type* result = nullptr;
  Cost cost = Cost::One;
  Function run = nullptr;

  bool fits(std::span<const Value> arguments) const;
};

// All functions; made once, for any thread to read.
class Library {
 public:
  static const Library& standard();
  static const Library& patches();  // where environments allow them

  // Empty if there is none of that name.
  std::span<const Overload> find(std::string_view name) const;

 private:
  explicit Library(std::initializer_list<std::span<const Declaration>> tables);
  void add(std::span<const Declaration> declarations);

  TypeArena types_;
  std::map<std::string, std::vector<Overload>, std::less<>> functions_;
};

// One table a subject, each in a file of its name.
std::span<const Declaration> operator_functions();
std::span<const Declaration> conversion_functions();
std::span<const Declaration> string_functions();
std::span<const Declaration> regex_functions();
std::span<const Declaration> list_functions();
std::span<const Declaration> time_functions();
std::span<const Declaration> math_functions();
std::span<const Declaration> optional_functions();
std::span<const Declaration> url_functions();
std::span<const Declaration> patch_functions();  // of Library::patches()
std::span<const Declaration> network_functions();
std::span<const Declaration> quantity_functions();
std::span<const Declaration> semver_functions();
std::span<const Declaration> format_functions();
std::span<const Declaration> authorizer_functions();

}  // namespace gantry::kube::cel
