// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a tar archive: they are refused, or mean something that TarWriter can say and that is read
// back the same.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "oci/archive/tar_format.h"
#include "oci/archive/tar_reader.h"
#include "oci/archive/tar_writer.h"
#include "oci/archive/trickle.h"

namespace {

using namespace gantry;
using namespace gantry::oci;

constexpr std::size_t kMost = 1 << 20;  // bytes of contents that are looked at

std::string with_checksums(std::string text) {
  for (std::size_t at = 0; at + kTarBlock <= text.size(); at += kTarBlock) {
    auto* header = reinterpret_cast<TarHeader*>(text.data() + at);
    if (text.compare(at + offsetof(TarHeader, magic), 5, "ustar") == 0) put_tar_checksum(*header);
  }
  return text;
}

struct Read {
  TarEntry entry;
  std::string stored;  // without the holes
};

Result<std::vector<Read>> read(ByteSource& source) {
  TarReader reader(source, {.max_header = 64 << 10, .max_segments = 1000});
  std::vector<Read> all;
  while (std::optional<TarEntry> entry = TRY(reader.next())) {
    std::string stored;
    std::uint64_t end = 0;
    for (;;) {
      const TarReader::Piece piece = TRY(reader.next_piece());
      if (piece.data.empty()) break;
      if (piece.offset < end || piece.data.size() > entry->size - piece.offset) std::abort();
      end = piece.offset + piece.data.size();
      stored += text_of(piece.data);
    }
    all.push_back({std::move(*entry), std::move(stored)});
  }
  return all;
}

bool is_same(const Read& a, const Read& b) {
  const TarEntry &x = a.entry, &y = b.entry;
  return x.type == y.type && x.path == y.path && x.link_target == y.link_target && x.mode == y.mode &&
         x.uid == y.uid && x.gid == y.gid && x.size == y.size && x.mtime.tv_sec == y.mtime.tv_sec &&
         x.mtime.tv_nsec == y.mtime.tv_nsec && x.device_major == y.device_major &&
         x.device_minor == y.device_minor && x.xattrs == y.xattrs && x.segments == y.segments &&
         a.stored == b.stored;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text = with_checksums({reinterpret_cast<const char*>(data) + 1, size - 1});
  Trickle source(text, data[0] == 0 ? kMost : data[0] * 3U);
  Result<std::vector<Read>> first = read(source);
  if (!first) return 0;

  StringSink sink;
  TarWriter writer(sink);
  for (Read& one : *first) {
    std::sort(one.entry.xattrs.begin(), one.entry.xattrs.end());
    // What pax cannot say, and only libarchive's encoding of names could.
    std::erase_if(one.entry.xattrs,
                  [](const auto& xattr) { return xattr.first.find('=') != std::string::npos; });
    if (!writer.add(one.entry)) return 0;
    if (!writer.write(bytes_of(one.stored))) std::abort();
  }
  if (!writer.finish()) std::abort();
  StringSource again(sink.text());
  const Result<std::vector<Read>> second = read(again);
  // Headers may have become longer than the limit here.
  if (!second) return 0;
  if (second->size() != first->size() || !std::equal(first->begin(), first->end(), second->begin(), is_same))
    std::abort();
  return 0;
}
