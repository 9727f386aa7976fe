// SPDX-License-Identifier: Apache-2.0
//
// POST /containers/{id}/wait. `docker run` sends it before it starts the container and needs the head of the
// answer at once, so the body is a stream of one line.
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "docker/endpoints.h"
#include "docker/hijack.h"
#include "docker/stream_loop.h"
#include "docker/stream_outbox.h"
#include "engine/engine.h"

namespace gantry::docker {
namespace {

std::string result_text(const engine::WaitResult& result) {
  json::Writer writer;
  writer.begin_object().key("StatusCode").value(result.exit_code);
  if (!result.error.empty())
    writer.key("Error").begin_object().key("Message").value(result.error).end_object();
  writer.end_object();
  return std::move(writer).text() + "\n";
}

class WaitStream final : public ClientStream {
 public:
  WaitStream(StreamLoop& streams, Hijacked client, engine::Subscription subscription)
      : ClientStream(streams, std::move(client)), subscription_(std::move(subscription)) {}

  void finish(const engine::WaitResult& result) {
    connection_.write(result_text(result));
    connection_.finish();
  }

 private:
  Result<void> begin() override { return {}; }
  engine::Subscription subscription_;
};

Result<engine::WaitCondition> condition_of(const Call& call) {
  const std::string condition = call.text("condition");
  // Only one thing could be waited for before 1.30.
  if (condition.empty() || condition == "not-running" || call.version < ApiVersion{1, 30})
    return engine::WaitCondition::NotRunning;
  if (condition == "next-exit") return engine::WaitCondition::NextExit;
  if (condition == "removed") return engine::WaitCondition::Removed;
  return error(Code::InvalidArgument, "invalid condition: \"{}\"", condition);
}

Result<void> wait(const Context& context, Call& call) {
  const auto condition = TRY(condition_of(call));
  const engine::ContainerRef record = TRY(context.engine.find(call.parameter(0)));
  const auto outbox = std::make_shared<StreamOutbox<WaitStream>>(context.streams);
  auto subscription =
      TRY(context.engine.wait(record->id, condition, [outbox](const engine::WaitResult& result) {
        outbox->post([result](WaitStream& s) { s.finish(result); });
      }));
  call.response.headers.set("Content-Type", "application/json");
  auto stream =
      std::make_unique<WaitStream>(context.streams, TRY(hijack_answer(call)), std::move(subscription));
  outbox->add(std::move(stream));
  return {};
}

}  // namespace

std::span<const Route> wait_routes() {
  static constexpr Route kRoutes[] = {{"POST", "/containers/{id}/wait", wait}};
  return kRoutes;
}

}  // namespace gantry::docker
