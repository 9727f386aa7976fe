// SPDX-License-Identifier: Apache-2.0
#include "buildkit/buildkit.h"

#include <list>

#include "base/mutex.h"
#include "buildkit/services.h"
#include "grpc/call.h"

namespace gantry::buildkit {

struct BuildKit::State {
  using Connections = std::list<std::unique_ptr<http::Http2Connection>>;

  explicit State(BuildKitOptions options) : services(std::move(options)) {
    add_control(methods, services);
    add_bridge(methods, services);
  }

  // On the connection's own thread, when it is over: its handlers are waited for there.
  void forget(Connections::iterator place) {
    std::unique_ptr<http::Http2Connection> connection;
    {
      const MutexLock lock(mutex);
      connection = std::move(*place);
      connections.erase(place);
    }
    connection.reset();
    const MutexLock lock(mutex);
    --open;
    changed.notify_all();
  }

  Services services;
  grpc::Methods methods;
  Mutex mutex;  // guards what follows
  Connections connections GUARDED_BY(mutex);
  std::size_t open GUARDED_BY(mutex) = 0;
  CondVar changed;
};

BuildKit::BuildKit(BuildKitOptions options) : state_(std::make_unique<State>(std::move(options))) {}

BuildKit::~BuildKit() {
  const MutexLock lock(state_->mutex);
  for (const auto& connection : state_->connections) connection->cut();
  while (state_->open > 0) state_->changed.wait(state_->mutex);
}

Result<void> BuildKit::serve(http::Stream stream) {
  auto connection = TRY(http::Http2Connection::serve(std::move(stream), state_->methods.handler()));
  State::Connections::iterator place;
  http::Http2Connection& kept = *connection;
  {
    const MutexLock lock(state_->mutex);
    place = state_->connections.insert(state_->connections.end(), std::move(connection));
    ++state_->open;
  }
  kept.on_over([state = state_.get(), place] { state->forget(place); });
  return {};
}

Result<void> BuildKit::attach(http::Stream stream, SessionInfo info) {
  return state_->services.sessions.add(std::move(stream), std::move(info));
}

}  // namespace gantry::buildkit
