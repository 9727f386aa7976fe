// SPDX-License-Identifier: Apache-2.0
#include "engine/log_drivers.h"

#include <fcntl.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/timestamp.h"
#include "engine/log_address.h"
#include "engine/log_connection.h"
#include "engine/log_encoder.h"
#include "engine/log_reader.h"
#include "engine/log_tag.h"

namespace gantry::engine {
namespace {

// Should nobody tell that a service takes more again.
constexpr std::chrono::milliseconds kLook{50};

// How far it came: the time of the last record that was sent, and how many of that time were.
struct LogMark {
  std::string time;
  std::uint64_t count = 0;
};

Result<LogMark> read_mark(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (!text && text.error().code() == Code::NotFound) return LogMark{};
  if (!text) return error(text.error().code(), "{}", text.error().message());
  LogMark mark;
  if (text->size() < kTimestampSize + 2 || !parse_timestamp(text->substr(0, kTimestampSize))) return mark;
  mark.time = text->substr(0, kTimestampSize);
  (void)std::from_chars(text->data() + kTimestampSize + 1, text->data() + text->size(), mark.count);
  return mark;
}

}  // namespace

struct LogForwarder::State {
  State(EventLoop& l, ThreadPool& d, LogChanges& changes, LogForwarderOptions o, const Logger& logger)
      : loop(l),
        dialers(d),
        options(std::move(o)),
        log(logger),
        interest(changes),
        timer(loop, Callback::to<&State::pump>(*this)) {}

  void pump();
  bool send_batch();
  bool is_sent_already(const LogRecord& record);
  void note(const LogRecord& record);
  void save();
  void wait_for_service(const Error& why);
  void on_room();
  void give_up();

  EventLoop& loop;
  ThreadPool& dialers;
  const LogForwarderOptions options;
  const Logger& log;
  std::unique_ptr<LogEncoder> encoder;
  std::optional<LogConnection> connection;
  std::optional<LogReader> reader;
  LogReader::Batch batch;
  std::size_t sent = 0;  // records of the batch
  LogMark mark;
  std::uint64_t to_skip = 0;  // records of the mark's time that were sent by an earlier process
  bool has_unsaved = false;
  bool is_down = false;        // the service did not answer, and that was said
  std::uint32_t failures = 0;  // since it did
  bool is_done = false;
  LogChanges::Interest interest;
  Timer timer;
};

LogForwarder::LogForwarder(EventLoop& loop, ThreadPool& dialers, LogChanges& changes,
                           LogForwarderOptions options, const Logger& log)
    : state_(std::make_unique<State>(loop, dialers, changes, std::move(options), log)) {}
LogForwarder::~LogForwarder() = default;

Result<void> LogForwarder::start() {
  State& s = *state_;
  const LogForwarderOptions& options = s.options;
  const std::string tag = TRY(expand_log_tag(options.settings.tag, {.id = options.container_id,
                                                                    .name = options.container_name,
                                                                    .image_name = options.image_name,
                                                                    .image_id = options.image_id}));
  s.encoder = TRY(make_log_encoder(options.settings, {.container_id = options.container_id,
                                                      .container_name = options.container_name,
                                                      .image_name = options.image_name,
                                                      .tag = tag}));
  s.connection.emplace(s.loop, s.dialers, TRY(LogAddress::of(options.settings)), [&s] { s.on_room(); });
  s.mark = TRY(read_mark(options.position_path));
  s.to_skip = s.mark.count;
  TRY(s.interest.start(options.log_path, Callback::to<&State::pump>(s)));
  LogQuery query{.follow = true};
  if (!s.mark.time.empty()) query.since = parse_timestamp(s.mark.time);
  s.reader.emplace(TRY(LogReader::open(options.log_path, query)));
  s.pump();
  return {};
}

void LogForwarder::finish() {
  if (!state_->reader) return;
  state_->reader->finish();
  state_->pump();
}

bool LogForwarder::is_done() const { return state_->is_done; }

// Sends what there is, until the log or the service has no more.
void LogForwarder::State::pump() {
  if (is_done || !reader || timer.is_started()) return;
  for (;;) {
    if (!send_batch()) return;
    if (batch.status == LogReader::Status::End) is_done = true;
    const bool has_paused = batch.status != LogReader::Status::More;
    batch = {};
    sent = 0;
    if (has_paused || is_done) break;
    Result<LogReader::Batch> next = reader->next();
    if (!next) {
      log.warn("a container's log cannot be read and is sent no further",
               {{"container", options.container_id}, {"error", next.error().message()}});
      is_done = true;
      break;
    }
    batch = *next;
  }
  save();
}

// False: the service takes no more now.
bool LogForwarder::State::send_batch() {
  for (; sent < batch.records.size(); ++sent) {
    const LogRecord& record = batch.records[sent];
    if (is_sent_already(record)) continue;
    if (Result<void> result = connection->send(encoder->encode(record), encoder->receipt(record)); !result) {
      wait_for_service(result.error());
      return false;
    }
    is_down = false;
    failures = 0;
    note(record);
  }
  return true;
}

bool LogForwarder::State::is_sent_already(const LogRecord& record) {
  if (to_skip == 0) return false;
  if (record.time != mark.time) {
    to_skip = 0;
    return false;
  }
  --to_skip;
  return true;
}

void LogForwarder::State::note(const LogRecord& record) {
  if (record.time == mark.time) {
    ++mark.count;
  } else {
    mark.time = record.time;
    mark.count = 1;
  }
  has_unsaved = true;
}

void LogForwarder::State::save() {
  if (!std::exchange(has_unsaved, false)) return;
  const Result<void> saved =
      replace_file_at(AT_FDCWD, options.position_path, fmt::format("{} {}\n", mark.time, mark.count), 0600);
  if (!saved)
    log.warn("it could not be noted how far a container's log was sent: a restart would repeat some",
             {{"container", options.container_id}, {"error", saved.error().message()}});
}

void LogForwarder::State::wait_for_service(const Error& why) {
  save();
  if (why.errno_value() == EAGAIN) return timer.start(kLook);  // a full socket is no news
  if (options.settings.max_retries && failures++ >= *options.settings.max_retries) return give_up();
  if (!is_down) {
    is_down = true;
    log.warn("a log service does not answer; its part of the log is sent when it does",
             {{"container", options.container_id},
              {"driver", name_of(options.settings.driver)},
              {"error", why.message()}});
  }
  timer.start(options.settings.retry_wait);
}

void LogForwarder::State::give_up() {
  is_done = true;
  log.error("a log service did not answer as often as it was to be tried; the log is in its files alone",
            {{"container", options.container_id}, {"driver", name_of(options.settings.driver)}});
}

void LogForwarder::State::on_room() {
  timer.stop();
  pump();
}

}  // namespace gantry::engine
