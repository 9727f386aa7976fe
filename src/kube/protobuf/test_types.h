// SPDX-License-Identifier: Apache-2.0
//
// A type with a field of every form, for tests and the fuzzer.
#pragma once

#include <deque>

#include "kube/schema/type.h"

namespace gantry::kube::protobuf {

class TestTypes {
 public:
  TestTypes() {
    const Type& text = of(Form::String);
    const Type& leaf = make({.form = Form::Struct, .name = "Leaf", .fields = {field("name", text, 1)}});
    root_ = &make({.form = Form::Struct,
                   .name = "Root",
                   .fields = {
                       field("any", of(Form::Any), 1),
                       field("bool", of(Form::Bool), 2),
                       field("bytes", of(Form::Bytes), 3),
                       field("double", of(Form::Double), 4),
                       field("duration", of(Form::Duration), 5),
                       field("extra", map_of(list_of(text, "ExtraValue")), 6),
                       inside({7}, field("hidden", text, 1)),
                       inside({7, 2}, field("hiddenDeeper", leaf, 1)),
                       field("int32", of(Form::Int32), 8),
                       field("int64", of(Form::Int64), 9),
                       field("intOrString", of(Form::IntOrString), 10),
                       keeping_zero(field("kept", of(Form::Int32), 11)),
                       field("leaf", leaf, 12),
                       field("leaves", list_of(leaf), 13),
                       field("map", map_of(leaf), 14),
                       field("micro", of(Form::MicroTime), 15),
                       field("notInProtobuf", text, 0),
                       field("quantity", of(Form::Quantity), 16),
                       {.name = "required", .type = &text, .number = 17, .is_required = true},
                       field("texts", list_of(text), 18),
                       field("time", of(Form::Time), 19),
                       field("wholeOrBool", either(leaf, "OrBool"), 20),
                       field("wholeOrList", either(leaf, "OrArray"), 21),
                       field("wholeOrTexts", either(leaf, "OrStringArray"), 22),
                   }});
    Type& tree = make({.form = Form::Struct, .name = "Tree"});
    tree.fields = {field("children", list_of(tree), 1)};
    tree_ = &tree;
  }

  const Type& root() const { return *root_; }
  const Type& tree() const { return *tree_; }  // of itself

 private:
  Type& make(Type type) { return types_.emplace_back(std::move(type)); }
  const Type& of(Form form) { return make({.form = form}); }
  const Type& list_of(const Type& element, std::string name = {}) {
    return make({.form = Form::List, .name = std::move(name), .element = &element});
  }
  const Type& either(const Type& whole, std::string name) {
    return make({.form = Form::Any, .name = std::move(name), .element = &whole});
  }
  const Type& map_of(const Type& element) { return make({.form = Form::Map, .element = &element}); }
  static Field field(std::string name, const Type& type, std::uint32_t number) {
    return {.name = std::move(name), .type = &type, .number = number};
  }
  static Field inside(std::vector<std::uint32_t> outer, Field field) {
    field.inside = std::move(outer);
    return field;
  }
  static Field keeping_zero(Field field) {
    field.keeps_zero = true;
    return field;
  }

  std::deque<Type> types_;
  const Type* root_ = nullptr;
  const Type* tree_ = nullptr;
};

}  // namespace gantry::kube::protobuf
