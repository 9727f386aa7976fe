// SPDX-License-Identifier: Apache-2.0
//
// GET /events: what happened since a time, what happens now, or both.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "base/timestamp.h"
#include "docker/endpoints.h"
#include "docker/event_view.h"
#include "docker/hijack.h"
#include "docker/stream_loop.h"
#include "docker/time_parameter.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

// A client that takes no events while so many come is let go rather than that the daemon keeps them.
constexpr std::size_t kMostUnsent = 8 << 20;  // bytes

struct EventQuery {
  EventFilter filter;
  engine::TimeNs since = 0;  // 0: from now on
  engine::TimeNs until = 0;  // 0: for ever
};

Result<engine::TimeNs> time_in(const Call& call, std::string_view parameter, engine::TimeNs now) {
  const std::string text = call.text(parameter);
  if (text.empty() || text == "0") return 0;
  return TRY_DURING(parse_time(text, now), "invalid value for '{}'", parameter);
}

class EventStream final : public ClientStream {
 public:
  EventStream(StreamLoop& streams, Hijacked client, engine::Events& events, EventQuery query)
      : ClientStream(streams, std::move(client)),
        events_(events),
        query_(std::move(query)),
        end_timer_(streams.loop(), Callback::to<&EventStream::on_until>(*this)) {}

 private:
  Result<void> begin() override {
    if (query_.until != 0) {
      const auto left = std::chrono::nanoseconds(std::max<engine::TimeNs>(query_.until - wall_clock_ns(), 0));
      end_timer_.start(std::chrono::ceil<std::chrono::milliseconds>(left));
    }
    const auto tell = [&streams = streams_, id = id()](const engine::EventRef& event) {
      streams.post_to<EventStream>(id, [event](EventStream& s) { s.on_event(*event); });
    };
    subscription_ = query_.since != 0 ? events_.subscribe(tell, query_.since) : events_.subscribe(tell);
    return {};
  }

  void on_event(const engine::Event& event) {
    if (query_.until != 0 && event.time > query_.until) return on_until();
    if (query_.filter.accepts(event)) connection_.write(event_text(event));
    if (connection_.unsent() > kMostUnsent) end();
  }
  void on_until() { connection_.finish(); }

  engine::Events& events_;
  const EventQuery query_;
  Timer end_timer_;
  engine::Subscription subscription_;
};

// Nothing new is to come.
Result<void> send_past(const Context& context, Call& call, const EventQuery& query) {
  std::string text;
  for (const engine::EventRef& event : context.engine.events().between(query.since, query.until))
    if (query.filter.accepts(*event)) text += event_text(*event);
  return call.send_json(text);
}

Result<void> stream_events(const Context& context, Call& call) {
  const engine::TimeNs now = wall_clock_ns();
  EventQuery query{.filter = TRY(EventFilter::parse(call.text("filters")))};
  query.since = TRY(time_in(call, "since", now));
  query.until = TRY(time_in(call, "until", now));
  if (query.until != 0 && query.since > query.until)
    return error(Code::InvalidArgument, "`since` time ({}) cannot be after `until` time ({})",
                 call.text("since"), call.text("until"));
  if (query.until != 0 && query.until <= now) return send_past(context, call, query);
  call.response.headers.set("Content-Type", "application/json");
  context.streams.add(std::make_unique<EventStream>(context.streams, TRY(hijack_answer(call)),
                                                    context.engine.events(), std::move(query)));
  return {};
}

}  // namespace

std::span<const Route> event_routes() {
  static constexpr Route kRoutes[] = {{"GET", "/events", stream_events}};
  return kRoutes;
}

}  // namespace gantry::docker
