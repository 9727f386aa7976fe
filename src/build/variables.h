// SPDX-License-Identifier: Apache-2.0
//
// What "$NAME" stands for in an instruction, and what RUN has in its environment: build arguments that are
// declared by ARG, and ENV, which wins.
//
// https://docs.docker.com/reference/dockerfile/#scope
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/expansion.h"
#include "oci/image/platform.h"

namespace gantry::build {

using Arguments = std::map<std::string, std::string>;

// Of a Dockerfile: given by who builds, and defaults in front of the first FROM.
class GlobalArguments {
 public:
  GlobalArguments(const Arguments& given, const oci::Platform& build, const oci::Platform& target);

  // ARG in front of the first FROM. `default_value` is expanded.
  void declare(const std::string& name, const std::optional<std::string>& default_value);
  // For FROM, and for an ARG there.
  dockerfile::Lookup lookup() const;
  // What "ARG NAME" in a stage gives, without a default of its own; nothing: it is not set.
  std::optional<std::string> value(const std::string& name) const;
  // Whether who builds gave a value, which beats a stage's default.
  bool is_given(const std::string& name) const { return given_.contains(name); }
  // Proxies, which every RUN has without an ARG, and which change no result.
  std::vector<std::pair<std::string, std::string>> proxies() const;

 private:
  const Arguments& given_;
  Arguments platform_;  // BUILDPLATFORM, TARGETARCH, ...
  Arguments declared_;
};

bool is_proxy_argument(std::string_view name);

// Of a stage. `environment` is that of its config.
class StageArguments {
 public:
  void set(const std::string& name, const std::optional<std::string>& value);
  // Both outlive the answer.
  dockerfile::Lookup lookup(const std::vector<std::string>& environment) const;
  // The environment with the arguments that it does not set itself in front.
  std::vector<std::string> run_environment(const std::vector<std::string>& environment) const;

 private:
  std::vector<std::pair<std::string, std::string>> arguments_;  // in the order of their declaration
};

// "NAME=value" of a list of such; nothing if there is none of that name.
std::optional<std::string> find_variable(const std::vector<std::string>& environment, std::string_view name);
void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value);

}  // namespace gantry::build
