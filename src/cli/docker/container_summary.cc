// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/container_summary.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/human.h"
#include "cli/docker/listing.h"

namespace gantry::cli::docker {

void fields(json::Fields& f, PortSummary& port) {
  f("IP", port.ip);
  f("PrivatePort", port.private_port);
  f("PublicPort", port.public_port);
  f("Type", port.type);
}

void fields(json::Fields& f, MountSummary& mount) {
  f("Type", mount.type);
  f("Name", mount.name);
  f("Source", mount.source);
  f("Destination", mount.destination);
}

void fields(json::Fields& f, NetworkSummary& settings) { f("Networks", settings.networks); }

namespace {

// Ports that differ from the one before by one, on both sides.
struct Run {
  PortSummary first;
  unsigned size = 1;

  bool goes_on_with(const PortSummary& next) const {
    const bool is_published = first.public_port != 0;
    return next.ip == first.ip && next.type == first.type && next.private_port == first.private_port + size &&
           next.public_port == (is_published ? first.public_port + size : 0);
  }
  std::string text() const {
    const std::string inside = range(first.private_port);
    if (first.public_port == 0) return fmt::format("{}/{}", inside, first.type);
    const bool is_ipv6 = first.ip.find(':') != std::string::npos;
    const std::string address = is_ipv6 ? "[" + first.ip + "]" : first.ip;
    return fmt::format("{}:{}->{}/{}", address, range(first.public_port), inside, first.type);
  }

 private:
  std::string range(unsigned port) const {
    return size == 1 ? fmt::format("{}", port) : fmt::format("{}-{}", port, port + size - 1);
  }
};

}  // namespace

void fields(json::Fields& f, ContainerSummary& container) {
  f("Id", container.id);
  f("Names", container.names);
  f("Image", container.image);
  f("ImageID", container.image_id);
  f("Command", container.command);
  f("State", container.state);
  f("Status", container.status);
  f("Created", container.created);
  f("Ports", container.ports);
  f("SizeRw", container.size_rw);
  f("SizeRootFs", container.size_root_fs);
  f("Labels", container.labels);
  f("NetworkSettings", container.network_settings);
  f("Mounts", container.mounts);
}

Result<std::vector<ContainerSummary>> list_containers(EngineClient& engine, Parameters parameters) {
  const json::Document answer = TRY(engine.get("/containers/json", std::move(parameters)));
  return json::decode<std::vector<ContainerSummary>>(answer.root());
}

std::string ports_text(std::vector<PortSummary> ports) {
  std::ranges::sort(ports, {}, [](const PortSummary& port) {
    return std::tuple(port.type, port.ip, port.private_port, port.public_port);
  });
  std::vector<Run> runs;
  for (const PortSummary& port : ports) {
    if (!runs.empty() && runs.back().goes_on_with(port))
      ++runs.back().size;
    else
      runs.push_back({.first = port});
  }
  // Published ones last, as docker shows them.
  std::ranges::sort(runs, {}, [](const Run& run) {
    return std::tuple(run.first.public_port != 0, run.first.private_port, run.first.type, run.first.ip);
  });
  std::string text;
  for (const Run& run : runs) text += (text.empty() ? "" : ", ") + run.text();
  return text;
}

std::string names_text(const std::vector<std::string>& names, bool with_links) {
  std::string text;
  for (std::string_view name : names) {
    if (name.starts_with('/')) name.remove_prefix(1);
    if (!with_links && name.find('/') != std::string_view::npos) continue;
    if (!text.empty()) text += ',';
    text += name;
  }
  return text;
}

std::string command_text(const ContainerSummary& container, bool whole) {
  constexpr std::size_t kWidth = 20;
  std::string text = container.command;
  if (!whole) text = shortened(std::move(text), kWidth);
  return "\"" + text + "\"";
}

std::string image_text(const ContainerSummary& container, bool whole) {
  const bool is_id = container.image.starts_with("sha256:");
  return is_id ? short_id(container.image, whole) : container.image;
}

std::string size_text(const ContainerSummary& container) {
  const std::string written = human_size(static_cast<std::uint64_t>(container.size_rw));
  if (container.size_root_fs == 0) return written;
  return fmt::format("{} (virtual {})", written,
                     human_size(static_cast<std::uint64_t>(container.size_root_fs)));
}

std::string volumes_text(const ContainerSummary& container) {
  return std::to_string(std::ranges::count(container.mounts, "volume", &MountSummary::type));
}

}  // namespace gantry::cli::docker
