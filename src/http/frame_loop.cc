// SPDX-License-Identifier: Apache-2.0
#include "http/frame_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include "base/event_loop.h"

namespace gantry::http {
namespace {

constexpr std::size_t kTakenAtOnce = 64 << 10;  // bytes
constexpr int kReadsAtOnce = 16;

}  // namespace

// Who has more to say. It may outlive the loop, in a source that somebody still holds.
struct FrameLoop::Wakes {
  void add(std::uint64_t id) {
    const MutexLock lock(mutex);
    ids.push_back(id);
    if (ids.size() > 1) return;
    const std::uint64_t one = 1;
    (void)!::write(event.get(), &one, sizeof one);  // cannot fail: one is far from the counter's end
  }
  std::vector<std::uint64_t> take() {
    const MutexLock lock(mutex);
    std::uint64_t count = 0;
    (void)!::read(event.get(), &count, sizeof count);
    return std::exchange(ids, {});
  }

  UniqueFd event;
  Mutex mutex;
  std::vector<std::uint64_t> ids GUARDED_BY(mutex);
};

// One of them; on the loop's thread.
class FrameLoop::Answer {
 public:
  Answer(Thread& thread, std::uint64_t id, Stream stream, std::shared_ptr<FrameSource> source,
         bool is_chunked);

  void open();
  // There may be more.
  void on_wake();

 private:
  void on_ready(std::uint32_t events);
  void on_timer();
  bool is_peer_there();
  void go_on();
  bool refill();
  void append(const std::vector<SharedBytes>& frames);
  void wait_for_room();
  void close();  // and with it this object

  Thread& thread_;
  const std::uint64_t id_;
  const bool is_chunked_;
  FrameSource::State state_ = FrameSource::State::Open;
  Stream stream_;
  std::shared_ptr<FrameSource> source_;
  std::string out_;
  std::size_t sent_ = 0;
  Watch watch_;  // after stream_, so that it stops before the descriptor closes
  Timer timer_;  // while the peer takes nothing
};

struct FrameLoop::Thread {
  Thread(std::unique_ptr<LoopThread> started, std::shared_ptr<Wakes> shared, std::chrono::milliseconds limit)
      : loop(std::move(started)),
        wakes(std::move(shared)),
        patience(limit),
        watch(loop->loop(), Callback::to<&Thread::on_wakes>(*this)) {}

  void on_wakes() {
    for (const std::uint64_t id : wakes->take())
      if (const auto found = answers.find(id); found != answers.end()) found->second->on_wake();
  }

  const std::unique_ptr<LoopThread> loop;
  const std::shared_ptr<Wakes> wakes;
  const std::chrono::milliseconds patience;
  // Of the loop's thread.
  std::unordered_map<std::uint64_t, std::unique_ptr<Answer>> answers;
  Watch watch;
};

// ---- An answer

FrameLoop::Answer::Answer(Thread& thread, std::uint64_t id, Stream stream,
                          std::shared_ptr<FrameSource> source, bool is_chunked)
    : thread_(thread),
      id_(id),
      is_chunked_(is_chunked),
      stream_(std::move(stream)),
      source_(std::move(source)),
      watch_(thread.loop->loop(), Callback::to<&Answer::on_ready>(*this)),
      timer_(thread.loop->loop(), Callback::to<&Answer::on_timer>(*this)) {}

void FrameLoop::Answer::open() {
  stream_.keep_alive();
  if (!watch_.start(stream_.fd(), EPOLLIN | EPOLLRDHUP)) return close();
  source_->set_wake([wakes = thread_.wakes, id = id_] { wakes->add(id); });
  go_on();
}

void FrameLoop::Answer::on_wake() {
  if (out_.empty()) go_on();
}

void FrameLoop::Answer::on_timer() {
  stream_.abort();
  close();
}

void FrameLoop::Answer::on_ready(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 && !is_peer_there()) return close();
  if (!out_.empty()) go_on();
}

