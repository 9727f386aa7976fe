// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/function.h"

#include <cstdlib>

namespace gantry::kube::cel {
namespace {

// Takes a declaration's signature apart.
class Signature {
 public:
  Signature(std::string_view text, TypeArena& types) : rest_(text), types_(types) {}

  std::string name;
  Overload read() {
    Overload overload;
    overload.is_member = take('.');
    name = word();
    expect('(');
    while (!take(')')) {
      overload.parameters.push_back(type());
      take(',');
    }
    expect('-');
    expect('>');
    overload.result = type();
    return overload;
  }

 private:
  // A mistake in a table is one of ours.
  void expect(char c) {
    if (!take(c)) std::abort();
  }
  bool take(char c) {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string word() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    const std::size_t size = std::min(rest_.find_first_of("(), "), rest_.size());
    std::string taken(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return taken;
  }
  const Type* type() {
    const std::string type_name = word();
    if (type_name.size() == 1) return types_.add({.kind = Kind::Param, .name = type_name});
    if (type_name == "list" || type_name == "optional" || type_name == "map") return compound(type_name);
    const std::pair<std::string_view, Kind> kShort[] = {
        {"null", Kind::Null},
        {"timestamp", Kind::Timestamp},
        {"duration", Kind::Duration},
        {"url", Kind::Url},
        {"ip", Kind::Ip},
        {"cidr", Kind::Cidr},
        {"quantity", Kind::Quantity},
        {"semver", Kind::Semver},
        {"format", Kind::Format},
        {"authorizer", Kind::Authorizer},
        {"path_check", Kind::PathCheck},
        {"group_check", Kind::GroupCheck},
        {"resource_check", Kind::ResourceCheck},
        {"decision", Kind::Decision},
    };
    for (const auto& [short_name, kind] : kShort)
      if (short_name == type_name) return basic(kind);
    const Type* found = find_type(type_name);
    if (found == nullptr) std::abort();
    return found;
  }
  const Type* compound(std::string_view type_name) {
    expect('(');
    const Type* first = type();
    if (type_name == "map") {
      expect(',');
      const Type* value = type();
      expect(')');
      return types_.map_of(first, value);
    }
    expect(')');
    return type_name == "list" ? types_.list_of(first) : types_.optional_of(first);
  }

  std::string_view rest_;
  TypeArena& types_;
};

}  // namespace

bool Overload::fits(std::span<const Value> arguments) const {
  if (arguments.size() != parameters.size()) return false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Kind wanted = parameters[i]->kind;
    if (wanted != arguments[i].kind() && wanted != Kind::Dyn && wanted != Kind::Param) return false;
  }
  return true;
}

const Library& Library::standard() {
  static const Library kLibrary(
      {operator_functions(), conversion_functions(), string_functions(), regex_functions(), list_functions(),
       time_functions(), math_functions(), optional_functions(), url_functions(), network_functions(),
       quantity_functions(), semver_functions(), format_functions(), authorizer_functions()});
  return kLibrary;
}

const Library& Library::patches() {
  static const Library kLibrary({patch_functions()});
  return kLibrary;
}

Library::Library(std::initializer_list<std::span<const Declaration>> tables) {
  for (const auto table : tables) add(table);
}

void Library::add(std::span<const Declaration> declarations) {
  for (const Declaration& declaration : declarations) {
    Signature signature(declaration.signature, types_);
    Overload overload = signature.read();
    overload.cost = declaration.cost;
    overload.run = declaration.run;
    functions_[signature.name].push_back(std::move(overload));
  }
}

std::span<const Overload> Library::find(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? std::span<const Overload>() : found->second;
}

}  // namespace gantry::kube::cel
