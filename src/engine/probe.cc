// SPDX-License-Identifier: Apache-2.0
#include "engine/probe.h"

#include <unistd.h>

#include <csignal>
#include <utility>

namespace gantry::engine {

using container::ShimClient;

void RunningProbe::start(EventLoop& loop, Request request, OnEnd on_end) {
  // Deletes itself in end().
  (new RunningProbe(loop, std::move(request), std::move(on_end)))->open(loop);
}

RunningProbe::RunningProbe(EventLoop& loop, Request request, OnEnd on_end)
    : request_(std::move(request)),
      on_end_(std::move(on_end)),
      timer_(loop, Callback::to<&RunningProbe::on_timeout>(*this)) {}

void RunningProbe::open(EventLoop& loop) {
  auto client = ShimClient::connect(loop, request_.socket, *this);
  if (!client) {
    end_.output = client.error().message();
    return end();
  }
  client_ = std::move(*client);
  timer_.start(request_.timeout);
  client_->exec(request_.process_file, shim::kAttachStdout | shim::kAttachStderr, {},
                [this](Result<ShimClient::Exec> started) { on_started(std::move(started)); });
}

void RunningProbe::on_started(Result<ShimClient::Exec> started) {
  if (!started) {
    end_.output = started.error().message();
    return end();
  }
  session_ = started->session;
}

void RunningProbe::on_output(std::uint32_t, shim::Stream, std::string_view bytes) {
  end_.output.append(bytes.substr(0, request_.max_output - end_.output.size()));
}

void RunningProbe::on_exit(std::uint32_t session, const shim::ExitStatus& exit) {
  end_.exit_code = exit.code;
  client_->remove(session, false, {});  // nobody asks for it again
  end();
}

void RunningProbe::on_timeout() {
  end_.timed_out = true;
  if (session_ != 0) client_->signal(session_, SIGKILL, 0, {});
  end();
}

void RunningProbe::on_closed(const Error& why) {
  if (end_.output.empty()) end_.output = why.message();
  end();
}

void RunningProbe::end() {
  (void)::unlink(request_.process_file.c_str());  // the container's end may have removed it
  on_end_(std::move(end_));
  delete this;
}

}  // namespace gantry::engine
