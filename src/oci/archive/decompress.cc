// SPDX-License-Identifier: Apache-2.0
#include <isa-l/igzip_lib.h>
// For contexts in memory of ours: not promised to stay as it is, but so since zstd 1.3.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "oci/archive/compression.h"

namespace gantry::oci {
namespace {

constexpr std::size_t kInputBuffer = 128 << 10;  // bytes
constexpr std::uint64_t kRatioCounts = 1 << 20;  // bytes out from which on DecompressLimits::max_ratio does

bool begins_with(std::span<const std::byte> head, std::string_view magic) {
  return text_of(head).starts_with(magic);
}

// Magic numbers of what layers are not compressed with, but people's files are.
const char* unsupported_method(std::span<const std::byte> head) {
  using namespace std::string_view_literals;
  if (begins_with(head, "BZh"sv)) return "bzip2";
  if (begins_with(head,
                  "\xfd"
                  "7zXZ\0"sv))
    return "xz";
  if (begins_with(head, "\x04\x22\x4d\x18"sv)) return "lz4";
  return nullptr;
}

// The compressed bytes, where the source has them.
class Input {
 public:
  explicit Input(PieceSource& source) : source_(&source) {}
  explicit Input(std::unique_ptr<PieceSource> source)
      : own_source_(std::move(source)), source_(own_source_.get()) {}

  // What is at hand.
  std::span<const std::byte> bytes() const { return rest_; }
  void take(std::size_t count) { rest_ = rest_.subspan(count); }
  // Gets more behind what is at hand; false at the end.
  Result<bool> fill() {
    if (!rest_.empty()) return join();
    rest_ = TRY(source_->next_piece());
    is_joined_ = false;
    return !rest_.empty();
  }

 private:
  // Only where a header is cut, so that this is the one copy there is.
  Result<bool> join() {
    if (is_joined_)
      joined_.erase(joined_.begin(), joined_.end() - static_cast<std::ptrdiff_t>(rest_.size()));
    else
      joined_.assign(rest_.begin(), rest_.end());
    is_joined_ = true;
    rest_ = joined_;
    const std::span<const std::byte> piece = TRY(source_->next_piece());
    joined_.insert(joined_.end(), piece.begin(), piece.end());
    rest_ = joined_;
    return !piece.empty();
  }

  std::unique_ptr<PieceSource> own_source_;
  PieceSource* source_;
  std::span<const std::byte> rest_;  // of the source's current piece, or of `joined_`
  std::vector<std::byte> joined_;
  bool is_joined_ = false;
};

class LimitedDecompressor : public Decompressor {
 public:
  LimitedDecompressor(Input input, const DecompressLimits& limits)
      : input_(std::move(input)), limits_(limits) {}

  Result<std::size_t> read(std::span<std::byte> into) final {
    const std::size_t size = TRY(decompress_some(into));
    bytes_out_ += size;
    if (bytes_out_ > limits_.max_bytes)
      return error(Code::ResourceExhausted, "decompress {}: more than {} bytes come out",
                   name_of(compression()), limits_.max_bytes);
    if (bytes_out_ > kRatioCounts &&
        static_cast<double>(bytes_out_) > limits_.max_ratio * static_cast<double>(bytes_in_))
      return error(Code::ResourceExhausted, "decompress {}: {} bytes are made of {}, more than {} of one",
                   name_of(compression()), bytes_out_, bytes_in_, limits_.max_ratio);
    return size;
  }

 protected:
  virtual Result<std::size_t> decompress_some(std::span<std::byte> into) = 0;

  void take(std::size_t count) {
    input_.take(count);
    bytes_in_ += count;
  }
  Error cut() const {
    return error(Code::InvalidArgument, "decompress {}: the data are cut at byte {}", name_of(compression()),
                 bytes_in_);
  }
  Error damaged(std::string_view why) const {
    return error(Code::InvalidArgument, "decompress {}: the data are damaged near byte {}: {}",
                 name_of(compression()), bytes_in_, why);
  }

  Input input_;
  const DecompressLimits limits_;
};

class Uncompressed final : public LimitedDecompressor {
 public:
  using LimitedDecompressor::LimitedDecompressor;
  Compression compression() const override { return Compression::None; }

 private:
  Result<std::size_t> decompress_some(std::span<std::byte> into) override {
    if (input_.bytes().empty() && !TRY(input_.fill())) return std::size_t{0};
    const std::size_t size = std::min(input_.bytes().size(), into.size());
    std::ranges::copy(input_.bytes().first(size), into.begin());
    take(size);
    return size;
  }
};

// RFC 1952. ISA-L reads the trailer, and compares checksum and length. The header is ours to read: with one
// that arrives in pieces ISA-L 2.30 goes astray.
class Gunzip final : public LimitedDecompressor {
 public:
  Gunzip(Input input, const DecompressLimits& limits)
      : LimitedDecompressor(std::move(input), limits), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
  }
  Compression compression() const override { return Compression::Gzip; }

