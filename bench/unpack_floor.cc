// SPDX-License-Identifier: Apache-2.0
#include "unpack_floor.h"

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

#include "base/byte_stream.h"

namespace gantry::bench {

void fail(const std::string& why) {
  std::fprintf(stderr, "%s: %s (%m)\n", program_invocation_short_name, why.c_str());
  std::exit(1);
}

namespace {

// Writes the planned files of the bytes that go by.
class PlannedWriter {
 public:
  PlannedWriter(int root, const std::vector<Planned>& plan) : root_(root), plan_(plan) {}

  void take(std::span<const std::byte> bytes) {
    const std::uint64_t end = position_ + bytes.size();
    while (next_ < plan_.size()) {
      const Planned& entry = plan_[next_];
      if (entry.offset > end) break;
      if (entry.type != Planned::Type::File) {
        make(entry);
        ++next_;
        continue;
      }
      if (fd_ < 0)
        fd_ = ::openat(root_, entry.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, entry.mode);
      if (fd_ < 0) fail("open '" + entry.path + "'");
      const std::uint64_t from = std::max(position_, entry.offset);
      const std::uint64_t size = std::min(end, entry.offset + entry.size) - from;
      if (size > 0 && ::write(fd_, bytes.data() + (from - position_), size) < 0) fail("write");
      if (entry.offset + entry.size > end) break;
      const timespec times[2] = {{0, UTIME_OMIT}, {1'700'000'000, 123'456'789}};
      if (::futimens(fd_, times) < 0) fail("futimens");
      (void)::close(fd_);
      fd_ = -1;
      ++next_;
    }
    position_ = end;
  }

  void finish() const {
    if (next_ != plan_.size()) fail("the archive ends before '" + plan_[next_].path + "'");
  }

 private:
  void make(const Planned& entry) const {
    const char* path = entry.path.c_str();
    const char* target = entry.target.c_str();
    switch (entry.type) {
      case Planned::Type::File: break;
      case Planned::Type::Directory:
        if (::mkdirat(root_, path, entry.mode) < 0) fail("make directory '" + entry.path + "'");
        break;
      case Planned::Type::Symlink:
        if (::symlinkat(target, root_, path) < 0) fail("make symlink '" + entry.path + "'");
        break;
      case Planned::Type::HardLink:
        if (::linkat(root_, target, root_, path, 0) < 0) fail("make link '" + entry.path + "'");
        break;
    }
  }

  int root_;
  const std::vector<Planned>& plan_;
  std::size_t next_ = 0;
  std::uint64_t position_ = 0;
  int fd_ = -1;
};

void inflate_to(PlannedWriter& writer, int fd) {
  const auto state = std::make_unique<inflate_state>();
  std::vector<std::uint8_t> in(kStreamBuffer);
  std::vector<std::byte> out(kStreamBuffer);
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;
  for (;;) {
    if (state->avail_in == 0) {
      const ssize_t n = ::read(fd, in.data(), in.size());
      if (n <= 0) return;
      state->next_in = in.data();
      state->avail_in = static_cast<std::uint32_t>(n);
    }
    if (state->block_state == ISAL_BLOCK_FINISH) {
      isal_inflate_reset(state.get());
      state->crc_flag = ISAL_GZIP;
    }
    do {
      state->next_out = reinterpret_cast<std::uint8_t*>(out.data());
      state->avail_out = static_cast<std::uint32_t>(out.size());
      if (isal_inflate(state.get()) < 0) fail("inflate");
      writer.take(std::span(out).first(out.size() - state->avail_out));
    } while (state->avail_out == 0);
  }
}

void unzstd_to(PlannedWriter& writer, int fd) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::vector<std::byte> in(kStreamBuffer), out(kStreamBuffer);
  for (;;) {
    const ssize_t n = ::read(fd, in.data(), in.size());
    if (n <= 0) break;
    ZSTD_inBuffer input{in.data(), static_cast<std::size_t>(n), 0};
    ZSTD_outBuffer output{};
    do {
      output = {out.data(), out.size(), 0};
      if (ZSTD_isError(ZSTD_decompressStream(context, &output, &input))) fail("zstd");
      writer.take(std::span(out).first(output.pos));
    } while (input.pos < input.size || output.pos == output.size);
  }
  ZSTD_freeDCtx(context);
}

}  // namespace

void unpack_floor(const std::vector<Planned>& plan, oci::Compression compression, int fd, int root) {
  PlannedWriter writer(root, plan);
  if (compression == oci::Compression::Gzip)
    inflate_to(writer, fd);
  else
    unzstd_to(writer, fd);
  writer.finish();
}

}  // namespace gantry::bench
