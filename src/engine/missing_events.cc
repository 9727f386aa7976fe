// SPDX-License-Identifier: Apache-2.0
#include "engine/missing_events.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/container_events.h"

namespace gantry::engine {

namespace {

// The last events, of containers only.
class LastEvents {
 public:
  explicit LastEvents(std::vector<Event> events) {
    if (!events.empty()) since_ = events.front().time;
    for (Event& event : events)
      if (event.type == "container") by_container_[event.actor].push_back(std::move(event));
  }

  // An event of what happened at that time would be among them, and is not.
  bool miss(const std::string& container, std::string_view action, TimeNs happened) const {
    if (!since_ || happened <= *since_) return false;
    const auto found = by_container_.find(container);
    return found == by_container_.end() || std::ranges::none_of(found->second, [&](const Event& event) {
             return event.action == action && event.time >= happened;
           });
  }

  // The last event of each container that has none of that action.
  std::vector<Event> of_those_without(std::string_view action) const {
    std::vector<Event> last;
    for (const auto& [container, events] : by_container_)
      if (std::ranges::find(events, action, &Event::action) == events.end()) last.push_back(events.back());
    return last;
  }

 private:
  std::optional<TimeNs> since_;  // none: nothing is known, as after a start of the host
  std::map<std::string, std::vector<Event>> by_container_;
};

void complete(Core& core, const LastEvents& last, const ContainerRecord& record) {
  const ContainerState& state = record.state;
  if (last.miss(record.id, "create", record.created)) publish_event(core.events, record, "create");
  if (last.miss(record.id, "start", state.started)) publish_event(core.events, record, "start");
  const bool has_ended = !state.is_running() && state.finished >= state.started;
  if (has_ended && last.miss(record.id, "die", state.finished)) publish_end(core.events, record);
}

// There is no record any more: what it was called and was made of, its last event says.
void publish_removal(Core& core, Event last) {
  last.action = "destroy";
  for (const char* other : {"exitCode", "execDuration", "signal", "oldName", "execID"})
    last.attributes.erase(other);
  core.events.publish(std::move(last));
}

}  // namespace

void publish_missing_events(Core& core) {
  const LastEvents last(core.events.last_of_earlier());
  for (const std::shared_ptr<Container>& container : core.containers.all())
    complete(core, last, *container->record());
  for (Event& event : last.of_those_without("destroy"))
    if (!core.containers.is_known(event.actor)) publish_removal(core, std::move(event));
}

}  // namespace gantry::engine
