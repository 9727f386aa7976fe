// SPDX-License-Identifier: Apache-2.0
#include "docker/container_filters.h"

#include <algorithm>
#include <charconv>

#include "docker/container_views.h"

namespace gantry::docker {
namespace {

const std::initializer_list<std::string_view> kKnown = {
    "ancestor", "before", "exited", "expose",  "health",  "id",    "is-task", "isolation",
    "label",    "label!", "name",   "network", "publish", "since", "status",  "volume"};

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stopped != end) return std::nullopt;
  return number;
}

Result<void> check_words(const Filters& filters, std::string_view key,
                         std::span<const std::string_view> words) {
  for (const std::string& value : filters.values(key))
    if (std::ranges::find(words, value) == words.end())
      return error(Code::InvalidArgument, "invalid filter '{}={}'", key, value);
  return {};
}

bool holds_port(const std::vector<PortRange>& ranges, std::uint16_t port, std::string_view type) {
  return std::ranges::any_of(ranges, [&](const PortRange& range) { return range.holds(port, type); });
}

}  // namespace

Result<PortRange> PortRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view numbers = text.substr(0, slash);
  const std::size_t dash = numbers.find('-');
  const auto first = parse_number<std::uint16_t>(numbers.substr(0, dash));
  const auto last = dash == numbers.npos ? first : parse_number<std::uint16_t>(numbers.substr(dash + 1));
  if (!first || !last || *first > *last) return error(Code::InvalidArgument, "invalid port: '{}'", text);
  PortRange range{.first = *first, .last = *last};
  if (slash != text.npos) range.protocol = text.substr(slash + 1);
  return range;
}

Result<ContainerFilter> ContainerFilter::parse(std::string_view text, const engine::Engine& engine,
                                               const image::ImageStore& images) {
  ContainerFilter filter(TRY(Filters::parse(text, kKnown)));
  constexpr std::string_view kHealth[] = {"starting", "healthy", "unhealthy", "none"};
  TRY(check_words(filter.filters_, "status", engine::names_of(engine::Status())));
  TRY(check_words(filter.filters_, "health", kHealth));
  filter.wants_tasks_ = TRY(filter.filters_.flag("is-task", false));
  TRY(filter.read_times(engine));
  TRY(filter.read_exit_codes());
  TRY(filter.read_ports());
  filter.find_ancestors(images);
  return filter;
}

Result<void> ContainerFilter::read_times(const engine::Engine& engine) {
  for (const std::string& ref : filters_.values("before")) before_ = TRY(engine.find(ref))->created;
  for (const std::string& ref : filters_.values("since")) since_ = TRY(engine.find(ref))->created;
  return {};
}

Result<void> ContainerFilter::read_exit_codes() {
  for (const std::string& text : filters_.values("exited")) {
    const auto code = parse_number<std::int64_t>(text);
    if (!code) return error(Code::InvalidArgument, "invalid filter 'exited={}'", text);
    exit_codes_.push_back(*code);
  }
  return {};
}

Result<void> ContainerFilter::read_ports() {
  for (const std::string& text : filters_.values("publish"))
    published_.push_back(TRY(PortRange::parse(text)));
  for (const std::string& text : filters_.values("expose")) exposed_.push_back(TRY(PortRange::parse(text)));
  return {};
}

// One that is not there is nobody's ancestor, which is no error.
void ContainerFilter::find_ancestors(const image::ImageStore& images) {
  for (const std::string& name : filters_.values("ancestor"))
    if (const auto image = images.resolve(name)) ancestors_.push_back(image->id.str());
}

bool ContainerFilter::has_name(const engine::ContainerRecord& record) const {
  return filters_.matches_pattern("name", record.name) || filters_.matches_pattern("name", "/" + record.name);
}

bool ContainerFilter::has_exited(const engine::ContainerRecord& record) const {
  return exit_codes_.empty() || (!record.state.is_running() && record.state.started != 0 &&
                                 std::ranges::find(exit_codes_, record.state.exit_code) != exit_codes_.end());
}

bool ContainerFilter::has_health(const engine::ContainerRecord& record) const {
  const auto& health = record.state.health;
  if (!health) return filters_.matches("health", "none");
  return filters_.matches("health", name_of(health->status));
}

bool ContainerFilter::has_volume(const engine::ContainerRecord& record) const {
  return !filters_.has("volume") ||
         std::ranges::any_of(record.settings->mounts, [&](const container::MountPoint& mount) {
           return filters_.matches("volume", mount.name.empty() ? mount.source : mount.name) ||
                  filters_.matches("volume", mount.destination);
         });
}

bool ContainerFilter::has_network(const engine::ContainerRecord& record) const {
  return !filters_.has("network") ||
         std::ranges::any_of(record.networks->endpoints, [&](const auto& endpoint) {
           const auto& [name, settings] = endpoint;
           return filters_.matches("network", name) ||
                  (!settings.network_id.empty() &&
                   std::ranges::any_of(filters_.values("network"), [&](const std::string& id) {
                     return settings.network_id.starts_with(id);
                   }));
         });
}

bool ContainerFilter::has_ports(const engine::ContainerRecord& record) const {
  if (published_.empty() && exposed_.empty()) return true;
  bool is_published = published_.empty(), is_exposed = exposed_.empty();
  for (const PortSummary& port : ports_of(record)) {
    is_published =
        is_published || (port.public_port != 0 && holds_port(published_, port.public_port, port.type));
    is_exposed = is_exposed || holds_port(exposed_, port.private_port, port.type);
  }
  return is_published && is_exposed;
}

bool ContainerFilter::has_ancestor(const engine::ContainerRecord& record) const {
  return !filters_.has("ancestor") ||
         std::ranges::find(ancestors_, record.settings->image) != ancestors_.end() ||
         filters_.matches("ancestor", record.settings->image_name);
}

bool ContainerFilter::accepts(const engine::ContainerRecord& record) const {
  // Cheap looks first.
  return !wants_tasks_ && (!before_ || record.created < *before_) && (!since_ || record.created > *since_) &&
         filters_.matches("status", name_of(record.state.status)) && has_exited(record) &&
         filters_.matches_labels(record.settings->config.labels) && has_health(record) &&
         has_network(record) && has_volume(record) && has_ancestor(record) && has_ports(record) &&
         filters_.matches_pattern("id", record.id) && has_name(record);
}

}  // namespace gantry::docker
