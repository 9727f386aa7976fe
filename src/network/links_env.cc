// SPDX-License-Identifier: Apache-2.0
#include "network/links_env.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <tuple>

namespace gantry::network {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string variable_prefix(std::string_view alias) {
  std::string prefix = upper(alias);
  std::ranges::replace(prefix, '-', '_');
  return prefix;
}

// By number; TCP before others of the same number.
std::vector<ExposedPort> in_order(std::vector<ExposedPort> ports) {
  std::ranges::sort(ports, {}, [](const ExposedPort& port) {
    return std::tuple(port.number, port.protocol != "tcp", port.protocol);
  });
  return ports;
}

// The last port of the run that begins at `first`. 80/tcp and 80/udp do not stand apart, but each port counts
// on, so a number that comes twice lets the run go on over one that is missing: as Docker counts.
std::size_t end_of_run(std::span<const ExposedPort> ports, std::size_t first) {
  unsigned number = ports[first].number;
  std::size_t last = first;
  while (last + 1 < ports.size() && ports[last + 1].number <= number + 1) {
    ++last;
    ++number;
  }
  return last;
}

class Variables {
 public:
  explicit Variables(const Link& link) : link_(link), prefix_(variable_prefix(link.alias)) {}

  void add(std::string_view name, std::string_view value) {
    lines_.push_back(fmt::format("{}_{}={}", prefix_, name, value));
  }

  void add_run(const ExposedPort& first, const ExposedPort& last) {
    const std::string name = name_of(first);
    add(name + "_START", url_of(first));
    add(name + "_ADDR", link_.address);
    add(name + "_PROTO", first.protocol);
    add(name + "_PORT_START", std::to_string(first.number));
    add(name + "_END", url_of(last));
    add(name + "_PORT_END", std::to_string(last.number));
  }

  void add_port(const ExposedPort& port) {
    const std::string name = name_of(port);
    add(name, url_of(port));
    add(name + "_ADDR", link_.address);
    add(name + "_PORT", std::to_string(port.number));
    add(name + "_PROTO", port.protocol);
  }

  std::string url_of(const ExposedPort& port) const {
    return fmt::format("{}://{}:{}", port.protocol, link_.address, port.number);
  }

  std::vector<std::string> take() && { return std::move(lines_); }

 private:
  static std::string name_of(const ExposedPort& port) {
    return fmt::format("PORT_{}_{}", port.number, upper(port.protocol));
  }

  const Link& link_;
  std::string prefix_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> link_environment(const Link& link) {
  const std::vector<ExposedPort> ports = in_order(link.ports);
  Variables variables(link);
  if (!ports.empty()) variables.add("PORT", variables.url_of(ports.front()));
  // Docker takes only three or more for a run.
  for (std::size_t i = 0; i < ports.size();) {
    const std::size_t last = end_of_run(ports, i);
    const bool is_run = last > i + 1;
    if (is_run) variables.add_run(ports[i], ports[last]);
    i = is_run ? last + 1 : i + 1;
  }
  for (const ExposedPort& port : ports) variables.add_port(port);
  variables.add("NAME", fmt::format("/{}/{}", link.parent, link.alias));
  for (const std::string& line : link.environment) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = line.substr(0, equals);
    if (name != "HOME" && name != "PATH") variables.add("ENV_" + name, line.substr(equals + 1));
  }
  return std::move(variables).take();
}

}  // namespace gantry::network