 private:
  static const char* why(int code) {
    switch (code) {
      case ISAL_INVALID_BLOCK: return "an invalid block";
      case ISAL_INVALID_SYMBOL: return "an invalid symbol";
      case ISAL_INVALID_LOOKBACK: return "a reference to before the beginning";
      case ISAL_INCORRECT_CHECKSUM: return "a wrong checksum or length";
      default: return "nothing that deflate knows";
    }
  }

  Result<std::size_t> decompress_some(std::span<std::byte> into) override {
    inflate_state& s = *state_;
    for (;;) {
      if (!is_in_member_ && !TRY(begin_member())) return std::size_t{0};
      // Without input ISA-L is called only for output that had no room: elsewhere it takes that for an error.
      if (input_.bytes().empty() && !has_more_output_ && !TRY(input_.fill())) return cut();
      const std::span<const std::byte> in = input_.bytes();
      // ISA-L does not write to its input.
      s.next_in = reinterpret_cast<std::uint8_t*>(const_cast<std::byte*>(in.data()));
      s.avail_in = static_cast<std::uint32_t>(in.size());
      s.next_out = reinterpret_cast<std::uint8_t*>(into.data());
      const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(into.size(), 1 << 30));
      s.avail_out = room;
      const int code = isal_inflate(&s);
      // After an error it gives back what it has ahead, which may be more than it was given this time.
      if (code < 0 || s.avail_in > in.size()) return damaged(why(code));
      const std::size_t taken = in.size() - s.avail_in;
      take(taken);
      has_more_output_ = s.avail_out == 0;
      is_in_member_ = s.block_state != ISAL_BLOCK_FINISH;
      if (s.avail_out < room) return room - s.avail_out;
      if (taken == 0 && !in.empty() && is_in_member_) return damaged("nothing comes of it");
    }
  }

  // Several members in a row are one stream (RFC 1952, 2.2). Zeros at the end pad tapes.
  Result<bool> begin_member() {
    bool has_padding = false;
    for (;;) {
      const std::span<const std::byte> in = input_.bytes();
      const auto first =
          std::find_if(in.begin(), in.end(), [](std::byte byte) { return byte != std::byte{}; });
      has_padding = has_padding || first != in.begin();
      take(static_cast<std::size_t>(first - in.begin()));
      if (first != in.end()) break;
      if (!TRY(input_.fill())) return false;
    }
    if (has_padding) return damaged("more data behind its end");
    TRY(skip_header());
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    is_in_member_ = true;
    return true;
  }

  // RFC 1952, 2.3.
  Result<void> skip_header() {
    constexpr unsigned kHeaderChecksum = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;
    constexpr std::size_t kFixed = 10;
    TRY(need(kFixed));
    if (!begins_with(input_.bytes(), "\x1f\x8b\x08")) return damaged("no gzip header");
    const auto flags = static_cast<unsigned>(input_.bytes()[3]);
    if ((flags & kReserved) != 0) return damaged("a header with unknown flags");
    take(kFixed);
    if ((flags & kExtra) != 0) {
      TRY(need(2));
      const std::size_t size =
          static_cast<std::size_t>(input_.bytes()[0]) | static_cast<std::size_t>(input_.bytes()[1]) << 8;
      TRY(need(2 + size));
      take(2 + size);
    }
    if ((flags & kName) != 0) TRY(skip_text());
    if ((flags & kComment) != 0) TRY(skip_text());
    if ((flags & kHeaderChecksum) != 0) {
      TRY(need(2));
      take(2);
    }
    return {};
  }
  // Has at least so many bytes at hand.
  Result<void> need(std::size_t size) {
    while (input_.bytes().size() < size)
      if (!TRY(input_.fill())) return cut();
    return {};
  }
  // Up to a NUL.
  Result<void> skip_text() {
    for (;;) {
      TRY(need(1));
      const std::span<const std::byte> in = input_.bytes();
      const auto end = std::find(in.begin(), in.end(), std::byte{});
      if (end != in.end()) {
        take(static_cast<std::size_t>(end - in.begin()) + 1);
        return {};
      }
      take(in.size());
    }
  }

  std::unique_ptr<inflate_state> state_;
  bool has_more_output_ = false;
  bool is_in_member_ = false;
};

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint64_t>(bytes[i]);
  return value;
}

constexpr std::size_t kMaxZstdHeader = 18;  // bytes, the magic number included

// The Window_Size of the frame that begins here (RFC 8878, 3.1.1.1), in bytes; 0 if it has none or is cut.
std::uint64_t window_of_frame(std::span<const std::byte> head) {
  using namespace std::string_view_literals;
  constexpr std::size_t kDescriptor = 4;
  if (!begins_with(head, "\x28\xb5\x2f\xfd"sv) || head.size() < kDescriptor + 2) return 0;
  const auto descriptor = static_cast<unsigned>(head[kDescriptor]);
  const bool is_single_segment = (descriptor & 0x20) != 0;
  if (!is_single_segment) {
    const auto window = static_cast<unsigned>(head[kDescriptor + 1]);
    const std::uint64_t base = std::uint64_t{1} << (10 + (window >> 3));
    return base + base / 8 * (window & 7);
  }
  // The window is all of the content, whose size follows the dictionary's id.
  constexpr std::size_t kIdBytes[] = {0, 1, 2, 4};
  constexpr std::size_t kSizeBytes[] = {1, 2, 4, 8};
  const std::size_t at = kDescriptor + 1 + kIdBytes[descriptor & 3];
  const std::size_t bytes = kSizeBytes[descriptor >> 6];
  if (head.size() < at + bytes) return 0;
  return little_endian(head.subspan(at, bytes)) + (bytes == 2 ? 256 : 0);
}