// It has nothing to say any more, but that it goes. Who talks without end does so between the others' turns.
bool FrameLoop::Answer::is_peer_there() {
  std::byte ignored[4 << 10];
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const auto attempt = stream_.try_read(ignored);
    if (!attempt || (attempt->bytes == 0 && attempt->wants == Stream::Wants::Nothing)) return false;
    if (attempt->wants != Stream::Wants::Nothing) break;
  }
  return true;
}

void FrameLoop::Answer::go_on() {
  for (;;) {
    if (out_.empty() && !refill()) return;
    const auto attempt = stream_.try_write(std::as_bytes(std::span(out_)).subspan(sent_));
    if (!attempt) return close();
    sent_ += attempt->bytes;
    if (sent_ == out_.size()) {
      out_.clear();
      sent_ = 0;
      timer_.stop();
    } else if (attempt->wants != Stream::Wants::Nothing) {
      return wait_for_room();
    }
  }
}

void FrameLoop::Answer::wait_for_room() {
  watch_.wait_for(EPOLLIN | EPOLLRDHUP | EPOLLOUT);
  if (!timer_.is_started()) timer_.start(thread_.patience);
}

// Whether there is something to send; else it waits, or is closed.
bool FrameLoop::Answer::refill() {
  if (state_ == FrameSource::State::End) {
    (void)stream_.shut_down_writing();  // the peer may have gone
    close();
    return false;
  }
  std::vector<SharedBytes> frames;
  state_ = source_->take(frames, kTakenAtOnce);
  if (state_ == FrameSource::State::Cut) {
    stream_.abort();
    close();
    return false;
  }
  append(frames);
  if (!out_.empty()) return true;
  std::string().swap(out_);  // what is told next may be hours away
  watch_.wait_for(EPOLLIN | EPOLLRDHUP);
  return false;
}

void FrameLoop::Answer::append(const std::vector<SharedBytes>& frames) {
  std::size_t size = 0;
  for (const SharedBytes& frame : frames) size += frame.size();
  if (size != 0) {
    if (is_chunked_) fmt::format_to(std::back_inserter(out_), "{:x}\r\n", size);
    for (const SharedBytes& frame : frames) out_ += frame.view();
    if (is_chunked_) out_ += "\r\n";
  }
  if (state_ == FrameSource::State::End && is_chunked_) out_ += "0\r\n\r\n";
}

void FrameLoop::Answer::close() { thread_.answers.erase(id_); }

// ---- All of them

FrameLoop::FrameLoop(std::chrono::milliseconds patience) : patience_(patience) {}

FrameLoop::~FrameLoop() {
  const MutexLock lock(mutex_);
  if (!thread_) return;
  thread_->loop->call([&thread = *thread_] {
    thread.answers.clear();
    thread.watch.stop();
  });
}

Result<void> FrameLoop::add(Stream stream, std::shared_ptr<FrameSource> source, bool is_chunked) {
  const MutexLock lock(mutex_);
  if (!thread_) {
    auto wakes = std::make_shared<Wakes>();
    wakes->event = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wakes->event) return sys_error("make an eventfd");
    auto loop = TRY(LoopThread::start("http-frames"));
    thread_ = std::make_unique<Thread>(std::move(loop), std::move(wakes), patience_);
    TRY(thread_->loop->call(
        [&thread = *thread_] { return thread.watch.start(thread.wakes->event.get(), EPOLLIN); }));
  }
  Thread& thread = *thread_;
  const std::uint64_t id = next_++;
  thread.loop->post([&thread, id, is_chunked, source = std::move(source),
                     stream = std::make_unique<Stream>(std::move(stream))]() mutable {
    auto made = std::make_unique<Answer>(thread, id, std::move(*stream), std::move(source), is_chunked);
    Answer& answer = *made;
    thread.answers.emplace(id, std::move(made));
    answer.open();
  });
  return {};
}

}  // namespace gantry::http
