// SPDX-License-Identifier: Apache-2.0
#include "kube_clients.h"

#include <sys/epoll.h>

#include <chrono>
#include <utility>

#include "testing/must.h"
#include "testing/processor_time.h"

namespace gantry::bench {

using Clock = std::chrono::steady_clock;

static double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Clients::Round {
  const std::vector<std::string>& requests;
  const std::function<void(std::size_t, std::string_view)>& answered;
  std::vector<double> milliseconds = {};
  std::size_t next = 0;  // that nobody has sent
};

class Clients::Client {
 public:
  Client(EventLoop& loop, Line line)
      : line_(std::move(line)), watch_(loop, Callback::to<&Client::on_ready>(*this)) {
    MUST(watch_.start(line_.fd(), EPOLLIN));
  }

  // What is next in `round`, if anything is left.
  void send_next(Round& round) {
    round_ = &round;
    if (round.next == round.requests.size()) return;
    place_ = round.next++;
    sent_ = Clock::now();
    MUST(line_.send(round.requests[place_]));
  }

  void on_ready() {
    const auto body = MUST(line_.take());
    if (!body) return;
    round_->milliseconds.push_back(milliseconds_since(sent_));
    if (round_->answered) round_->answered(place_, *body);
    send_next(*round_);
  }

 private:
  Line line_;
  Round* round_ = nullptr;
  std::size_t place_ = 0;
  Clock::time_point sent_;
  Watch watch_;  // after the line, so that it stops before the descriptor closes
};

Clients::Clients(const Server& server, int count) : server_(server), loop_(MUST(EventLoop::make())) {
  for (int i = 0; i < count; ++i)
    clients_.push_back(std::make_unique<Client>(loop_, MUST(Line::open(server))));
}

Clients::~Clients() = default;

Figures Clients::ask_all(const std::vector<std::string>& requests,
                         const std::function<void(std::size_t, std::string_view)>& answered) {
  Round round{.requests = requests, .answered = answered};
  round.milliseconds.reserve(requests.size());
  const double server_before = server_.processor_time();
  const double client_before = testing::processor_seconds_of_process();
  const auto start = Clock::now();
  for (const auto& client : clients_) client->send_next(round);
  while (round.milliseconds.size() < requests.size()) MUST(loop_.run_once());
  return {.milliseconds = std::move(round.milliseconds),
          .seconds = milliseconds_since(start) / 1000,
          .server_seconds = server_.processor_time() - server_before,
          .client_seconds = testing::processor_seconds_of_process() - client_before};
}

}  // namespace gantry::bench
