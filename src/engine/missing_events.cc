// SPDX-License-Identifier: Apache-2.0
#include "engine/missing_events.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/timestamp.h"
#include "engine/container_events.h"
#include "engine/object_events.h"

namespace gantry::engine {

namespace {

// What containers do with volumes and networks, and the two events that tell of it.
struct Use {
  std::string_view type, begins, ends;
};
constexpr Use kMount{"volume", "mount", "unmount"};
constexpr Use kConnection{"network", "connect", "disconnect"};

const Use* use_of(const Event& event) {
  for (const Use* use : {&kMount, &kConnection})
    if (event.type == use->type && (event.action == use->begins || event.action == use->ends)) return use;
  return nullptr;
}

void without(Event& event, std::initializer_list<const char*> attributes) {
  for (const char* attribute : attributes) event.attributes.erase(attribute);
}

// The last events.
class LastEvents {
 public:
  explicit LastEvents(std::vector<Event> events) {
    if (!events.empty()) since_ = events.front().time;
    for (Event& event : events) add(std::move(event));
  }

  // An event of what happened at that time would be among them, and is not.
  bool miss(const std::string& type, const std::string& actor, std::string_view action,
            TimeNs happened) const {
    if (!since_ || happened <= *since_) return false;
    const auto found = objects_.find({type, actor});
    return found == objects_.end() || std::ranges::none_of(found->second, [&](const Event& event) {
             return event.action == action && event.time >= happened;
           });
  }

  // Likewise of a container's use of `actor`, which began at that time or before.
  bool miss(const Use& use, const std::string& actor, const std::string& container, TimeNs began) const {
    const auto found = uses_.find({use.type, actor, container});
    if (found == uses_.end()) return since_ && began > *since_;
    return found->second.action == use.ends;
  }

  // The last event of each that was not told to be destroyed.
  std::vector<Event> of_living(const std::string& type) const {
    std::vector<Event> last;
    for (const auto& [object, events] : objects_)
      if (object.first == type && std::ranges::find(events, "destroy", &Event::action) == events.end())
        last.push_back(events.back());
    return last;
  }

  // The beginnings of uses that were not told to end.
  std::vector<Event> lasting_uses() const {
    std::vector<Event> lasting;
    for (const auto& [key, last] : uses_)
      if (last.action == use_of(last)->begins) lasting.push_back(last);
    return lasting;
  }

 private:
  void add(Event event) {
    if (event.actor.empty()) return;  // of many at once: "prune"
    if (const Use* use = use_of(event))
      uses_[{use->type, event.actor, event.attributes["container"]}] = event;
    std::vector<Event>& events = objects_[{event.type, event.actor}];
    if (event.action == "create") events.clear();  // another volume had that name
    events.push_back(std::move(event));
  }

  std::optional<TimeNs> since_;  // none: nothing is known, as after a start of the host
  std::map<std::pair<std::string, std::string>, std::vector<Event>> objects_;     // by type and actor
  std::map<std::tuple<std::string_view, std::string, std::string>, Event> uses_;  // and container
};

// Compares those with what there is.
class Comparison {
 public:
  explicit Comparison(Core& core) : core_(core), last_(core.events.last_of_earlier()) {
    for (network::Network& network : core.networks.list())
      networks_.emplace(network.config.name, std::move(network));
  }

  void tell_what_is_there() {
    for (const auto& [name, network] : networks_)
      if (!network.is_predefined() &&
          last_.miss("network", network.id, "create", parse_timestamp(network.created).value_or(0)))
        publish_network_event(core_.events, "create", network);
    for (const VolumeRef& volume : core_.volumes->list())
      if (last_.miss("volume", volume->name, "create", volume->created))
        publish_volume_event(core_.events, "create", volume->name, volume->driver);
    for (const std::shared_ptr<Container>& container : core_.containers.all()) tell_of(*container->record());
  }

  // What it was called and was made of, its last event says.
  void tell_what_is_gone() {
    for (Event& use : last_.lasting_uses())
      if (!lasts(use)) tell_end(std::move(use));
    for (Event& last : last_.of_living("container"))
      if (!core_.containers.is_known(last.actor)) tell_removal(std::move(last));
    for (Event& last : last_.of_living("volume"))
      if (!core_.volumes->find(last.actor)) tell_removal(std::move(last));
    for (Event& last : last_.of_living("network"))
      if (!is_network(last.actor)) tell_removal(std::move(last));
  }

 private:
  void tell_of(const ContainerRecord& record) {
    const auto missed = [&](std::string_view action, TimeNs happened) {
      return last_.miss("container", record.id, action, happened);
    };
    const ContainerState& state = record.state;
    if (missed("create", record.created)) publish_event(core_.events, record, "create");
    if (state.is_running()) tell_uses(record);
    if (missed("start", state.started)) publish_event(core_.events, record, "start");
    const bool has_ended = !state.is_running() && state.finished >= state.started;
    if (has_ended && missed("die", state.finished)) publish_end(core_.events, record);
  }

  void tell_uses(const ContainerRecord& record) {
    const TimeNs began = record.state.started;
    for (const container::MountPoint& mount : record.settings->mounts)
      if (mount.type == "volume" && last_.miss(kMount, mount.name, record.id, began))
        publish_mount_event(core_.events, kMount.begins, mount, record.id);
    for (const auto& [name, endpoint] : record.networks->endpoints) {
      const auto network = networks_.find(name);
      if (network == networks_.end() || endpoint.endpoint_id.empty()) continue;
      if (last_.miss(kConnection, network->second.id, record.id, began))
        publish_connection_event(core_.events, kConnection.begins, network->second, record.id);
    }
  }

  bool lasts(const Event& use) const {
    const std::string& user = use.attributes.at("container");
    const std::shared_ptr<Container> container = core_.containers.with_id(user);
    if (!container) return core_.pods.find(user).has_value();  // pods have networks, too
    const ContainerRef record = container->record();
    if (!record->state.is_running()) return false;
    return use.type != kConnection.type ||
           std::ranges::any_of(record->networks->endpoints, [&](const auto& endpoint) {
             const auto network = networks_.find(endpoint.first);
             return network != networks_.end() && network->second.id == use.actor;
           });
  }

  bool is_network(const std::string& id) const {
    return std::ranges::any_of(networks_, [&](const auto& network) { return network.second.id == id; });
  }

  void tell_end(Event use) {
    use.action = use_of(use)->ends;
    without(use, {"destination", "propagation", "read/write"});
    core_.events.publish(std::move(use));
  }

  void tell_removal(Event last) {
    last.action = "destroy";
    if (last.type == "container")
      without(last, {"exitCode", "execDuration", "signal", "oldName", "execID"});
    else
      without(last, {"container", "destination", "propagation", "read/write"});
    core_.events.publish(std::move(last));
  }

  Core& core_;
  const LastEvents last_;
  std::map<std::string, network::Network> networks_;  // by name
};

}  // namespace

void publish_missing_events(Core& core) {
  Comparison comparison(core);
  comparison.tell_what_is_there();
  comparison.tell_what_is_gone();
}

}  // namespace gantry::engine
