// SPDX-License-Identifier: Apache-2.0
#include "http/http2/connection.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <thread>

#include "base/mutex.h"
#include "base/thread_pool.h"

namespace gantry::http {
namespace {

constexpr std::size_t kMostPending = 256 << 10;  // bytes of one exchange that were written and not sent
constexpr std::size_t kBatch = 64 << 10;         // bytes that go to the socket at once

struct SessionDelete {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
struct CallbacksDelete {
  void operator()(nghttp2_session_callbacks* callbacks) const { nghttp2_session_callbacks_del(callbacks); }
};
struct OptionDelete {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
using Session = std::unique_ptr<nghttp2_session, SessionDelete>;

// Borrows the fields; nghttp2 copies them when they are submitted.
std::vector<nghttp2_nv> pairs_of(const HeaderFields& fields) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(fields.size());
  for (const auto& [name, value] : fields) {
    auto* name_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    auto* value_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    pairs.push_back({name_bytes, value_bytes, name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return pairs;
}

bool is_interim(const HeaderFields& head) { return value_of(head, ":status").starts_with('1'); }

}  // namespace

std::string_view value_of(const HeaderFields& fields, std::string_view name) {
  for (const auto& [key, value] : fields)
    if (key == name) return value;
  return {};
}

// Everything in here is guarded by the connection's mutex.
struct Http2Exchange::State {
  enum class End : std::uint8_t { Open, GivenUp, ConnectionOver };

  explicit State(std::shared_ptr<Http2Connection::Impl> connection) : impl(std::move(connection)) {}

  Error failure() const {
    if (end == End::Open && has_ended) return error(Code::Conflict, "the peer has ended the exchange");
    if (end == End::GivenUp)
      return error(Code::Conflict, "the peer gave the exchange up (HTTP/2 error {})", reason);
    return error(Code::Unavailable, "the HTTP/2 connection is over");
  }
  std::size_t unread() const { return in.size() - in_offset; }
  std::size_t pending() const { return out.size() - out_offset; }
  // What was sent goes when it is the larger part: a peer that is slower than the writer never has it all.
  void append_out(std::string_view bytes) {
    if (out_offset > out.size() / 2) {
      out.erase(0, out_offset);
      out_offset = 0;
    }
    out += bytes;
  }

  // Until something changes; false: the deadline has passed.
  bool wait(Mutex& mutex) REQUIRES(mutex) {
    if (deadline) return changed.wait_until(mutex, *deadline) || std::chrono::steady_clock::now() < *deadline;
    changed.wait(mutex);
    return true;
  }

  const std::shared_ptr<Http2Connection::Impl> impl;
  std::int32_t id = 0;
  std::optional<Stream::Time> deadline;
  End end = End::Open;
  std::uint32_t reason = 0;   // of the peer who gave up
  bool is_closed = false;     // nghttp2 has forgotten it
  bool is_abandoned = false;  // nobody here reads any more
  std::vector<std::function<void()>> on_over;
  CondVar changed;

  HeaderFields head, trailers;
  std::size_t head_size = 0;  // bytes of both
  bool has_head = false;
  bool has_ended = false;  // the peer's direction
  std::string in;
  std::size_t in_offset = 0;

  std::string out;
  std::size_t out_offset = 0;
  bool is_finished = false;  // this side's direction
  HeaderFields out_trailers;
  bool is_waiting = false;  // nghttp2 does not ask for more until it is told

  // In place of `out`: where the body comes from, and what was taken of it.
  std::shared_ptr<FrameSource> source;
  FrameSource::State source_state = FrameSource::State::Open;
  std::vector<SharedBytes> frames;
  std::size_t next_frame = 0;
  std::size_t frame_offset = 0;  // of the next one
};

struct Http2Connection::Impl : std::enable_shared_from_this<Impl> {
  using State = Http2Exchange::State;
  using End = State::End;

  Impl(Stream connected, Handler on_request, const Http2Options& connection_options)
      : stream(std::move(connected)), handler(std::move(on_request)), options(connection_options) {}

  Result<void> open(bool is_server);
  void run();
  void wake() REQUIRES(mutex);
  void wake_source(std::int32_t id);
  void resume_sources() REQUIRES(mutex);
  void drop_source(State& state) REQUIRES(mutex);
  Result<bool> exchange_bytes();
  Result<void> wait_for_events();
  void end_if_idle() REQUIRES(mutex);
  std::optional<Stream::Time> end_of_patience() const;
  Result<void> fill() REQUIRES(mutex);
  Result<void> receive();
  void end_all();
  void fail(State& state, End end, std::uint32_t reason) REQUIRES(mutex);
  void consume(State& state, std::size_t bytes) REQUIRES(mutex);
  nghttp2_data_provider provider_of(State& state);
  State* find(std::int32_t id) REQUIRES(mutex);

  // nghttp2's callbacks, all within mem_recv and mem_send, which run with the mutex held.
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* self);
  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self);
  static int data_received(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                           std::size_t size, void* self);
  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t reason, void* self);
  static ssize_t read_out(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source* source, void* self);
  static ssize_t read_source(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t size,
                             std::uint32_t* flags, nghttp2_data_source* source, void* self);

