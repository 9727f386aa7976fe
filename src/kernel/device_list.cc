// SPDX-License-Identifier: Apache-2.0
#include "kernel/device_list.h"

#include <charconv>

namespace gantry::kernel {
namespace {

// "*" or a number; false if it is neither.
bool parse_number(std::string_view text, std::optional<std::uint32_t>& number) {
  if (text == "*") return true;
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  number = value;
  return failure == std::errc() && end == text.data() + text.size();
}

// "c 1:3 rwm"
std::optional<DeviceRule> parse_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::size_t space = line.rfind(' ');
  if (line.size() < 2 || line[1] != ' ' || colon == std::string_view::npos || space < colon)
    return std::nullopt;
  DeviceRule rule{.allow = true, .access = 0};
  switch (line[0]) {
    case 'a': return DeviceRule{.allow = true};
    case 'b': rule.type = DeviceType::Block; break;
    case 'c': rule.type = DeviceType::Char; break;
    default: return std::nullopt;
  }
  if (!parse_number(line.substr(2, colon - 2), rule.major)) return std::nullopt;
  if (!parse_number(line.substr(colon + 1, space - colon - 1), rule.minor)) return std::nullopt;
  for (const char letter : line.substr(space + 1)) {
    switch (letter) {
      case 'r': rule.access |= kRead; break;
      case 'w': rule.access |= kWrite; break;
      case 'm': rule.access |= kMknod; break;
      default: return std::nullopt;
    }
  }
  return rule;
}

}  // namespace

DeviceList DeviceList::everything() {
  DeviceList list;
  list.allows_by_default_ = true;
  return list;
}

Result<DeviceList> DeviceList::parse(std::string_view text) {
  DeviceList list;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const std::optional<DeviceRule> rule = parse_line(line);
    if (!rule) return error(Code::DataLoss, "devices.list has the line '{}', which is no rule", line);
    TRY(list.apply(*rule));
  }
  list.may_hide_exceptions_ = list.allows_by_default_;
  return list;
}

Result<void> DeviceList::apply(const DeviceRule& rule) {
  if (rule.type == DeviceType::All) {
    allows_by_default_ = rule.allow;
    exceptions_.clear();
    return {};
  }
  const Device device{rule.type, rule.major, rule.minor};
  if (rule.allow != allows_by_default_) {
    exceptions_[device] |= rule.access;
    return {};
  }
  const Device wider[] = {{rule.type, std::nullopt, rule.minor},
                          {rule.type, rule.major, std::nullopt},
                          {rule.type, std::nullopt, std::nullopt}};
  for (const Device& other : wider) {
    const auto found = exceptions_.find(other);
    if (other == device || found == exceptions_.end() || (found->second & rule.access) == 0) continue;
    const DeviceRule exception{!rule.allow, rule.type, std::get<1>(other), std::get<2>(other), found->second};
    return error(
        Code::InvalidArgument, "{} '{}': cgroup v1 cannot take this out of '{}', which an earlier rule {}",
        rule.allow ? "allow" : "deny", to_text(rule), to_text(exception), rule.allow ? "denies" : "allows");
  }
  const auto found = exceptions_.find(device);
  if (found == exceptions_.end()) return {};
  found->second &= static_cast<std::uint8_t>(~rule.access);
  if (found->second == 0) exceptions_.erase(found);
  return {};
}

std::vector<DeviceRule> DeviceList::steps_to(const DeviceList& target) const {
  std::vector<DeviceRule> steps;
  const auto add = [&](bool allow, const Device& device, std::uint8_t access) {
    if (access != 0)
      steps.push_back({allow, std::get<0>(device), std::get<1>(device), std::get<2>(device), access});
  };
  const bool starts_over = may_hide_exceptions_ || allows_by_default_ != target.allows_by_default_;
  if (starts_over) steps.push_back({.allow = target.allows_by_default_});
  static const std::map<Device, std::uint8_t> kNone;
  const auto& before = starts_over ? kNone : exceptions_;
  const auto access_of = [](const std::map<Device, std::uint8_t>& map, const Device& device) -> std::uint8_t {
    const auto found = map.find(device);
    return found == map.end() ? std::uint8_t{0} : found->second;
  };
  for (const auto& [device, access] : before)
    add(target.allows_by_default_, device,
        static_cast<std::uint8_t>(access & ~access_of(target.exceptions_, device)));
  for (const auto& [device, access] : target.exceptions_)
    add(!target.allows_by_default_, device, static_cast<std::uint8_t>(access & ~access_of(before, device)));
  return steps;
}

}  // namespace gantry::kernel
