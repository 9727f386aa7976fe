// SPDX-License-Identifier: Apache-2.0
#include "network/resolver_config.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/file.h"

namespace gantry::network {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::string_view kResolvedStub = "127.0.0.53";
constexpr const char* kResolvedUpstreams = "/run/systemd/resolve/resolv.conf";

// The next word of `line`, which is taken off it; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

std::vector<std::string> take_words(std::string_view line) {
  std::vector<std::string> words;
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) words.emplace_back(word);
  return words;
}

bool is_address(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));
  in6_addr parsed;
  return ::inet_pton(AF_INET, std::string(text).c_str(), &parsed) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

void read_line(std::string_view line, ResolverConfig& config) {
  const std::string_view keyword = take_word(line);
  if (keyword == "nameserver") {
    const std::string_view address = take_word(line);
    if (is_address(address)) config.nameservers.emplace_back(address);
  } else if (keyword == "search" || keyword == "domain") {
    config.search = take_words(line);
  } else if (keyword == "options") {
    for (std::string& option : take_words(line)) config.options.push_back(std::move(option));
  }
}

// Nothing where there is no file.
Result<ResolverConfig> read_config(const std::string& path) {
  const auto text = read_file(path);
  if (text) return parse_resolver_config(*text);
  if (text.error().code() == Code::NotFound) return ResolverConfig{};
  return error(text.error().code(), "{}", text.error().message());
}

}  // namespace

ResolverConfig parse_resolver_config(std::string_view text) {
  ResolverConfig config;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.starts_with('#') && !line.starts_with(';')) read_line(line, config);
  }
  return config;
}

Result<ResolverConfig> read_host_resolver_config(const std::string& path) {
  ResolverConfig config = TRY(read_config(path));
  if (config.nameservers != std::vector{std::string(kResolvedStub)}) return config;
  ResolverConfig behind_stub = TRY(read_config(kResolvedUpstreams));
  return behind_stub.nameservers.empty() ? config : behind_stub;
}

bool is_loopback_address(std::string_view address) { return address.starts_with("127.") || address == "::1"; }

}  // namespace gantry::network
