// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/log_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::shim {
namespace {

constexpr mode_t kLogMode = 0640;
constexpr std::size_t kFlagOffset = kTimestampSize + sizeof " stdout " - 1;

}  // namespace

Result<LogWriter> LogWriter::open(Options options) {
  const std::size_t slash = options.path.find_last_of('/');
  if (options.max_files == 0) return error(Code::InvalidArgument, "a log needs at least one file");
  if (slash == std::string::npos || slash + 1 == options.path.size())
    return error(Code::InvalidArgument, "log path '{}' is not an absolute path of a file", options.path);
  UniqueFd dir = TRY(open_at(AT_FDCWD, options.path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY));
  std::string name = options.path.substr(slash + 1);
  ScratchMemory pending = TRY(ScratchMemory::make(kPendingSize));
  ScratchMemory held = TRY(ScratchMemory::make(kStreams * kMaxText));
  LogWriter log(std::move(options), std::move(dir), std::move(name), std::move(pending), std::move(held));
  if (!log.open_file()) return sys_error_of(log.blocked_by_, "open log '{}'", log.options_.path);
  if (log.is_mid_record_) log.pending_memory_.data()[log.pending_++] = '\n';
  (void)log.flush();  // a full disk now is no worse than later
  return log;
}

LogWriter::LogWriter(Options options, UniqueFd dir, std::string name, ScratchMemory pending,
                     ScratchMemory held)
    : options_(std::move(options)),
      dir_(std::move(dir)),
      name_(std::move(name)),
      pending_memory_(std::move(pending)),
      held_memory_(std::move(held)) {
  held_[0].text = held_memory_.data();
  held_[1].text = held_memory_.data() + kMaxText;
}

void LogWriter::begin_records(Stream stream, timespec now) {
  timestamp_.set(now);
  std::memcpy(header_, timestamp_.data(), kTimestampSize);
  std::memcpy(header_ + kTimestampSize, stream == Stream::Stdout ? " stdout F " : " stderr F ",
              kRecordHeader - kTimestampSize);
}

// One record of the held text and what follows it.
inline void LogWriter::put_record(char flag, Held& held, const char* text, std::size_t size) {
  char* out = pending_memory_.data() + pending_;
  std::memcpy(out, header_, kRecordHeader);
  out[kFlagOffset] = flag;
  out += kRecordHeader;
  if (held.size > 0) {
    std::memcpy(out, held.text, held.size);
    out += held.size;
    held.size = 0;
  }
  std::memcpy(out, text, size);
  out += size;
  *out++ = '\n';
  pending_ = static_cast<std::size_t>(out - pending_memory_.data());
}

void LogWriter::append(Stream stream, std::string_view bytes, timespec now) {
  begin_records(stream, now);
  Held& held = held_[static_cast<std::size_t>(stream)];
  const char* text = bytes.data();
  const char* const end = text + bytes.size();
  while (text < end) {
    const auto* newline =
        static_cast<const char*>(std::memchr(text, '\n', static_cast<std::size_t>(end - text)));
    auto size = static_cast<std::size_t>((newline != nullptr ? newline : end) - text);
    while (held.size + size > kMaxText) [[unlikely]] {
      const std::size_t part = kMaxText - held.size;
      put_record('P', held, text, part);
      text += part;
      size -= part;
    }
    if (newline == nullptr) {
      std::memcpy(held.text + held.size, text, size);
      held.size += size;
      return;
    }
    put_record('F', held, text, size);
    text = newline + 1;
  }
}

void LogWriter::end_line(Stream stream, timespec now) {
  Held& held = held_[static_cast<std::size_t>(stream)];
  if (held.size == 0) return;
  begin_records(stream, now);
  put_record('P', held, "", 0);
}

// How many pending bytes go into this file. Every newline ends a record, so the last one within the
// limit is where the next file begins. A record that began in this file ends in it, whatever its
// size, and so does one that is alone too big for any. 0: nothing fits, rotate.
std::size_t LogWriter::bytes_that_fit() const {
  const char* begin = pending_memory_.data() + written_;
  const std::size_t size = pending_ - written_;
  if (options_.max_bytes == 0) return size;
  const std::uint64_t room = options_.max_bytes - std::min(options_.max_bytes, file_size_);
  if (size <= room) return size;
  if (const void* newline = ::memrchr(begin, '\n', room))
    return static_cast<std::size_t>(static_cast<const char*>(newline) - begin) + 1;
  return is_mid_record_ || file_size_ == 0 ? first_record() : 0;
}

