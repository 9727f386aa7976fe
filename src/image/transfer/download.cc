// SPDX-License-Identifier: Apache-2.0
#include "image/transfer/download.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "http/message.h"
#include "oci/image/media_type.h"

namespace gantry::image {
namespace {

using std::chrono::steady_clock;

// A connection that brought less before it broke has not helped: a server could go on like that for ever.
constexpr std::uint64_t kProgress = 64 << 10;  // bytes

// What is wanted, and from whom.
struct Origin {
  RegistryClient& registry;
  std::string repository;
  oci::Descriptor blob;
  DownloadOptions options;
};

// The bytes from `begin` to `end`, by one connection after the other.
class Piece final : public ByteSource {
 public:
  Piece(const Origin& origin, std::uint64_t begin, std::uint64_t end)
      : origin_(origin), position_(begin), end_(end) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    for (;;) {
      TRY(origin_.options.control.check());
      if (!response_ && position_ == end_) return 0;
      if (!response_) TRY(open());
      if (position_ == end_) return finish(into);
      const std::size_t wanted = std::min<std::uint64_t>(into.size(), end_ - position_);
      Result<std::size_t> count = response_->body().read(into.first(wanted));
      if (count && *count > 0) {
        position_ += *count;
        return count;
      }
      TRY(resume_after(count ? error(Code::DataLoss, "the answer ends after {} of {} bytes", position_, end_)
                             : std::move(count).error()));
    }
  }

  std::uint64_t position() const { return position_; }
  // Whether the registry offers ranges; known once something was read.
  bool has_ranges() const { return has_ranges_; }

 private:
  Result<void> open() {
    const bool is_rest = end_ == origin_.blob.size;
    RegistryClient::Range range{.offset = position_};
    if (!is_rest) range.length = end_ - position_;
    response_ = TRY(request(range));
    opened_at_ = position_;
    has_ranges_ = response_->status() == 206 || response_->headers().get_or("Accept-Ranges", "") == "bytes";
    return response_->status() == 206 ? check_range() : skip_to_position();
  }

  // A layer that is not distributed has addresses of its own; the registry may have it all the same.
  Result<http::ClientResponse> request(const RegistryClient::Range& range) {
    const auto type = oci::layer_type(origin_.blob.media_type);
    if (type && !type->is_distributable)
      for (const std::string& url : origin_.blob.urls)
        if (auto parsed = http::Url::parse(url))
          if (auto response = origin_.registry.foreign_blob(*parsed, range)) return response;
    return origin_.registry.blob(origin_.repository, origin_.blob.digest, range, origin_.options.control);
  }

  Result<void> check_range() const {
    const auto field = response_->headers().get("Content-Range");
    if (!field) return error(Code::DataLoss, "a part was sent without Content-Range");
    const http::ContentRange sent = TRY(http::parse_content_range(*field));
    if (sent.range.offset != position_ || (sent.size && *sent.size != origin_.blob.size))
      return error(Code::DataLoss, "asked for bytes {} to {} of {}, the registry sends '{}'", position_,
                   end_ - 1, origin_.blob.size, *field);
    return {};
  }

  // The server sends everything, from the beginning.
  Result<void> skip_to_position() {
    const auto length = response_->body_length();
    if (length && *length != origin_.blob.size)
      return error(Code::DataLoss, "the registry sends {} bytes, the manifest says {}", *length,
                   origin_.blob.size);
    std::vector<std::byte> dropped(std::min<std::uint64_t>(position_, kStreamBuffer));
    for (std::uint64_t left = position_; left > 0;) {
      const std::size_t wanted = std::min<std::uint64_t>(dropped.size(), left);
      const std::size_t count = TRY(response_->body().read(std::span(dropped).first(wanted)));
      if (count == 0) return error(Code::DataLoss, "the answer ends before byte {}", position_);
      left -= count;
    }
    return {};
  }

  // All bytes are here. One more would be one too many; reading the end frees the connection for others.
  Result<std::size_t> finish(std::span<std::byte> scratch) {
    const Result<std::size_t> more = response_->body().read(scratch.first(1));
    const bool is_part = end_ != origin_.blob.size && response_->status() == 200;
    response_.reset();
    if (more && *more > 0 && !is_part)
      return error(Code::InvalidArgument, "the registry sends more than the {} bytes that the manifest says",
                   origin_.blob.size);
    return 0;
  }

  Result<void> resume_after(Error failure) {
    const RetryPolicy& retry = origin_.registry.retry();
    response_.reset();
    if (position_ - opened_at_ >= kProgress) {
      failures_ = 0;
      origin_.registry.saw_alive();
    }
    if (++failures_ >= retry.attempts)
      return std::move(failure).during(fmt::format("given up at byte {} of {}, after {} attempts", position_,
                                                   origin_.blob.size, failures_));
    TRY(origin_.options.control.wait(failure.message(), retry.delay_after(failures_)));
    return {};
  }

