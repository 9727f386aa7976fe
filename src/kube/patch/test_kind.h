// SPDX-License-Identifier: Apache-2.0
//
// A kind for tests of patches: a deployment, with as much of it as shows every way in which values merge.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "base/json_tree.h"
#include "kube/schema/type.h"

namespace gantry::kube {

class TestKind {
 public:
  static const Type& type() {
    static const TestKind kKind;
    return *kKind.root_;
  }

 private:
  TestKind() {
    const Type* text = make({.form = Form::String});
    const Type* number = make({.form = Form::Int32});
    const Type* labels = make({.form = Form::Map, .element = text});
    const Type* env = structure({field("name", text), field("value", text)});
    const Type* port = structure(
        {field("containerPort", number), with_default(field("protocol", text), "TCP"), field("name", text)});
    const Type* container = structure({
        merged(field("env", list_of(env, {"name"})), "name"),
        field("args", make({.form = Form::List, .element = text})),
        field("image", text),
        field("name", text),
        merged(field("ports", list_of(port, {"containerPort", "protocol"})), "containerPort"),
    });
    const Type* selector = make({.form = Form::Map, .element = text, .is_atomic = true});
    const Type* strategy = structure({field("rollingUpdate", labels), field("type", text)});
    Field retaining = field("strategy", strategy);
    retaining.retains_keys = true;
    const Type* finalizers = make({.form = Form::List, .element = text, .list_kind = ListKind::Set});
    const Type* entries = make({.form = Form::List, .element = make({.form = Form::Any})});
    const Type* metadata = structure({
        field("annotations", labels),
        merged(field("finalizers", finalizers), ""),
        field("labels", labels),
        field("managedFields", entries),
        field("name", text),
        field("resourceVersion", text),
    });
    const Type* spec = structure({
        merged(field("containers", list_of(container, {"name"})), "name"),
        field("replicas", number),
        field("selector", selector),
        retaining,
    });
    root_ = structure({
        field("apiVersion", text),
        field("kind", text),
        field("metadata", metadata),
        field("spec", spec),
        field("status", structure({field("replicas", number)})),
    });
  }

  static Field field(std::string name, const Type* type) { return {.name = std::move(name), .type = type}; }
  static Field merged(Field field, std::string key) {
    field.patch_strategy = PatchStrategy::Merge;
    field.patch_merge_key = std::move(key);
    return field;
  }
  static Field with_default(Field field, const char* fallback) {
    field.fallback = json::Tree(fallback);
    return field;
  }
  const Type* make(Type type) { return &types_.emplace_back(std::move(type)); }
  const Type* structure(std::vector<Field> fields) {
    std::ranges::sort(fields, {}, &Field::name);
    return make({.form = Form::Struct, .fields = std::move(fields)});
  }
  const Type* list_of(const Type* element, std::vector<std::string> keys) {
    return make(
        {.form = Form::List, .element = element, .list_kind = ListKind::Map, .list_keys = std::move(keys)});
  }

  std::deque<Type> types_;
  const Type* root_ = nullptr;
};

}  // namespace gantry::kube
