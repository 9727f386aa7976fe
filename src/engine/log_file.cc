// SPDX-License-Identifier: Apache-2.0
#include "engine/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"

namespace gantry::engine {
namespace {

constexpr std::size_t kHead = 256;  // bytes
// Our own files: they may repeat one line a million times.
constexpr oci::DecompressLimits kNoLimits{.max_ratio = 1e12};

Result<std::size_t> read_some(int fd, std::uint64_t offset, std::span<char> into) {
  for (;;) {
    const ssize_t n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return sys_error("read the log");
  }
}

std::optional<unsigned> parse_index(std::string_view text) {
  unsigned index = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (failure != std::errc{} || end != text.data() + text.size() || index == 0 || text.front() == '0')
    return std::nullopt;
  return index;
}

}  // namespace

Result<std::optional<LogFile>> LogFile::open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return sys_error("open '{}'", path);
  LogFile file(std::move(fd));
  TRY_DURING(file.identify(), "'{}'", path);
  return file;
}

Result<void> LogFile::identify() {
  struct stat st{};
  if (::fstat(fd_->get(), &st) < 0) return sys_error("look at the log");
  if (!S_ISREG(st.st_mode)) return error(Code::InvalidArgument, "the log is not a regular file");
  device_ = st.st_dev;
  inode_ = st.st_ino;
  size_ = static_cast<std::uint64_t>(st.st_size);
  char head[4];
  const std::size_t size = TRY(read_some(fd_->get(), 0, head));
  is_compressed_ = oci::detect_compression(std::as_bytes(std::span(head, size))) != oci::Compression::None;
  TRY(read_head());
  return start_at(0);
}

Result<void> LogFile::read_head() {
  if (head_.size() == kHead) return {};
  head_.resize(kHead);
  if (!is_compressed_) {
    head_.resize(TRY(read_some(fd_->get(), 0, head_)));
    return {};
  }
  TRY(start_at(0));
  head_.resize(TRY(read_fully(*plain_, std::as_writable_bytes(std::span(head_)))));
  return {};
}

bool LogFile::is_named(const std::string& path) const {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 && st.st_dev == device_ && st.st_ino == inode_;
}

bool LogFile::is_same(const LogFile& other) const {
  if (device_ == other.device_ && inode_ == other.inode_) return true;
  if (is_compressed_ == other.is_compressed_) return false;
  // The plain one may have been short when it was opened.
  const std::size_t common = std::min(head_.size(), other.head_.size());
  return common > 0 && head_.compare(0, common, other.head_, 0, common) == 0;
}

Result<void> LogFile::start_at(std::uint64_t offset) {
  offset_ = offset;
  if (!is_compressed_) return {};
  if (::lseek(fd_->get(), 0, SEEK_SET) < 0) return sys_error("seek in the log");
  plain_.reset();
  compressed_ = std::make_unique<FdSource>(fd_->get(), "the log");
  plain_ = TRY(oci::decompress(*compressed_, kNoLimits));
  std::vector<std::byte> skipped(std::min<std::uint64_t>(offset, kStreamBuffer));
  while (offset > 0) {
    const std::size_t most = std::min<std::uint64_t>(offset, skipped.size());
    const std::size_t size = TRY(plain_->read(std::span(skipped).first(most)));
    if (size == 0) break;
    offset -= size;
  }
  return {};
}

Result<std::size_t> LogFile::read(std::span<char> into) {
  if (is_compressed_) return plain_->read(std::as_writable_bytes(into));
  const std::size_t size = TRY(read_some(fd_->get(), offset_, into));
  offset_ += size;
  return size;
}

Result<std::size_t> LogFile::read_at(std::uint64_t offset, std::span<char> into) const {
  std::size_t size = 0;
  while (size < into.size()) {
    const std::size_t n = TRY(read_some(fd_->get(), offset + size, into.subspan(size)));
    if (n == 0) break;
    size += n;
  }
  return size;
}

std::string rotated_log_name(const std::string& path, unsigned index) {
  return index == 0 ? path : fmt::format("{}.{}", path, index);
}

Result<unsigned> last_rotated_index(const std::string& path) {
  const std::size_t slash = path.rfind('/') + 1;
  const std::string directory = slash == 0 ? "." : path.substr(0, slash);
  const std::string prefix = path.substr(slash) + ".";
  unsigned last = 0;
  const Result<std::vector<std::string>> names = names_in(AT_FDCWD, directory);
  if (!names && names.error().code() == Code::NotFound) return 0;
  for (const std::string& name : TRY(names_in(AT_FDCWD, directory)))
    if (name.starts_with(prefix))
      last = std::max(last, parse_index(std::string_view(name).substr(prefix.size())).value_or(0));
  return last;
}

// Files only move to higher numbers, so who opens them in that order meets some of them twice rather than
// never.
static Result<std::vector<LogFile>> open_until(const std::string& path, const LogFile* known) {
  unsigned last = TRY(last_rotated_index(path));
  std::vector<LogFile> files;
  for (unsigned index = 0;; ++index) {
    // Files may have moved on since we looked, and while they move there is a gap between them.
    if (index > last && index > (last = TRY(last_rotated_index(path)))) break;
    std::optional<LogFile> file = TRY(LogFile::open(rotated_log_name(path, index)));
    if (!file) continue;
    if (known != nullptr && file->is_same(*known)) break;
    const auto same = std::ranges::find_if(files, [&](const LogFile& other) { return other.is_same(*file); });
    // What came between the two is younger than the first file was.
    if (same != files.end())
      files.erase(same + 1, files.end());
    else
      files.push_back(*std::move(file));
  }
  return files;
}

Result<std::vector<LogFile>> open_log_files(const std::string& path) { return open_until(path, nullptr); }

Result<std::vector<LogFile>> open_log_files_after(const std::string& path, LogFile& known) {
  TRY(known.read_head());
  return open_until(path, &known);
}

}  // namespace gantry::engine
