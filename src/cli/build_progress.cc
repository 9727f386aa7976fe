// SPDX-License-Identifier: Apache-2.0
#include "cli/build_progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/human.h"
#include "base/mutex.h"
#include "build/shown_text.h"
#include "dockerfile/position.h"

namespace gantry::cli {
namespace {

using build::LogStream;
using build::Vertex;
using build::VertexId;
using Clock = std::chrono::steady_clock;

void write(std::string_view text) { (void)write_all(STDERR_FILENO, text, "standard error"); }

double seconds_since(Clock::time_point time) {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

// What is known of a vertex that was announced.
struct Step {
  std::size_t number = 0;
  std::string name;
  bool is_started = false, is_cached = false;
  Clock::time_point started;
  std::string partial;  // a line that is not complete yet
};

// What both forms share. The derived class writes.
class View : public build::ProgressSink {
 public:
  void on_vertex(const Vertex& vertex) override {
    MutexLock lock(mutex_);
    steps_[vertex.id] = {.number = ++count_, .name = vertex.name};
  }
  void on_started(const VertexId& id) override {
    MutexLock lock(mutex_);
    Step& step = steps_[id];
    if (step.is_started) return;
    step.is_started = true;
    step.started = Clock::now();
    begun(step);
  }
  void on_cached(const VertexId& id) override {
    MutexLock lock(mutex_);
    steps_[id].is_cached = true;
  }
  void on_finished(const VertexId& id, const Error* failure, std::string_view) override {
    MutexLock lock(mutex_);
    Step& step = steps_[id];
    if (!step.partial.empty()) line(step, std::exchange(step.partial, {}));
    finished(step, failure);
    steps_.erase(id);
  }
  void on_log(const VertexId& id, LogStream, std::string_view text) override {
    MutexLock lock(mutex_);
    Step& step = steps_[id];
    for (const char c : text) {
      if (c != '\n') step.partial += c;
      if (c == '\n' || step.partial.size() >= kMaxLine) line(step, std::exchange(step.partial, {}));
    }
  }
  void on_transfer(const VertexId& id, std::string_view what, std::uint64_t done,
                   std::uint64_t total) override {
    MutexLock lock(mutex_);
    if (done != total || !told_.insert(std::string(what)).second) return;
    line(steps_[id], fmt::format("{} {}", what, human_size(total)));
  }
  void on_warning(std::string_view rule, std::string_view sentence, dockerfile::LineRange lines) override {
    MutexLock lock(mutex_);
    const std::string place = lines.first == 0 ? "" : fmt::format("line {}: ", lines.first);
    const std::string name = rule.empty() ? "" : fmt::format("{}: ", rule);
    message(fmt::format("WARNING: {}{}{}\n", place, name, build::shown_text(sentence, kMaxLine)));
  }
  void on_failure(const build::FailurePlace& place) override {
    MutexLock lock(mutex_);
    const std::string bar(20, '-');
    failure_ = fmt::format("{}:{}\n{}\n{}{}\n", place.file_name, place.lines.first, bar,
                           dockerfile::excerpt(place.text, place.lines), bar);
  }
  ~View() override { write(failure_); }

 protected:
  static constexpr std::size_t kMaxLine = 4096;  // bytes

  virtual void begun(const Step& step) REQUIRES(mutex_) = 0;
  virtual void line(const Step& step, const std::string& text) REQUIRES(mutex_) = 0;
  virtual void finished(const Step& step, const Error* failure) REQUIRES(mutex_) = 0;
  virtual void message(const std::string& text) REQUIRES(mutex_) = 0;

  static std::string ending(const Step& step, const Error* failure) {
    if (failure != nullptr) return "ERROR: " + build::shown_text(failure->message(), kMaxLine);
    if (step.is_cached) return "CACHED";
    return fmt::format("DONE {:.1f}s", step.is_started ? seconds_since(step.started) : 0.0);
  }

  Mutex mutex_;  // guards what follows
  std::map<VertexId, Step> steps_ GUARDED_BY(mutex_);
  std::size_t count_ GUARDED_BY(mutex_) = 0;
  std::set<std::string> told_ GUARDED_BY(mutex_);
  std::string failure_ GUARDED_BY(mutex_);
};

// ---- A line an event

class PlainView final : public View {
 private:
  void begun(const Step& step) override { write(fmt::format("#{} {}\n", step.number, step.name)); }
  void line(const Step& step, const std::string& text) override {
    write(fmt::format("#{} {:.3f} {}\n", step.number, seconds_since(step.started),
                      build::shown_text(text, kMaxLine)));
  }
  void finished(const Step& step, const Error* failure) override {
    if (!step.is_started) begun(step);
    write(fmt::format("#{} {}\n\n", step.number, ending(step, failure)));
  }
  void message(const std::string& text) override { write(text); }
};

// ---- On a terminal

// Finished steps are lines that scroll away; below them are those that run, with the last lines they wrote.
class TerminalView final : public View {
 public:
  ~TerminalView() override { write(clearing()); }

 private:
  static constexpr std::size_t kTail = 6;  // lines of a running step

  struct Running {
    std::string name;
    Clock::time_point started;
    std::deque<std::string> tail;
  };

  void begun(const Step& step) override {
    running_[step.number] = {step.name, step.started, {}};
    draw("");
  }
  void line(const Step& step, const std::string& text) override {
    auto& tail = running_[step.number].tail;
    tail.push_back(build::shown_text(text, kMaxLine));
    if (tail.size() > kTail) tail.pop_front();
    draw("");
  }
  // What a failed step wrote stays, as far as it was shown.
  void finished(const Step& step, const Error* failure) override {
    std::string text =
        fmt::format("{} {}  {}\n", failure != nullptr ? "✗" : "✓", step.name, ending(step, failure));
    if (failure != nullptr)
      for (const std::string& line : running_[step.number].tail) text += "    " + line + "\n";
    running_.erase(step.number);
    draw(text);
  }
  void message(const std::string& text) override { draw(text); }

  std::string clearing() {
    std::string text;
    if (drawn_ > 0) text = fmt::format("\r\x1b[{}A\x1b[J", drawn_);
    drawn_ = 0;
    return text;
  }

  // `above` scrolls away for good.
  void draw(const std::string& above) {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
      size = {.ws_row = 24, .ws_col = 80};
    std::string text = clearing() + above;
    const auto add = [&](const std::string& line) {
      if (drawn_ + 2 >= size.ws_row) return;
      text += build::shown_text(line, size.ws_col - 4u) + "\n";
      ++drawn_;
    };
    for (const auto& [number, step] : running_) {
      add(fmt::format("  {}  {:.1f}s", step.name, seconds_since(step.started)));
      for (const std::string& line : step.tail) add("    " + line);
    }
    write(text);
  }

  std::map<std::size_t, Running> running_;  // by number; under the base's mutex, as all here
  std::size_t drawn_ = 0;                   // lines
};

}  // namespace

Result<BuildProgressForm> parse_build_progress(const std::string& word) {
  if (word == "plain") return BuildProgressForm::Plain;
  if (word == "tty") return BuildProgressForm::Terminal;
  if (word == "none" || word == "quiet") return BuildProgressForm::None;
  if (word == "auto")
    return ::isatty(STDERR_FILENO) == 1 ? BuildProgressForm::Terminal : BuildProgressForm::Plain;
  return error(Code::InvalidArgument, "option '--progress' is auto, plain, tty or none, not '{}'", word);
}

std::unique_ptr<build::ProgressSink> show_build(BuildProgressForm form) {
  switch (form) {
    case BuildProgressForm::Plain: return std::make_unique<PlainView>();
    case BuildProgressForm::Terminal: return std::make_unique<TerminalView>();
    case BuildProgressForm::None: break;
  }
  return std::make_unique<build::NoProgress>();
}

}  // namespace gantry::cli
