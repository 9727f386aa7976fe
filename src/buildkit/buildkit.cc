// SPDX-License-Identifier: Apache-2.0
#include "buildkit/buildkit.h"

#include <list>
#include <thread>

#include "base/mutex.h"
#include "buildkit/services.h"
#include "grpc/call.h"

namespace gantry::buildkit {

// How long what a client sends at the same time may take to arrive.
static constexpr std::chrono::seconds kPatience{10};

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

Result<StringMap> BuildKit::build(DirectBuild build) {
  Services& services = state_->services;
  const std::string ref = build.order.ref;
  const std::shared_ptr<BuildJob> job = TRY(services.jobs.begin(std::move(build.order)));
  std::thread follower;
  if (build.on_status)
    follower = std::thread([&] {
      // A client that has gone is noticed by who asked for the build.
      (void)job->log().follow(build.on_status);
    });
  Result<void> built = [&]() -> Result<void> {
    std::unique_ptr<Uploads::Loan> upload;
    if (build.has_upload) upload = TRY(services.uploads.take(ref, kPatience));
    return run_build(services, *job,
                     {.attributes = job->order().frontend_attrs,
                      .inputs = {},
                      .upload = upload ? &upload->tar() : nullptr});
  }();
  services.jobs.end(job, built);
  if (follower.joinable()) follower.join();
  TRY(std::move(built));
  return job->response();
}

Result<void> BuildKit::upload(const std::string& ref, ByteSource& tar) {
  return state_->services.uploads.offer(ref, tar, kPatience);
}

Result<void> BuildKit::cancel(const std::string& ref) {
  TRY(state_->services.jobs.find(ref, std::chrono::milliseconds(0)))
      ->cancel()
      .cancel("the client has asked for it");
  return {};
}

}  // namespace gantry::buildkit
