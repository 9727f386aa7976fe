// SPDX-License-Identifier: Apache-2.0
#include "kube/audit/collector.h"

#include <fmt/format.h>

namespace gantry::kube {
namespace {

constexpr std::chrono::seconds kTime{30};  // for one batch
constexpr std::chrono::seconds kTimeAtTheEnd{5};

}  // namespace

// What happens on the thread. A batch that could not be sent stays in front until it is or is given up.
class AuditCollector::Sender {
 public:
  explicit Sender(AuditCollector& owner)
      : owner_(owner),
        client_({.tls = owner.options_.tls}),
        timer_(owner.thread_->loop(), Callback::to<&Sender::on_timer>(*this)) {}

  void add(std::string event) {
    events_.push_back(std::move(event));
    if (is_retrying()) return;
    if (events_.size() >= owner_.options_.max_batch)
      send(kTime);
    else if (!timer_.is_started())
      timer_.start(owner_.options_.max_wait);
  }

  // What is being retried is given up.
  void finish() {
    const auto end = std::chrono::steady_clock::now() + kTimeAtTheEnd;
    while (!events_.empty() && !is_retrying() && std::chrono::steady_clock::now() < end) send(kTimeAtTheEnd);
    timer_.stop();
  }

 private:
  bool is_retrying() const { return failures_ != 0; }
  void on_timer() { send(kTime); }

  void send(std::chrono::milliseconds time) {
    timer_.stop();
    const std::size_t count = std::min(events_.size(), owner_.options_.max_batch);
    if (count == 0) return;
    const auto sent = post(count, time);
    if (!sent && ++failures_ < owner_.options_.attempts) {
      timer_.start(owner_.options_.retry_after * (1 << (failures_ - 1)));
      return;
    }
    if (!sent) drop(sent.error(), count);
    failures_ = 0;
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(count));
    owner_.waiting_ -= count;
    if (!events_.empty()) timer_.start(std::chrono::milliseconds(0));
  }

  void drop(const Error& why, std::size_t count) {
    owner_.dropped_ += count;
    if (owner_.options_.on_dropped) owner_.options_.on_dropped(why, count);
  }

  Result<void> post(std::size_t count, std::chrono::milliseconds time) {
    http::ClientRequest request{
        .method = "POST", .url = owner_.options_.url, .headers = owner_.options_.headers};
    request.headers.set("Content-Type", "application/json");
    request.deadline = std::chrono::steady_clock::now() + time;
    request.body = R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[)";
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) request.body += ',';
      request.body += events_[i];
    }
    request.body += "]}";
    http::ClientResponse response = TRY(client_.send(request));
    (void)response.read_body();  // so that the connection can be used again
    if (!response.is_success())
      return error(Code::Unavailable, "the audit webhook answered {}", response.status());
    return {};
  }

  AuditCollector& owner_;
  http::Client client_;
  std::vector<std::string> events_;  // oldest first
  int failures_ = 0;                 // of the first batch
  Timer timer_;
};

AuditCollector::AuditCollector(AuditCollectorOptions options, std::unique_ptr<LoopThread> thread)
    : options_(std::move(options)), thread_(std::move(thread)) {
  thread_->call([this] { sender_ = std::make_unique<Sender>(*this); });
}

Result<std::unique_ptr<AuditCollector>> AuditCollector::start(AuditCollectorOptions options) {
  auto thread = TRY(LoopThread::start("audit"));
  return std::unique_ptr<AuditCollector>(new AuditCollector(std::move(options), std::move(thread)));
}

AuditCollector::~AuditCollector() {
  thread_->call([this] {
    sender_->finish();
    sender_.reset();
  });
}

Result<void> AuditCollector::write(const std::string& event) {
  if (++waiting_ > options_.max_buffer) {
    --waiting_;
    ++dropped_;
    return error(Code::ResourceExhausted, "audit webhook: {} events wait, one more is dropped",
                 options_.max_buffer);
  }
  thread_->post([this, event] { sender_->add(event); });
  return {};
}

}  // namespace gantry::kube