  // Of the thread alone.
  Stream stream;
  std::string batch;
  std::size_t batch_sent = 0;
  Stream::Wants reading = Stream::Wants::Reading;
  Stream::Wants writing = Stream::Wants::Writing;
  Stream::Time last_busy = std::chrono::steady_clock::now();  // with an exchange
  Stream::Time last_sent = last_busy;                         // anything of what waits, or all of it

  const Handler handler;
  const Http2Options options;
  UniqueFd wake_up;
  std::thread thread;
  std::unique_ptr<ThreadPool> own_pool;  // of a server
  ThreadPool* pool = nullptr;

  // Sources that have more, by exchange. A lock of its own: sources call while they hold theirs, and are
  // asked while the connection holds the one below.
  Mutex woken_mutex;
  std::vector<std::int32_t> woken GUARDED_BY(woken_mutex);

  mutable Mutex mutex;  // guards what follows, and every exchange
  Session session GUARDED_BY(mutex);
  std::map<std::int32_t, std::shared_ptr<State>> exchanges GUARDED_BY(mutex);
  std::vector<std::function<void()>> to_call GUARDED_BY(mutex);  // when the mutex is free again
  std::vector<std::function<void()>> on_over GUARDED_BY(mutex);
  bool is_woken GUARDED_BY(mutex) = false;
  bool is_cut GUARDED_BY(mutex) = false;
  bool is_over GUARDED_BY(mutex) = false;
  CondVar ended;
};

// ---- The connection's thread

Result<void> Http2Connection::Impl::open(bool is_server) {
  wake_up = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up) return sys_error("make an eventfd");

  nghttp2_session_callbacks* made = nullptr;
  nghttp2_session_callbacks_new(&made);
  const std::unique_ptr<nghttp2_session_callbacks, CallbacksDelete> callbacks(made);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(made, header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, frame_sent);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, data_received);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
  nghttp2_option* made_option = nullptr;
  nghttp2_option_new(&made_option);
  const std::unique_ptr<nghttp2_option, OptionDelete> option(made_option);
  nghttp2_option_set_no_auto_window_update(made_option, 1);

  const MutexLock lock(mutex);
  nghttp2_session* made_session = nullptr;
  const int failed = is_server ? nghttp2_session_server_new2(&made_session, made, this, made_option)
                               : nghttp2_session_client_new2(&made_session, made, this, made_option);
  if (failed != 0) return error(Code::ResourceExhausted, "begin HTTP/2: {}", nghttp2_strerror(failed));
  session.reset(made_session);
  const std::array<nghttp2_settings_entry, 3> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, is_server ? options.max_exchanges : 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options.max_head},
  }};
  nghttp2_submit_settings(session.get(), NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  // As much as all exchanges may hold: those that nobody reads yet must not stop those that somebody does.
  const std::uint64_t whole = std::uint64_t{options.max_exchanges} * options.window;
  nghttp2_session_set_local_window_size(session.get(), NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(std::min<std::uint64_t>(whole, INT32_MAX)));
  return {};
}

void Http2Connection::Impl::wake() {
  if (is_woken) return;
  is_woken = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_up.get(), &one, sizeof one);  // cannot fail: one is far from the counter's end
}

void Http2Connection::Impl::wake_source(std::int32_t id) {
  const MutexLock lock(woken_mutex);
  woken.push_back(id);
  const std::uint64_t one = 1;
  if (woken.size() == 1) (void)!::write(wake_up.get(), &one, sizeof one);  // as above
}

