// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/human.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/printable.h"

namespace gantry::cli {
namespace {

using image::TransferEvent;
using image::TransferState;
using std::chrono::steady_clock;

constexpr std::size_t kNote = 1000;  // bytes of foreign text in a line

// A sentence of ours, in which quotes are quotes; parts of it may be foreign text that a terminal would obey.
std::string line_of(std::string_view sentence) {
  std::string line;
  for (;;) {
    const std::size_t quote = sentence.find('\'');
    line += printable(sentence.substr(0, quote), kNote);
    if (quote == sentence.npos || line.size() >= kNote) return line;
    line += '\'';
    sentence.remove_prefix(quote + 1);
  }
}

std::string_view word_of(TransferState state) {
  switch (state) {
    case TransferState::Waiting: return "Waiting";
    case TransferState::Exists: return "Already exists";
    case TransferState::Mounted: return "Mounted from another repository";
    case TransferState::Downloading: return "Downloading";
    case TransferState::Uploading: return "Uploading";
    case TransferState::Unpacking: return "Unpacking";
    case TransferState::Retrying: return "Retrying";
    case TransferState::Done: return "Complete";
  }
  return "";
}

bool is_moving(TransferState state) {
  return state == TransferState::Downloading || state == TransferState::Uploading;
}

std::string short_name(const oci::Descriptor& blob) { return blob.digest.hex().substr(0, 12); }

void write(std::string_view text) { (void)write_all(STDERR_FILENO, text, "standard error"); }

// ---- One line a change

class Lines final : public image::ProgressSink {
 public:
  void on_blob(const TransferEvent& event) override {
    MutexLock lock(mutex_);
    const auto [last, is_new] = last_.try_emplace(event.blob.digest, event.state);
    const bool is_same = !is_new && std::exchange(last->second, event.state) == event.state;
    if (is_same && event.state != TransferState::Retrying) return;
    write(fmt::format("{}: {}{}{}\n", short_name(event.blob), word_of(event.state),
                      event.note.empty() ? "" : ": ", line_of(event.note)));
  }
  void on_note(std::string_view line) override { write(line_of(line) + "\n"); }

 private:
  Mutex mutex_;  // guards what follows
  std::map<oci::Digest, TransferState> last_ GUARDED_BY(mutex_);
};

// ---- One object a line

class JsonLines final : public image::ProgressSink {
 public:
  void on_blob(const TransferEvent& event) override {
    json::Writer writer(json::Style::Compact);
    writer.begin_object();
    writer.key("digest").value(event.blob.digest.str());
    writer.key("state").value(word_of(event.state));
    writer.key("done").value(event.done);
    writer.key("total").value(event.total);
    if (!event.note.empty()) writer.key("note").value(event.note);
    writer.end_object();
    write(std::move(writer).text() + "\n");
  }
  void on_note(std::string_view line) override {
    json::Writer writer(json::Style::Compact);
    writer.begin_object();
    writer.key("note").value(line);
    writer.end_object();
    write(std::move(writer).text() + "\n");
  }
};

// ---- Bars

class Bars final : public image::ProgressSink {
 public:
  ~Bars() override {
    MutexLock lock(mutex_);
    draw();
  }

  void on_blob(const TransferEvent& event) override {
    MutexLock lock(mutex_);
    const auto [place, is_new] = index_.try_emplace(event.blob.digest, rows_.size());
    if (is_new) rows_.push_back({.name = short_name(event.blob)});
    Row& row = rows_[place->second];
    if (is_moving(event.state) && !is_moving(row.state))
      row.begun = steady_clock::now(), row.begun_at = event.done;
    row.state = event.state;
    row.done = event.done;
    row.total = event.total;
    row.note = line_of(event.note);
    const auto now = steady_clock::now();
    if (is_moving(event.state) && now - drawn_ < kInterval) return;
    drawn_ = now;
    draw();
  }

  void on_note(std::string_view line) override {
    MutexLock lock(mutex_);
    go_up();
    write(line_of(line) + "\033[K\n");
    lines_ = 0;
    draw();
  }

 private:
  static constexpr std::chrono::milliseconds kInterval{100};
  static constexpr std::size_t kBar = 30;

  struct Row {
    std::string name;
    TransferState state = TransferState::Waiting;
    std::uint64_t done = 0, total = 0;
    std::string note;
    steady_clock::time_point begun{};
    std::uint64_t begun_at = 0;
  };

  static std::string bar(const Row& row) {
    const double part = row.total == 0 ? 1 : static_cast<double>(row.done) / static_cast<double>(row.total);
    const auto filled = static_cast<std::size_t>(part * kBar);
    const double seconds = std::chrono::duration<double>(steady_clock::now() - row.begun).count();
    const double rate =
        seconds > 0 ? static_cast<double>(row.done - std::min(row.done, row.begun_at)) / seconds : 0;
    return fmt::format("[{:=<{}}{:<{}}] {}/{} {}/s", "", filled, filled < kBar ? ">" : "", kBar - filled,
                       human_size(row.done), human_size(row.total),
                       human_size(static_cast<std::uint64_t>(rate)));
  }

  // To the first of the lines that were drawn.
  void go_up() const REQUIRES(mutex_) {
    if (lines_ > 0) write(fmt::format("\033[{}A\r", lines_));
  }

  void draw() REQUIRES(mutex_) {
    winsize window{};
    const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0;
    const std::size_t columns = is_known ? window.ws_col : 80;
    go_up();
    std::string text;
    for (const Row& row : rows_) {
      std::string line =
          fmt::format("{}: {} {}", row.name, word_of(row.state), is_moving(row.state) ? bar(row) : row.note);
      // A line that wraps would be counted wrong on the way up.
      if (line.size() >= columns) line.resize(columns - 1);
      text += line + "\033[K\n";
    }
    lines_ = rows_.size();
    write(text);
  }

  Mutex mutex_;  // guards what follows
  std::vector<Row> rows_ GUARDED_BY(mutex_);
  std::map<oci::Digest, std::size_t> index_ GUARDED_BY(mutex_);
  std::size_t lines_ GUARDED_BY(mutex_) = 0;  // on the terminal
  steady_clock::time_point drawn_ GUARDED_BY(mutex_){};
};

}  // namespace

Result<ProgressForm> parse_progress_form(const std::string& word) {
  if (word == "auto") return ProgressForm::Auto;
  if (word == "bars" || word == "tty") return ProgressForm::Bars;
  if (word == "lines" || word == "plain") return ProgressForm::Lines;
  if (word == "json" || word == "rawjson") return ProgressForm::Json;
  if (word == "none" || word == "quiet") return ProgressForm::None;
  return error(Code::InvalidArgument, "option '--progress' is auto, bars, lines, json or none, not '{}'",
               word);
}

std::unique_ptr<image::ProgressSink> show_progress(ProgressForm form) {
  if (form == ProgressForm::Auto)
    form = ::isatty(STDERR_FILENO) == 1 ? ProgressForm::Bars : ProgressForm::Lines;
  switch (form) {
    case ProgressForm::Auto:
    case ProgressForm::Bars: return std::make_unique<Bars>();
    case ProgressForm::Lines: return std::make_unique<Lines>();
    case ProgressForm::Json: return std::make_unique<JsonLines>();
    case ProgressForm::None: return std::make_unique<image::NoProgress>();
  }
  return std::make_unique<image::NoProgress>();
}

}  // namespace gantry::cli