// RFC 8878.
class Unzstd final : public LimitedDecompressor {
 public:
  Unzstd(Input input, const DecompressLimits& limits)
      : LimitedDecompressor(std::move(input), limits), context_(make_context()) {}
  Compression compression() const override { return Compression::Zstd; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  using Context = std::unique_ptr<ZSTD_DCtx, Free>;

  // In that memory, or on the heap if it is empty.
  Context make_context(std::span<std::byte> memory = {}) const {
    Context context(memory.empty() ? ZSTD_createDCtx()
                                   : ZSTD_initStaticDStream(memory.data(), memory.size()));
    // Cannot fail: `context` is new, and a value out of bounds is the next best.
    const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax,
                           std::clamp(limits_.max_window_log, bounds.lowerBound, bounds.upperBound));
    return context;
  }

  // Sees to it that there is room for its window.
  Result<void> begin_frame() {
    while (input_.bytes().size() < kMaxZstdHeader && TRY(input_.fill())) {
    }
    const std::uint64_t window = window_of_frame(input_.bytes());
    const std::uint64_t most = std::uint64_t{1} << limits_.max_window_log;
    if (window <= window_ || window > most) return {};  // what is too large is refused when it is read
    context_.reset();  // the smaller window goes before another is waited for
    context_ = make_context(TRY(limits_.windows->take(ZSTD_estimateDStreamSize(window))));
    window_ = window;
    return {};
  }

  Result<std::size_t> decompress_some(std::span<std::byte> into) override {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    for (;;) {
      if (!is_in_frame_ && limits_.windows != nullptr) TRY(begin_frame());
      const std::span<const std::byte> bytes = input_.bytes();
      ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
      if (!bytes.empty() || is_in_frame_) {
        const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
        take(in.pos);
        if (ZSTD_isError(left)) {
          if (ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge)
            return error(Code::ResourceExhausted, "decompress zstd: a window of more than {} MiB",
                         (std::uint64_t{1} << limits_.max_window_log) >> 20);
          return damaged(ZSTD_getErrorName(left));
        }
        // At the end of a frame nothing is left; the next call begins another one.
        is_in_frame_ = left != 0;
        if (out.pos > 0) {
          if (limits_.windows != nullptr) limits_.windows->has_moved(out.pos);
          return out.pos;
        }
        if (in.pos > 0) continue;
      }
      if (!TRY(input_.fill())) return is_in_frame_ ? Result<std::size_t>(cut()) : std::size_t{0};
    }
  }

  Context context_;
  bool is_in_frame_ = false;
  std::uint64_t window_ = 0;  // bytes, for which there is room
};

}  // namespace

const char* name_of(Compression compression) {
  switch (compression) {
    case Compression::None: return "nothing";
    case Compression::Gzip: return "gzip";
    case Compression::Zstd: return "zstd";
  }
  return "nothing";
}

Compression detect_compression(std::span<const std::byte> head) {
  if (begins_with(head, "\x1f\x8b\x08")) return Compression::Gzip;
  if (begins_with(head, "\x28\xb5\x2f\xfd")) return Compression::Zstd;
  // A zstd frame to be skipped, before the one that counts: 0x184D2A50 to 0x184D2A5F, little-endian.
  if (head.size() >= 4 && (head[0] & std::byte{0xf0}) == std::byte{0x50} &&
      begins_with(head.subspan(1), "\x2a\x4d\x18"))
    return Compression::Zstd;
  return Compression::None;
}

static Result<std::unique_ptr<Decompressor>> decompress(Input input, const DecompressLimits& limits) {
  constexpr std::size_t kMagic = 6;
  while (input.bytes().size() < kMagic && TRY(input.fill())) {
  }
  if (const char* method = unsupported_method(input.bytes()))
    return error(Code::Unsupported, "decompress: {} is not supported, only gzip and zstd", method);
  switch (detect_compression(input.bytes())) {
    case Compression::None: return std::make_unique<Uncompressed>(std::move(input), limits);
    case Compression::Gzip: return std::make_unique<Gunzip>(std::move(input), limits);
    case Compression::Zstd: return std::make_unique<Unzstd>(std::move(input), limits);
  }
  return error(Code::Internal, "decompress: no method");
}

Result<std::unique_ptr<Decompressor>> decompress(PieceSource& from, const DecompressLimits& limits) {
  return decompress(Input(from), limits);
}

Result<std::unique_ptr<Decompressor>> decompress(ByteSource& from, const DecompressLimits& limits) {
  return decompress(Input(std::make_unique<BufferedPieces>(from, kInputBuffer)), limits);
}

}  // namespace gantry::oci