void Http2Connection::Impl::resume_sources() {
  std::vector<std::int32_t> ids;
  {
    const MutexLock lock(woken_mutex);
    ids.swap(woken);
  }
  for (const std::int32_t id : ids)
    if (State* state = find(id); state != nullptr && std::exchange(state->is_waiting, false))
      nghttp2_session_resume_data(session.get(), id);
}

// Its destructor may want locks: it runs when this one is free.
void Http2Connection::Impl::drop_source(State& state) {
  if (state.source) to_call.push_back([source = std::exchange(state.source, nullptr)] {});
}

void Http2Connection::Impl::run() {
  // Why it ends is no news to anybody: each exchange that was not complete says so to its owner.
  while (exchange_bytes().value_or(false)) {
  }
  end_all();
}

// One round: what waits goes out, then whatever happens next. False when both sides have nothing more to say.
Result<bool> Http2Connection::Impl::exchange_bytes() {
  std::vector<std::function<void()>> calls;
  {
    const MutexLock lock(mutex);
    if (is_cut) return false;
    end_if_idle();
    resume_sources();
    TRY(fill());
    calls.swap(to_call);
    if (batch.empty() && nghttp2_session_want_read(session.get()) == 0 &&
        nghttp2_session_want_write(session.get()) == 0)
      return false;
  }
  for (const auto& call : calls) call();
  calls.clear();  // before it waits: what they hold may be the last of it

  if (!batch.empty()) {
    const auto attempt = TRY(stream.try_write(std::as_bytes(std::span(batch)).subspan(batch_sent)));
    batch_sent += attempt.bytes;
    if (attempt.bytes > 0) last_sent = std::chrono::steady_clock::now();
    if (batch_sent == batch.size()) {
      batch.clear();
      batch_sent = 0;
      const MutexLock lock(mutex);
      if (nghttp2_session_want_write(session.get()) != 0) return true;
    }
    writing = attempt.wants == Stream::Wants::Nothing ? Stream::Wants::Writing : attempt.wants;
  }

  TRY(wait_for_events());
  return true;
}

// Until the peer, this side or the clock has something to say.
Result<void> Http2Connection::Impl::wait_for_events() {
  int patience = stream.has_buffered() ? 0 : -1;  // milliseconds
  if (const auto end = end_of_patience(); end && patience != 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end - std::chrono::steady_clock::now());
    if (left.count() <= 0 && !batch.empty())
      return error(Code::TimedOut, "the peer takes nothing of what is sent (HTTP/2)");
    patience = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }
  short events = reading == Stream::Wants::Writing ? POLLOUT : POLLIN;
  if (!batch.empty()) events |= writing == Stream::Wants::Reading ? POLLIN : POLLOUT;
  std::array<pollfd, 2> watched = {{{stream.fd(), events, 0}, {wake_up.get(), POLLIN, 0}}};
  if (::poll(watched.data(), watched.size(), patience) < 0 && errno != EINTR)
    return sys_error("wait for an HTTP/2 connection");
  if (batch.empty()) last_sent = std::chrono::steady_clock::now();
  if (watched[1].revents != 0) {
    std::uint64_t count = 0;
    const MutexLock lock(mutex);
    (void)!::read(wake_up.get(), &count, sizeof count);
    is_woken = false;
  }
  if (watched[0].revents != 0 || stream.has_buffered()) TRY(receive());
  return {};
}

// What holds a peer's place is a request; half a head is none.
void Http2Connection::Impl::end_if_idle() {
  const auto now = std::chrono::steady_clock::now();
  if (std::ranges::any_of(exchanges, [](const auto& entry) { return entry.second->has_head; }))
    last_busy = now;
  if (options.idle_timeout.count() != 0 && now >= last_busy + options.idle_timeout)
    nghttp2_session_terminate_session(session.get(), NGHTTP2_NO_ERROR);
}

std::optional<Stream::Time> Http2Connection::Impl::end_of_patience() const {
  if (!batch.empty())
    return options.send_timeout.count() == 0 ? std::nullopt : std::optional(last_sent + options.send_timeout);
  return options.idle_timeout.count() == 0 ? std::nullopt : std::optional(last_busy + options.idle_timeout);
}

Result<void> Http2Connection::Impl::fill() {
  while (batch.size() < kBatch) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session.get(), &data);
    if (size < 0) return error(Code::DataLoss, "HTTP/2: {}", nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) break;
    batch.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  return {};
}

