// SPDX-License-Identifier: Apache-2.0
//
// The templates of `--format`: Go's text/template as docker's users write them, over JSON.
//
//   Template format = TRY(Template::parse("{{.Name}}: {{range .Ports}}{{.}} {{end}}"));
//   std::string line = TRY(format.render(document.root()));
//
// There is: text, comments, trim marks, pipelines, fields, variables, literals, parentheses, if, else if,
// else, range (with else, break, continue), with, end, and the functions of template_functions.cc. There is
// not: define, template, block. A field that an object does not have is an error, as it is in docker; where
// the object is the value of a member that docker has as a map (".Config.Labels.x"), it is "<no value>".
//
// https://pkg.go.dev/text/template
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace gantry::cli {

namespace template_tree {
struct Block;
}

class Template {
 public:
  // What a field with arguments stands for: ".Label "x"". Nullopt: there is no such method.
  using Methods = std::function<std::optional<std::string>(std::string_view name,
                                                           std::span<const std::string> arguments)>;

  static Result<Template> parse(std::string_view text);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  Result<std::string> render(const json::Value& root, const Methods& methods = {}) const;

 private:
  explicit Template(std::unique_ptr<template_tree::Block> root);
  std::unique_ptr<template_tree::Block> root_;
};

}  // namespace gantry::cli
