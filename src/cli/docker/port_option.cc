// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/port_option.h"

#include <charconv>

#include "base/printable.h"
#include "cli/docker/values.h"

namespace gantry::cli::docker {
namespace {

struct Range {
  unsigned first = 0;
  unsigned last = 0;
  unsigned size() const { return last - first + 1; }
};

Result<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size() || port > 65535)
    return error(Code::InvalidArgument, "invalid port '{}'", printable(text));
  return port;
}

Result<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const unsigned first = TRY(parse_port(text.substr(0, dash)));
  const unsigned last = dash == std::string_view::npos ? first : TRY(parse_port(text.substr(dash + 1)));
  if (last < first) return error(Code::InvalidArgument, "invalid range of ports '{}'", printable(text));
  return Range{first, last};
}

// The words of one `--publish`.
struct Parts {
  std::string address, host, container, protocol = "tcp";
};

Result<std::string> take_protocol(std::string_view& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::string("tcp");
  const std::string protocol(text.substr(slash + 1));
  text = text.substr(0, slash);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return error(Code::InvalidArgument, "invalid protocol '{}': tcp, udp or sctp", printable(protocol));
  return protocol;
}

Result<Parts> split(std::string_view text) {
  Parts parts;
  parts.protocol = TRY(take_protocol(text));
  // From the end, since an IPv6 address has colons too.
  const std::size_t last = text.rfind(':');
  parts.container = text.substr(last == std::string_view::npos ? 0 : last + 1);
  if (last == std::string_view::npos) return parts;
  text = text.substr(0, last);
  const std::size_t second = text.rfind(':');
  parts.host = text.substr(second == std::string_view::npos ? 0 : second + 1);
  if (second == std::string_view::npos) return parts;
  text = text.substr(0, second);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  parts.address = text;
  if (!parts.address.empty() && !is_address(parts.address))
    return error(Code::InvalidArgument, "invalid IP address '{}'", printable(text));
  return parts;
}

std::string name_of(unsigned port, const std::string& protocol) {
  return fmt::format("{}/{}", port, protocol);
}

Result<void> add(const Parts& parts, container::PortMap& bindings, oci::StringSet& exposed) {
  const Range inside = TRY(parse_range(parts.container));
  const bool is_free = parts.host.empty();
  const Range outside = is_free ? Range{} : TRY(parse_range(parts.host));
  // One port may be published on any of a range; otherwise they go in pairs.
  const bool is_any_of = !is_free && inside.size() == 1 && outside.size() > 1;
  if (!is_free && !is_any_of && inside.size() != outside.size())
    return error(Code::InvalidArgument, "ranges of ports differ in size: {} and {}", parts.host,
                 parts.container);
  for (unsigned i = 0; i < inside.size(); ++i) {
    const std::string port = name_of(inside.first + i, parts.protocol);
    std::string host = is_free ? "" : is_any_of ? parts.host : std::to_string(outside.first + i);
    exposed.try_emplace(port);
    bindings[port].push_back({.host_ip = parts.address, .host_port = std::move(host)});
  }
  return {};
}

// "published=8080,target=80,protocol=udp", which compose files have and the command takes as well.
Result<Parts> long_form(std::string_view text) {
  Parts parts;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    const std::string_view key = field.substr(0, field.find('='));
    const std::string_view value = field.substr(std::min(key.size() + 1, field.size()));
    if (key == "target")
      parts.container = value;
    else if (key == "published")
      parts.host = value;
    else if (key == "protocol")
      parts.protocol = value;
    else if (key != "mode")
      return error(Code::InvalidArgument, "invalid field '{}'", printable(key));
  }
  return parts;
}

}  // namespace

Result<void> add_published(std::string_view text, container::PortMap& bindings, oci::StringSet& exposed) {
  const bool is_long = text.find('=') != std::string_view::npos;
  const Parts parts =
      TRY_DURING(is_long ? long_form(text) : split(text), "option '--publish {}'", printable(text));
  TRY_DURING(add(parts, bindings, exposed), "option '--publish {}'", printable(text));
  return {};
}

Result<void> add_exposed(std::string_view text, oci::StringSet& exposed) {
  std::string_view ports = text;
  const std::string protocol = TRY_DURING(take_protocol(ports), "option '--expose {}'", printable(text));
  const Range range = TRY_DURING(parse_range(ports), "option '--expose {}'", printable(text));
  for (unsigned port = range.first; port <= range.last; ++port) exposed.try_emplace(name_of(port, protocol));
  return {};
}

}  // namespace gantry::cli::docker