Result<void> Http2Connection::Impl::receive() {
  std::array<std::byte, 32 << 10> buffer;
  const auto attempt = TRY(stream.try_read(buffer));
  reading = attempt.wants == Stream::Wants::Nothing ? Stream::Wants::Reading : attempt.wants;
  if (attempt.bytes == 0) {
    if (attempt.wants != Stream::Wants::Nothing) return {};
    return error(Code::Unavailable, "the peer closed the HTTP/2 connection");
  }
  const MutexLock lock(mutex);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(buffer.data());
  const ssize_t taken = nghttp2_session_mem_recv(session.get(), bytes, attempt.bytes);
  if (taken < 0) return error(Code::DataLoss, "HTTP/2: {}", nghttp2_strerror(static_cast<int>(taken)));
  return {};
}

void Http2Connection::Impl::end_all() {
  std::vector<std::function<void()>> calls;
  {
    const MutexLock lock(mutex);
    is_over = true;
    for (const auto& [id, state] : exchanges) fail(*state, End::ConnectionOver, 0);
    exchanges.clear();
    calls.swap(to_call);
    calls.insert(calls.end(), std::make_move_iterator(on_over.begin()),
                 std::make_move_iterator(on_over.end()));
    on_over.clear();
    session.reset();
    ended.notify_all();
  }
  for (const auto& call : calls) call();
  (void)stream.shut_down_writing();  // the peer may have gone
}

void Http2Connection::Impl::fail(State& state, End end, std::uint32_t reason) {
  state.is_closed = true;
  drop_source(state);
  if (state.end == End::Open) {
    state.end = end;
    state.reason = reason;
    to_call.insert(to_call.end(), std::make_move_iterator(state.on_over.begin()),
                   std::make_move_iterator(state.on_over.end()));
  }
  state.on_over.clear();
  state.changed.notify_all();
}

// Lets the peer send as much again.
void Http2Connection::Impl::consume(State& state, std::size_t bytes) {
  if (!session || bytes == 0) return;
  if (state.is_closed)
    nghttp2_session_consume_connection(session.get(), bytes);
  else
    nghttp2_session_consume(session.get(), state.id, bytes);
  if (nghttp2_session_want_write(session.get()) != 0) wake();
}

nghttp2_data_provider Http2Connection::Impl::provider_of(State& state) {
  return {.source = {.ptr = &state}, .read_callback = read_out};
}

Http2Exchange::State* Http2Connection::Impl::find(std::int32_t id) {
  const auto found = exchanges.find(id);
  return found == exchanges.end() ? nullptr : found->second.get();
}

// ---- What nghttp2 calls

int Http2Connection::Impl::begin_headers(nghttp2_session*, const nghttp2_frame* frame,
                                         void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  const auto state = std::make_shared<State>(self.shared_from_this());
  state->id = frame->hd.stream_id;
  self.exchanges.emplace(state->id, state);
  return 0;
}

int Http2Connection::Impl::header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                                  std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                                  std::uint8_t, void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  State* state = self.find(frame->hd.stream_id);
  if (state == nullptr) return 0;
  state->head_size += name_size + value_size + 32;  // as RFC 9113 section 6.5.2 counts
  if (state->head_size > self.options.max_head) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  HeaderFields& fields = state->has_head ? state->trailers : state->head;
  fields.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                      std::string(reinterpret_cast<const char*>(value), value_size));
  return 0;
}

int Http2Connection::Impl::frame_received(nghttp2_session*, const nghttp2_frame* frame,
                                          void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  const auto found = self.exchanges.find(frame->hd.stream_id);
  if (found == self.exchanges.end()) return 0;
  const std::shared_ptr<State>& state = found->second;
  bool is_new_request = false;
  if (frame->hd.type == NGHTTP2_HEADERS && !state->has_head) {
    if (is_interim(state->head)) {
      state->head.clear();
      return 0;
    }
    state->has_head = true;
    is_new_request = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) state->has_ended = true;
  state->changed.notify_all();
  if (!is_new_request) return 0;
  const std::shared_ptr<Http2Exchange> exchange(new Http2Exchange(state));
  // The exchange keeps the connection.
  if (!self.pool->run([&self, exchange] { self.handler(exchange); }))
    nghttp2_submit_rst_stream(self.session.get(), NGHTTP2_FLAG_NONE, state->id, NGHTTP2_REFUSED_STREAM);
  self.to_call.push_back([exchange] {});  // its destructor wants the mutex
  return 0;
}