  const Origin& origin_;
  std::uint64_t position_;
  const std::uint64_t end_;
  std::optional<http::ClientResponse> response_;
  std::uint64_t opened_at_ = 0;
  bool has_ranges_ = false;
  unsigned failures_ = 0;
};

// The bytes from `begin` to the end, in segments that several threads fetch ahead of the reader.
class Ranges final : public ByteSource {
 public:
  Ranges(const Origin& origin, std::uint64_t begin) : origin_(origin), position_(begin), next_(begin) {
    for (unsigned i = 0; i < origin.options.connections; ++i) threads_.emplace_back([this] { work(); });
  }
  Ranges(const Ranges&) = delete;
  Ranges& operator=(const Ranges&) = delete;
  ~Ranges() override {
    {
      MutexLock lock(mutex_);
      is_stopping_ = true;
      changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (taken_ == current_.size()) TRY(take_segment());
    const std::size_t count = std::min(into.size(), current_.size() - taken_);
    std::ranges::copy(std::span(current_).subspan(taken_, count), into.begin());
    taken_ += count;
    return count;
  }

 private:
  // Leaves the current one empty at the end.
  Result<void> take_segment() {
    taken_ = 0;
    current_.clear();
    if (position_ == origin_.blob.size) return {};
    MutexLock lock(mutex_);
    while (!done_.contains(position_) && !failure_) changed_.wait(mutex_);
    const auto found = done_.find(position_);
    if (found == done_.end()) return std::exchange(failure_, std::nullopt).value();
    current_ = std::move(found->second);
    done_.erase(found);
    position_ += current_.size();
    reader_ = position_;
    changed_.notify_all();
    return {};
  }

  void work() {
    while (const std::optional<std::uint64_t> begin = next_segment()) {
      Result<std::vector<std::byte>> bytes = fetch(*begin);
      MutexLock lock(mutex_);
      if (bytes)
        done_.emplace(*begin, *std::move(bytes));
      else if (!failure_)
        failure_ = std::move(bytes).error();
      changed_.notify_all();
    }
  }

  std::optional<std::uint64_t> next_segment() {
    MutexLock lock(mutex_);
    const std::uint64_t window = origin_.options.segment * (origin_.options.connections + std::uint64_t{2});
    while (!is_stopping_ && !failure_ && next_ < origin_.blob.size && next_ >= reader_ + window)
      changed_.wait(mutex_);
    if (is_stopping_ || failure_ || next_ >= origin_.blob.size) return std::nullopt;
    return std::exchange(next_, end_of(next_));
  }

  std::uint64_t end_of(std::uint64_t begin) const {
    return std::min<std::uint64_t>(begin + origin_.options.segment, origin_.blob.size);
  }

  Result<std::vector<std::byte>> fetch(std::uint64_t begin) const {
    std::vector<std::byte> bytes(end_of(begin) - begin);
    Piece piece(origin_, begin, begin + bytes.size());
    TRY(read_fully(piece, bytes));
    std::byte none{};
    TRY(piece.read({&none, 1}));  // its end, which frees the connection
    return bytes;
  }

  const Origin& origin_;
  std::uint64_t position_;          // of the next segment to be read
  std::vector<std::byte> current_;  // of the reader
  std::size_t taken_ = 0;           // bytes of it

  Mutex mutex_;                                      // guards what follows
  std::uint64_t next_ GUARDED_BY(mutex_);            // segment to be fetched
  std::uint64_t reader_ GUARDED_BY(mutex_) = next_;  // position_, for the others
  std::map<std::uint64_t, std::vector<std::byte>> done_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  CondVar changed_;
  std::vector<std::thread> threads_;
};

// Begins with one connection, and goes over to ranges when that turns out slow.
class Download final : public ByteSource {
 public:
  Download(Origin origin, std::uint64_t offset)
      : origin_(std::move(origin)),
        begin_(offset),
        first_(std::in_place, origin_, offset, origin_.blob.size) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (!ranges_ && is_slow()) ranges_.emplace(origin_, first_->position()), first_.reset();
    Result<std::size_t> count = ranges_ ? ranges_->read(into) : measured(into);
    if (!count) return std::move(count).error().during("blob " + origin_.blob.digest.str());
    return count;
  }

 private:
  // Only the time in which the network is waited for counts, not what the reader does with the bytes.
  Result<std::size_t> measured(std::span<std::byte> into) {
    const auto before = steady_clock::now();
    Result<std::size_t> count = first_->read(into);
    waited_ += steady_clock::now() - before;
    return count;
  }

  // Asked once, when the probe is in.
  bool is_slow() {
    const DownloadOptions& options = origin_.options;
    if (is_judged_ || first_->position() - begin_ < options.probe) return false;
    is_judged_ = true;
    const double seconds = std::chrono::duration<double>(waited_).count();
    const auto received = static_cast<double>(first_->position() - begin_);
    return first_->has_ranges() && origin_.blob.size - first_->position() >= options.worth &&
           received < options.slow * seconds;
  }

  const Origin origin_;
  const std::uint64_t begin_;
  std::optional<Piece> first_;
  std::optional<Ranges> ranges_;
  steady_clock::duration waited_{};
  bool is_judged_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> download(RegistryClient& registry, const std::string& repository,
                                     const oci::Descriptor& blob, std::uint64_t offset,
                                     const DownloadOptions& options) {
  return std::make_unique<Download>(Origin{registry, repository, blob, options}, offset);
}

}  // namespace gantry::image