// Bytes of the first pending record, or of what is left of it.
std::size_t LogWriter::first_record() const {
  const char* begin = pending_memory_.data() + written_;
  const void* newline = std::memchr(begin, '\n', pending_ - written_);
  return static_cast<std::size_t>(static_cast<const char*>(newline) - begin) + 1;
}

// Whether names may move. Not while somebody puts a compressed file in the place of a rotated one: that takes
// microseconds, and the container does not wait for it. The lock ends with the file.
// Nobody compresses on a file system without locks.
bool LogWriter::try_lock_names() const {
  return ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool LogWriter::flush() {
  while (has_pending()) {
    if (!file_ && !open_file()) return false;
    std::size_t size = bytes_that_fit();
    if (size == 0 && try_lock_names()) {
      if (!rotate()) return false;
      continue;
    }
    if (size == 0) size = first_record();
    const ssize_t n = ::write(file_.get(), pending_memory_.data() + written_, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return block(errno);
    written_ += static_cast<std::size_t>(n);
    file_size_ += static_cast<std::uint64_t>(n);
    if (n > 0) is_mid_record_ = pending_memory_.data()[written_ - 1] != '\n';
  }
  written_ = pending_ = 0;
  blocked_by_ = 0;
  return true;
}

bool LogWriter::block(int errno_value) {
  blocked_by_ = errno_value;
  return false;
}

bool LogWriter::open_file() {
  UniqueFd file(::openat(dir_.get(), name_.c_str(),
                         O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, kLogMode));
  struct stat st{};
  if (!file || ::fstat(file.get(), &st) < 0) return block(errno);
  if (!S_ISREG(st.st_mode)) return block(EINVAL);
  char last = '\n';
  if (st.st_size > 0 && ::pread(file.get(), &last, 1, st.st_size - 1) < 0) return block(errno);
  file_ = std::move(file);
  file_size_ = static_cast<std::uint64_t>(st.st_size);
  is_mid_record_ = last != '\n';
  return true;
}

std::string LogWriter::rotated_name(unsigned index) const {
  return index == 0 ? name_ : fmt::format("{}.{}", name_, index);
}

// log.1 is the youngest. Only as many files move as the first gap in the numbers asks for, so that
// trying again after a failure half way moves nothing twice; without a gap the oldest one goes.
bool LogWriter::rotate() {
  if (options_.max_files == 1) {
    if (::unlinkat(dir_.get(), name_.c_str(), 0) < 0 && errno != ENOENT) return block(errno);
  } else {
    unsigned gap = 1;
    while (gap + 1 < options_.max_files &&
           ::faccessat(dir_.get(), rotated_name(gap).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
      ++gap;
    for (unsigned index = gap; index > 0; --index) {
      const std::string from = rotated_name(index - 1), to = rotated_name(index);
      if (::renameat(dir_.get(), from.c_str(), dir_.get(), to.c_str()) < 0 && errno != ENOENT)
        return block(errno);
    }
  }
  file_.reset();
  return open_file();
}

Result<void> LogWriter::reopen() {
  if (!flush()) return sys_error_of(blocked_by_, "write log '{}'", options_.path);
  UniqueFd dir = TRY(open_at(AT_FDCWD, options_.path.substr(0, options_.path.size() - name_.size()),
                             O_RDONLY | O_DIRECTORY));
  dir_ = std::move(dir);
  file_.reset();
  if (!open_file()) return sys_error_of(blocked_by_, "open log '{}'", options_.path);
  if (is_mid_record_) pending_memory_.data()[pending_++] = '\n';
  (void)flush();
  return {};
}

void LogWriter::release_memory() {
  if (!has_pending()) pending_memory_.release();
  if (!has_unfinished_line()) held_memory_.release();
}

}  // namespace gantry::shim