int Http2Connection::Impl::frame_sent(nghttp2_session*, const nghttp2_frame* frame,
                                      void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  if (!self.handler || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 ||
      (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
    return 0;
  // A complete answer whose request nobody reads to its end (RFC 9113 section 8.1).
  const State* state = self.find(frame->hd.stream_id);
  if (state != nullptr && state->is_abandoned && !state->has_ended)
    nghttp2_submit_rst_stream(self.session.get(), NGHTTP2_FLAG_NONE, state->id, NGHTTP2_NO_ERROR);
  return 0;
}

int Http2Connection::Impl::data_received(nghttp2_session*, std::uint8_t, std::int32_t id,
                                         const std::uint8_t* data, std::size_t size,
                                         void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  State* state = self.find(id);
  if (state == nullptr || state->is_abandoned) {
    nghttp2_session_consume(self.session.get(), id, size);
    return 0;
  }
  state->in.append(reinterpret_cast<const char*>(data), size);
  state->changed.notify_all();
  return 0;
}

int Http2Connection::Impl::stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t reason,
                                         void* pointer) NO_THREAD_SAFETY_ANALYSIS {
  auto& self = *static_cast<Impl*>(pointer);
  const auto found = self.exchanges.find(id);
  if (found == self.exchanges.end()) return 0;
  const std::shared_ptr<State> state = std::move(found->second);
  self.exchanges.erase(found);
  // A peer that has answered in full may close without waiting for the end of what it was asked.
  const bool is_done = state->is_finished && state->pending() == 0;
  if (state->has_ended && (is_done || reason == NGHTTP2_NO_ERROR)) {
    state->is_closed = true;
    self.drop_source(*state);
    state->changed.notify_all();
  } else {
    self.fail(*state, End::GivenUp, reason);
  }
  return 0;
}

ssize_t Http2Connection::Impl::read_out(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                                        std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                        void*) NO_THREAD_SAFETY_ANALYSIS {
  State& state = *static_cast<State*>(source->ptr);
  const std::size_t taken = std::min(size, state.pending());
  std::memcpy(into, state.out.data() + state.out_offset, taken);
  state.out_offset += taken;
  if (state.pending() == 0) {
    state.out.clear();
    state.out_offset = 0;
  }
  state.changed.notify_all();
  if (state.pending() == 0 && state.is_finished) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!state.out_trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto pairs = pairs_of(state.out_trailers);
      nghttp2_submit_trailer(session, id, pairs.data(), pairs.size());
    }
    return static_cast<ssize_t>(taken);
  }
  if (taken == 0) {
    state.is_waiting = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(taken);
}

