// SPDX-License-Identifier: Apache-2.0
#include "build/variables.h"

#include <algorithm>
#include <array>

namespace gantry::build {

namespace {

constexpr std::array<std::string_view, 10> kProxies = {
    "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
    "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};

void add_platform(Arguments& arguments, const std::string& prefix, const oci::Platform& platform) {
  arguments[prefix + "PLATFORM"] = platform.str();
  arguments[prefix + "OS"] = platform.os;
  arguments[prefix + "ARCH"] = platform.architecture;
  arguments[prefix + "VARIANT"] = platform.variant;
}

auto variable_named(auto& environment, std::string_view name) {
  return std::ranges::find_if(environment, [name](std::string_view variable) {
    return variable.starts_with(name) && variable.substr(name.size()).starts_with('=');
  });
}

}  // namespace

bool is_proxy_argument(std::string_view name) { return std::ranges::find(kProxies, name) != kProxies.end(); }

GlobalArguments::GlobalArguments(const Arguments& given, const oci::Platform& build,
                                 const oci::Platform& target)
    : given_(given) {
  add_platform(platform_, "BUILD", build);
  add_platform(platform_, "TARGET", target);
}

void GlobalArguments::declare(const std::string& name, const std::optional<std::string>& default_value) {
  const auto given = given_.find(name);
  if (given != given_.end())
    declared_[name] = given->second;
  else if (default_value)
    declared_[name] = *default_value;
}

dockerfile::Lookup GlobalArguments::lookup() const {
  return [this](std::string_view name) -> std::optional<std::string> {
    const std::string key(name);
    if (const auto found = declared_.find(key); found != declared_.end()) return found->second;
    if (const auto found = platform_.find(key); found != platform_.end()) return found->second;
    return std::nullopt;
  };
}

std::optional<std::string> GlobalArguments::value(const std::string& name) const {
  if (const auto given = given_.find(name); given != given_.end()) return given->second;
  return lookup()(name);
}

std::vector<std::pair<std::string, std::string>> GlobalArguments::proxies() const {
  std::vector<std::pair<std::string, std::string>> proxies;
  for (const std::string_view name : kProxies)
    if (const auto given = given_.find(std::string(name)); given != given_.end()) proxies.push_back(*given);
  return proxies;
}

void StageArguments::set(const std::string& name, const std::optional<std::string>& value) {
  std::erase_if(arguments_, [&](const auto& argument) { return argument.first == name; });
  if (value) arguments_.emplace_back(name, *value);
}

dockerfile::Lookup StageArguments::lookup(const std::vector<std::string>& environment) const {
  return [this, &environment](std::string_view name) -> std::optional<std::string> {
    if (auto value = find_variable(environment, name)) return value;
    for (const auto& [argument, value] : arguments_)
      if (argument == name) return value;
    return std::nullopt;
  };
}

std::vector<std::string> StageArguments::run_environment(const std::vector<std::string>& environment) const {
  std::vector<std::string> variables;
  for (const auto& [name, value] : arguments_)
    if (!find_variable(environment, name)) variables.push_back(name + "=" + value);
  variables.insert(variables.end(), environment.begin(), environment.end());
  return variables;
}

std::optional<std::string> find_variable(const std::vector<std::string>& environment, std::string_view name) {
  const auto found = variable_named(environment, name);
  if (found == environment.end()) return std::nullopt;
  return found->substr(name.size() + 1);
}

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const auto found = variable_named(environment, name);
  if (found == environment.end())
    environment.push_back(name + "=" + value);
  else
    *found = name + "=" + value;
}

}  // namespace gantry::build
