// SPDX-License-Identifier: Apache-2.0
//
// Events as GET /events writes and filters them.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "docker/filters.h"
#include "engine/events.h"

namespace gantry::docker {

// One JSON object and a newline. Containers and images have three keys more, which programs older than 1.22
// look for and newer ones still do.
std::string event_text(const engine::Event& event);

class EventFilter {
 public:
  static Result<EventFilter> parse(std::string_view text);
  bool accepts(const engine::Event& event) const;

 private:
  explicit EventFilter(Filters filters) : filters_(std::move(filters)) {}
  bool has_action(const engine::Event& event) const;
  bool has_image(const engine::Event& event) const;
  bool is_of(std::string_view type, const engine::Event& event) const;

  Filters filters_;
};

}  // namespace gantry::docker