ssize_t Http2Connection::Impl::read_source(nghttp2_session*, std::int32_t, std::uint8_t* into,
                                           std::size_t size, std::uint32_t* flags,
                                           nghttp2_data_source* source, void*) NO_THREAD_SAFETY_ANALYSIS {
  State& state = *static_cast<State*>(source->ptr);
  if (state.frames.empty() && state.source_state == FrameSource::State::Open)
    state.source_state = state.source->take(state.frames, kBatch);
  std::size_t filled = 0;
  while (filled < size && state.next_frame < state.frames.size()) {
    const std::string_view frame = state.frames[state.next_frame].view().substr(state.frame_offset);
    const std::size_t taken = std::min(size - filled, frame.size());
    std::memcpy(into + filled, frame.data(), taken);
    filled += taken;
    state.frame_offset += taken;
    if (taken == frame.size()) {
      state.frame_offset = 0;
      ++state.next_frame;
    }
  }
  if (state.next_frame < state.frames.size()) return static_cast<ssize_t>(filled);
  state.frames.clear();
  state.next_frame = 0;
  if (state.source_state == FrameSource::State::Cut) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (state.source_state == FrameSource::State::End) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (filled == 0) {
    state.is_waiting = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(filled);
}

// ---- An exchange

Http2Exchange::Http2Exchange(std::shared_ptr<State> state) : state_(std::move(state)) {}

Http2Exchange::~Http2Exchange() {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  const MutexLock lock(impl.mutex);
  state.is_abandoned = true;
  impl.consume(state, state.unread());
  state.in.clear();
  state.in_offset = 0;
  if (state.is_closed || !impl.session) return;
  if (!state.is_finished) {
    nghttp2_submit_rst_stream(impl.session.get(), NGHTTP2_FLAG_NONE, state.id, NGHTTP2_CANCEL);
    impl.wake();
  } else if (impl.handler == nullptr && !state.has_ended) {
    // Nobody waits for the answer.
    nghttp2_submit_rst_stream(impl.session.get(), NGHTTP2_FLAG_NONE, state.id, NGHTTP2_CANCEL);
    impl.wake();
  }
}

static Error too_late() { return error(Code::TimedOut, "the peer has not answered in time (HTTP/2)"); }

void Http2Exchange::set_deadline(Stream::Time deadline) {
  const MutexLock lock(state_->impl->mutex);
  state_->deadline = deadline;
}

Result<HeaderFields> Http2Exchange::head() {
  State& state = *state_;
  const MutexLock lock(state.impl->mutex);
  while (!state.has_head && state.end == State::End::Open)
    if (!state.wait(state.impl->mutex)) return too_late();
  if (!state.has_head) return state.failure();
  return state.head;
}

Result<std::size_t> Http2Exchange::read(std::span<std::byte> into) {
  State& state = *state_;
  const MutexLock lock(state.impl->mutex);
  while (state.unread() == 0 && !state.has_ended && state.end == State::End::Open)
    if (!state.wait(state.impl->mutex)) return too_late();
  if (state.unread() == 0) {
    if (state.has_ended) return std::size_t{0};
    return state.failure();
  }
  const std::size_t taken = std::min(into.size(), state.unread());
  std::memcpy(into.data(), state.in.data() + state.in_offset, taken);
  state.in_offset += taken;
  if (state.unread() == 0) {
    state.in.clear();
    state.in_offset = 0;
  } else if (state.in_offset > state.in.size() / 2) {
    state.in.erase(0, state.in_offset);
    state.in_offset = 0;
  }
  state.impl->consume(state, taken);
  return taken;
}

bool Http2Exchange::is_read() const {
  const MutexLock lock(state_->impl->mutex);
  return state_->has_ended && state_->unread() == 0;
}

HeaderFields Http2Exchange::trailers() const {
  const MutexLock lock(state_->impl->mutex);
  return state_->has_ended ? state_->trailers : HeaderFields();
}

Result<void> Http2Exchange::respond(const HeaderFields& head, bool is_all) {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  const MutexLock lock(impl.mutex);
  if (state.is_closed || !impl.session) return state.failure();
  const auto pairs = pairs_of(head);
  const nghttp2_data_provider provider = impl.provider_of(state);
  state.is_finished = is_all;
  const int failed = nghttp2_submit_response(impl.session.get(), state.id, pairs.data(), pairs.size(),
                                             is_all ? nullptr : &provider);
  if (failed != 0) return error(Code::Internal, "answer by HTTP/2: {}", nghttp2_strerror(failed));
  impl.wake();
  return {};
}

Result<void> Http2Exchange::respond(const HeaderFields& head, std::shared_ptr<FrameSource> source) {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  source->set_wake([weak = std::weak_ptr(state.impl), id = state.id] {
    if (const auto connection = weak.lock()) connection->wake_source(id);
  });
  const MutexLock lock(impl.mutex);
  if (state.is_closed || !impl.session) return state.failure();
  state.source = std::move(source);
  state.is_finished = true;
  const auto pairs = pairs_of(head);
  const nghttp2_data_provider provider{.source = {.ptr = &state},
                                       .read_callback = Http2Connection::Impl::read_source};
  const int failed =
      nghttp2_submit_response(impl.session.get(), state.id, pairs.data(), pairs.size(), &provider);
  if (failed != 0) return error(Code::Internal, "answer by HTTP/2: {}", nghttp2_strerror(failed));
  impl.wake();
  return {};
}

Result<void> Http2Exchange::write(std::span<const std::byte> from) {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  const MutexLock lock(impl.mutex);
  while (state.pending() >= kMostPending && !state.is_closed)
    if (!state.wait(impl.mutex)) return too_late();
  if (state.is_closed || !impl.session) return state.failure();
  if (state.is_finished) return error(Code::Internal, "write to an exchange that is finished");
  state.append_out({reinterpret_cast<const char*>(from.data()), from.size()});
  if (std::exchange(state.is_waiting, false)) nghttp2_session_resume_data(impl.session.get(), state.id);
  impl.wake();
  return {};
}

Result<void> Http2Exchange::finish(const HeaderFields& trailers) {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  const MutexLock lock(impl.mutex);
  if (state.is_finished || (state.is_closed && state.has_ended)) return {};
  if (state.is_closed || !impl.session) return state.failure();
  state.is_finished = true;
  state.out_trailers = trailers;
  if (std::exchange(state.is_waiting, false)) nghttp2_session_resume_data(impl.session.get(), state.id);
  impl.wake();
  return {};
}

void Http2Exchange::cancel() {
  State& state = *state_;
  Http2Connection::Impl& impl = *state.impl;
  const MutexLock lock(impl.mutex);
  if (state.is_closed || !impl.session) return;
  nghttp2_submit_rst_stream(impl.session.get(), NGHTTP2_FLAG_NONE, state.id, NGHTTP2_CANCEL);
  impl.wake();
}

bool Http2Exchange::is_over() const {
  const MutexLock lock(state_->impl->mutex);
  return state_->end != State::End::Open;
}

void Http2Exchange::on_over(std::function<void()> callback) {
  {
    const MutexLock lock(state_->impl->mutex);
    if (state_->end == State::End::Open) {
      if (!state_->is_closed) state_->on_over.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

// ---- A connection

Http2Connection::Http2Connection(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Http2Connection>> Http2Connection::serve(Stream stream, Handler handler,
                                                                const Http2Options& options) {
  auto impl = std::make_shared<Impl>(std::move(stream), std::move(handler), options);
  if (options.pool == nullptr)
    impl->own_pool = std::make_unique<ThreadPool>(ThreadPool::Options{
        .name = "http2", .max_threads = options.max_exchanges, .max_waiting = options.max_exchanges});
  impl->pool = options.pool == nullptr ? impl->own_pool.get() : options.pool;
  TRY(impl->open(true));
  impl->thread = std::thread([impl] { impl->run(); });
  return std::unique_ptr<Http2Connection>(new Http2Connection(std::move(impl)));
}

Result<std::unique_ptr<Http2Connection>> Http2Connection::connect(Stream stream,
                                                                  const Http2Options& options) {
  auto impl = std::make_shared<Impl>(std::move(stream), nullptr, options);
  TRY(impl->open(false));
  impl->thread = std::thread([impl] { impl->run(); });
  return std::unique_ptr<Http2Connection>(new Http2Connection(std::move(impl)));
}

Http2Connection::~Http2Connection() {
  cut();
  if (impl_->thread.get_id() == std::this_thread::get_id())
    impl_->thread.detach();  // it keeps what it needs
  else
    impl_->thread.join();
  impl_->own_pool.reset();  // waits for the handlers
}

Result<std::shared_ptr<Http2Exchange>> Http2Connection::request(const HeaderFields& head, bool is_all) {
  const MutexLock lock(impl_->mutex);
  if (!impl_->session) return error(Code::Unavailable, "the HTTP/2 connection is over");
  auto state = std::make_shared<Http2Exchange::State>(impl_);
  const auto pairs = pairs_of(head);
  const nghttp2_data_provider provider = impl_->provider_of(*state);
  state->is_finished = is_all;
  state->id = nghttp2_submit_request(impl_->session.get(), nullptr, pairs.data(), pairs.size(),
                                     is_all ? nullptr : &provider, nullptr);
  if (state->id < 0) return error(Code::Unavailable, "ask by HTTP/2: {}", nghttp2_strerror(state->id));
  impl_->exchanges.emplace(state->id, state);
  impl_->wake();
  return std::shared_ptr<Http2Exchange>(new Http2Exchange(std::move(state)));
}

void Http2Connection::wait() {
  const MutexLock lock(impl_->mutex);
  while (!impl_->is_over) impl_->ended.wait(impl_->mutex);
}

bool Http2Connection::is_over() const {
  const MutexLock lock(impl_->mutex);
  return impl_->is_over;
}

void Http2Connection::close() {
  const MutexLock lock(impl_->mutex);
  if (!impl_->session) return;
  nghttp2_submit_goaway(impl_->session.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(impl_->session.get()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  impl_->wake();
}

void Http2Connection::cut() {
  const MutexLock lock(impl_->mutex);
  impl_->is_cut = true;
  impl_->wake();
}

void Http2Connection::on_over(std::function<void()> callback) {
  {
    const MutexLock lock(impl_->mutex);
    if (!impl_->is_over) {
      impl_->on_over.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

}  // namespace gantry::http
