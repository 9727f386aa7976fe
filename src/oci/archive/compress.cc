// SPDX-License-Identifier: Apache-2.0
#include <libdeflate.h>
#include <zstd.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "oci/archive/compression.h"

namespace gantry::oci {
namespace {

class Uncompressed final : public Compressor {
 public:
  explicit Uncompressed(ByteSink& to) : to_(to) {}
  Result<void> write(std::span<const std::byte> from) override { return to_.write(from); }
  Result<void> finish() override { return {}; }

 private:
  ByteSink& to_;
};

// Every mebibyte becomes a gzip member of its own (RFC 1952, 2.2: members in a row are one file), so that
// they can be compressed side by side. What that costs in size, 32 KiB of history a member, libdeflate makes
// good.
constexpr std::size_t kMemberInput = 1 << 20;  // bytes

class Member {
 public:
  explicit Member(int level) : compressor_(libdeflate_alloc_compressor(level)) { in_.reserve(kMemberInput); }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    if (thread_.joinable()) thread_.join();
    libdeflate_free_compressor(compressor_);
  }

  // Takes what fits from the front of `from`.
  void take(std::span<const std::byte>& from) {
    const std::size_t size = std::min(from.size(), kMemberInput - in_.size());
    in_.insert(in_.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size));
    from = from.subspan(size);
  }
  bool is_full() const { return in_.size() == kMemberInput; }
  bool is_empty() const { return in_.empty(); }

  void begin(bool on_own_thread) {
    if (on_own_thread)
      thread_ = std::thread([this] { work(); });
    else
      work();
  }
  // Waits, hands on what came out, and is empty again.
  Result<void> end(ByteSink& to) {
    if (thread_.joinable()) thread_.join();
    TRY(to.write(std::span(out_).first(out_size_)));
    in_.clear();
    out_size_ = 0;
    return {};
  }

 private:
  void work() {
    out_.resize(libdeflate_gzip_compress_bound(compressor_, kMemberInput));
    out_size_ = libdeflate_gzip_compress(compressor_, in_.data(), in_.size(), out_.data(), out_.size());
  }

  libdeflate_compressor* compressor_;
  std::vector<std::byte> in_, out_;
  std::size_t out_size_ = 0;
  std::thread thread_;
};

class Gzip final : public Compressor {
 public:
  Gzip(ByteSink& to, int level, unsigned threads) : to_(to) {
    for (unsigned i = 0; i < threads; ++i) members_.push_back(std::make_unique<Member>(level));
  }

  Result<void> write(std::span<const std::byte> from) override {
    while (!from.empty()) {
      current().take(from);
      if (current().is_full()) TRY(begin_current());
    }
    return {};
  }

  Result<void> finish() override {
    if (!current().is_empty() || begun_ == 0) TRY(begin_current());
    while (ended_ < begun_) TRY(end_oldest());
    return {};
  }

 private:
  Member& current() { return *members_[begun_ % members_.size()]; }
  Result<void> begin_current() {
    current().begin(members_.size() > 1);
    ++begun_;
    // The next one is to be filled, so what it held has to go first.
    if (begun_ - ended_ == members_.size()) TRY(end_oldest());
    return {};
  }
  Result<void> end_oldest() { return members_[ended_++ % members_.size()]->end(to_); }

  ByteSink& to_;
  std::vector<std::unique_ptr<Member>> members_;  // in turn
  std::size_t begun_ = 0, ended_ = 0;             // how many members of the stream
};

// Jobs of one size, always with workers: what comes out then does not depend on how many there are.
constexpr int kZstdJob = 4 << 20;        // bytes
constexpr unsigned kMaxZstdWorkers = 4;  // each has its job's memory

class Zstd final : public Compressor {
 public:
  Zstd(ByteSink& to, int level, unsigned threads)
      : to_(to), context_(ZSTD_createCCtx()), out_(ZSTD_CStreamOutSize()) {
    set(ZSTD_c_compressionLevel, level);
    set(ZSTD_c_checksumFlag, 1);
    set(ZSTD_c_nbWorkers, static_cast<int>(std::min(threads, kMaxZstdWorkers)));
    set(ZSTD_c_jobSize, kZstdJob);
  }

  Result<void> write(std::span<const std::byte> from) override {
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    while (in.pos < in.size) TRY(step(in, ZSTD_e_continue));
    return {};
  }
  Result<void> finish() override {
    ZSTD_inBuffer in{nullptr, 0, 0};
    while (TRY(step(in, ZSTD_e_end)) > 0) {
    }
    return {};
  }

 private:
  void set(ZSTD_cParameter parameter, int value) {
    const std::size_t code = ZSTD_CCtx_setParameter(context_.get(), parameter, value);
    if (ZSTD_isError(code) && failure_ == 0) failure_ = code;
  }
  Result<std::size_t> step(ZSTD_inBuffer& in, ZSTD_EndDirective how) {
    ZSTD_outBuffer out{out_.data(), out_.size(), 0};
    const std::size_t left = failure_ != 0 ? failure_ : ZSTD_compressStream2(context_.get(), &out, &in, how);
    if (ZSTD_isError(left)) return error(Code::Internal, "compress zstd: {}", ZSTD_getErrorName(left));
    if (out.pos > 0) TRY(to_.write(std::span(out_).first(out.pos)));
    return left;
  }

  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  ByteSink& to_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
  std::vector<std::byte> out_;
  std::size_t failure_ = 0;  // of setting a parameter: a zstd built without threads
};

Result<int> checked_level(int level, int otherwise, int highest) {
  if (level == 0) return otherwise;
  if (level < 1 || level > highest)
    return error(Code::InvalidArgument, "compression level {}: it is not from 1 to {}", level, highest);
  return level;
}

}  // namespace

Result<std::unique_ptr<Compressor>> compress(ByteSink& to, const CompressOptions& options) {
  const unsigned threads =
      options.threads > 0 ? options.threads : std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  switch (options.compression) {
    case Compression::None: return std::make_unique<Uncompressed>(to);
    case Compression::Gzip:
      return std::make_unique<Gzip>(to, TRY(checked_level(options.level, 6, 12)), threads);
    case Compression::Zstd:
      return std::make_unique<Zstd>(to, TRY(checked_level(options.level, 3, 19)), threads);
  }
  return error(Code::Internal, "compress: no method");
}

}  // namespace gantry::oci
