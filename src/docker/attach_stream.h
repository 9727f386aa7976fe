// SPDX-License-Identifier: Apache-2.0
//
// A client at the streams of a process: a container's first one (`docker attach`, `docker run`) or an exec's.
// Bytes go between the client's connection and the shim; the daemon keeps none beyond a buffer, and each side
// is held up by the other.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/detach_keys.h"
#include "container/shim_client.h"
#include "docker/stream_loop.h"
#include "engine/engine.h"
#include "http/websocket.h"

namespace gantry::docker {

class AttachStream final : public ClientStream, container::ShimListener {
 public:
  struct Options {
    bool has_stdin = false;
    // The client's end of input is that of the process; not for terminals, which have none.
    bool closes_stdin = false;
    bool is_terminal = false;  // its output is one stream, without frames
    std::optional<DetachKeys> detach_keys;
    std::string history;  // to be sent first, in frames already
    // The client speaks WebSocket: output goes in messages of this kind, both streams of it as one.
    std::optional<http::WebSocket::Kind> websocket;
    // After the output has ended, ended() is waited for: who asks how it ended, once the stream is over, gets
    // an answer.
    bool awaits_end = false;
    std::function<void()> on_detach;  // the keys were seen; on the loop's thread
  };

  AttachStream(StreamLoop& streams, Hijacked client, Options options);

  // On the loop's thread (StreamLoop::post_to). There is a process now, or none is to come; the client is
  // told `reason` as output.
  void attached(engine::Attachment attachment);
  void give_up(std::string_view reason = {});
  // The engine has recorded how the process ended.
  void ended();
  // What attached() or ended() waits for; kept as long as the stream.
  void keep(engine::Subscription subscription) { subscription_ = std::move(subscription); }

 private:
  Result<void> begin() override;
  void on_input(std::string_view bytes) override;
  void on_input_end() override;
  void on_drained() override;
  void on_hung_up() override;
  void on_output(std::uint32_t session, shim::Stream stream, std::string_view bytes) override;
  void on_exit(std::uint32_t session, const shim::ExitStatus& exit) override;
  void on_writable() override;
  void on_closed(const Error& why) override;

  void write_output(shim::Stream stream, std::string_view bytes);
  void write_message(std::string_view bytes);
  void finish();
  void take_messages(std::string_view bytes);
  void take_input(std::string_view bytes);
  void send_to_process(std::string_view bytes);
  void end_process_input();

  Options options_;
  engine::Subscription subscription_;
  std::unique_ptr<container::ShimClient> shim_;
  std::uint32_t session_ = 0;
  http::WebSocket websocket_{http::WebSocket::Side::Server};  // if it is one
  std::string held_input_;                                    // that the shim had no room for
  bool has_input_ended_ = false;
  bool has_output_ended_ = false;
};

// The 8 bytes in front of output that is not a terminal's: stream, three zeros, size in big-endian
// (specs/docker-engine-api.yaml, ContainerAttach).
std::string frame_header(shim::Stream stream, std::size_t size);

}  // namespace gantry::docker
