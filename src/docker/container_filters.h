// SPDX-License-Identifier: Apache-2.0
//
// Which containers the filters of GET /containers/json and POST /containers/prune mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "docker/filters.h"
#include "engine/container_record.h"
#include "engine/engine.h"
#include "image/image_store.h"

namespace gantry::docker {

// "80", "80/udp", "8000-8080/tcp"
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::string protocol = "tcp";

  static Result<PortRange> parse(std::string_view text);
  bool holds(std::uint16_t port, std::string_view type) const {
    return port >= first && port <= last && type == protocol;
  }
};

class ContainerFilter {
 public:
  // `text` is the parameter's. InvalidArgument for what it cannot mean; NotFound: `before` or `since` name a
  // container that is not there.
  static Result<ContainerFilter> parse(std::string_view text, const engine::Engine& engine,
                                       const image::ImageStore& images);

  bool accepts(const engine::ContainerRecord& record) const;
  // It asks for states, so that containers which do not run are meant as well.
  bool names_states() const { return filters_.has("status"); }

 private:
  explicit ContainerFilter(Filters filters) : filters_(std::move(filters)) {}
  Result<void> read_times(const engine::Engine& engine);
  Result<void> read_exit_codes();
  Result<void> read_ports();
  void find_ancestors(const image::ImageStore& images);

  bool has_name(const engine::ContainerRecord& record) const;
  bool has_exited(const engine::ContainerRecord& record) const;
  bool has_health(const engine::ContainerRecord& record) const;
  bool has_volume(const engine::ContainerRecord& record) const;
  bool has_network(const engine::ContainerRecord& record) const;
  bool has_ports(const engine::ContainerRecord& record) const;
  bool has_ancestor(const engine::ContainerRecord& record) const;

  Filters filters_;
  bool wants_tasks_ = false;                      // of a swarm: there are none
  std::optional<engine::TimeNs> before_, since_;  // when a container was created
  std::vector<std::int64_t> exit_codes_;
  std::vector<PortRange> published_, exposed_;
  std::vector<std::string> ancestors_;  // digests of images
};

}  // namespace gantry::docker
