// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/tar_writer.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/printable.h"
#include "oci/archive/pax_records.h"
#include "oci/archive/tar_format.h"

namespace gantry::oci {
namespace {

char type_flag(TarType type) {
  switch (type) {
    case TarType::File:
    case TarType::Socket: return '0';
    case TarType::HardLink: return '1';
    case TarType::SymbolicLink: return '2';
    case TarType::CharacterDevice: return '3';
    case TarType::BlockDevice: return '4';
    case TarType::Directory: return '5';
    case TarType::Fifo: return '6';
  }
  return '0';
}

// Octal digits up to the last byte, which is NUL; false if there is no room.
template <std::size_t N>
bool put_octal(char (&field)[N], std::uint64_t value) {
  if (N - 1 < 22 && value >> (3 * (N - 1)) != 0) return false;
  for (std::size_t i = N - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
  field[N - 1] = '\0';
  return true;
}

// As it is if it is short enough; the field needs no NUL at its end.
template <std::size_t N>
bool put_text(char (&field)[N], std::string_view text) {
  if (text.size() > N) return false;
  std::memcpy(field, text.data(), text.size());
  return true;
}

// In `name`, or with a "/" of it as the border between `prefix` and `name`.
bool put_path(TarHeader& header, std::string_view path) {
  if (put_text(header.name, path)) return true;
  // The last "/" that leaves something behind it and makes a prefix that fits.
  if (path.size() > sizeof header.prefix + 1 + sizeof header.name) return false;
  const std::size_t slash = path.rfind('/', std::min(sizeof header.prefix, path.size() - 2));
  if (slash == std::string_view::npos || slash == 0) return false;
  if (path.size() - slash - 1 > sizeof header.name) return false;
  (void)put_text(header.prefix, path.substr(0, slash));
  (void)put_text(header.name, path.substr(slash + 1));
  return true;
}

TarHeader new_header() {
  TarHeader header{};
  (void)put_text(header.magic, "ustar");
  (void)put_text(header.version, "00");
  (void)put_octal(header.device_major, 0);
  (void)put_octal(header.device_minor, 0);
  return header;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

// The name under which a reader that knows no pax unpacks what it does not understand.
std::string stand_in(std::string_view folder, std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::string_view base = path.substr(path.rfind('/') + 1);
  return fmt::format("{}/{}", folder, base.substr(0, 80));
}

// Sparse form 1.0: the map, before the contents.
std::string map_text(const std::vector<TarSegment>& segments) {
  std::string map = fmt::format("{}\n", segments.size());
  for (const TarSegment& segment : segments)
    fmt::format_to(std::back_inserter(map), "{}\n{}\n", segment.offset, segment.length);
  map.resize(map.size() + tar_padding(map.size()));
  return map;
}

Result<void> check(const TarEntry& entry) {
  if (entry.path.empty() || has_nul(entry.path) || has_nul(entry.link_target))
    return error(Code::InvalidArgument, "a name that is empty or holds a NUL");
  const bool is_link = entry.type == TarType::HardLink || entry.type == TarType::SymbolicLink;
  if (is_link == entry.link_target.empty())
    return error(Code::InvalidArgument, "a {} {} a target", name_of(entry.type),
                 is_link ? "without" : "with");
  if (entry.type != TarType::File && (entry.size != 0 || entry.segments))
    return error(Code::InvalidArgument, "a {} with contents", name_of(entry.type));
  // A reader would take it for a directory.
  if (entry.type == TarType::File && entry.path.ends_with('/'))
    return error(Code::InvalidArgument, "a file whose name ends in '/'");
  std::uint64_t end = 0;
  if (entry.segments) {
    for (const TarSegment& segment : *entry.segments) {
      if (segment.length == 0 || segment.offset < end || segment.offset > entry.size ||
          segment.length > entry.size - segment.offset)
        return error(Code::InvalidArgument, "a sparse map that is not in order or leaves the file");
      end = segment.offset + segment.length;
    }
  }
  for (const auto& [name, value] : entry.xattrs)
    if (name.empty() || has_nul(name) || name.find('=') != std::string::npos)
      return error(Code::InvalidArgument, "extended attribute '{}': a name that pax cannot say",
                   printable(name));
  return {};
}

}  // namespace

TarWriter::TarWriter(ByteSink& sink) : sink_(sink) { buffer_.reserve(kStreamBuffer); }

Result<void> TarWriter::add(const TarEntry& entry) {
  path_ = printable(entry.path);
  TRY_DURING(check(entry), "archive '{}'", path_);
  if (left_ > 0)
    return error(Code::Internal, "archive '{}': {} bytes of the entry before are missing", path_, left_);
  TRY(pad());

  TarHeader header = new_header();
  std::string records;
  const auto number = [&](auto& field, std::string_view key, std::uint64_t value) {
    if (put_octal(field, value)) return;
    (void)put_octal(field, 0);
    append_pax_record(records, key, fmt::format("{}", value));
  };

  std::string map;
  std::uint64_t stored = entry.size;
  if (entry.segments) {
    map = map_text(*entry.segments);
    stored = map.size();
    for (const TarSegment& segment : *entry.segments) stored += segment.length;
    append_pax_record(records, "GNU.sparse.major", "1");
    append_pax_record(records, "GNU.sparse.minor", "0");
    append_pax_record(records, "GNU.sparse.name", entry.path);
    append_pax_record(records, "GNU.sparse.realsize", fmt::format("{}", entry.size));
    (void)put_text(header.name, stand_in("GNUSparseFile", entry.path));
  } else if (!put_path(header, entry.path)) {
    append_pax_record(records, "path", entry.path);
    (void)put_text(header.name, std::string_view(entry.path).substr(0, sizeof header.name));
  }
  if (!put_text(header.link_name, entry.link_target)) {
    append_pax_record(records, "linkpath", entry.link_target);
    (void)put_text(header.link_name, std::string_view(entry.link_target).substr(0, sizeof header.link_name));
  }
  header.type = type_flag(entry.type);
  (void)put_octal(header.mode, entry.mode & 07777);
  number(header.uid, "uid", entry.uid);
  number(header.gid, "gid", entry.gid);
  number(header.size, "size", stored);
  const bool is_plain_time = entry.mtime.tv_sec >= 0 && entry.mtime.tv_nsec == 0;
  if (!put_octal(header.mtime, entry.mtime.tv_sec < 0 ? 0 : static_cast<std::uint64_t>(entry.mtime.tv_sec)))
    (void)put_octal(header.mtime, 0);
  if (!is_plain_time || entry.mtime.tv_sec >> 33 != 0)
    append_pax_record(records, "mtime", format_pax_time(entry.mtime));
  if (entry.type == TarType::CharacterDevice || entry.type == TarType::BlockDevice) {
    // Linux has 12 and 20 bits for them.
    if (!put_octal(header.device_major, entry.device_major) ||
        !put_octal(header.device_minor, entry.device_minor))
      return error(Code::InvalidArgument, "archive '{}': device {}:{} has more than 21 bits", path_,
                   entry.device_major, entry.device_minor);
  }
  if (entry.type == TarType::Socket) append_pax_record(records, kPaxFileType, kPaxSocket);
  std::vector<const std::pair<std::string, std::string>*> xattrs;
  xattrs.reserve(entry.xattrs.size());
  for (const auto& xattr : entry.xattrs) xattrs.push_back(&xattr);
  std::sort(xattrs.begin(), xattrs.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* xattr : xattrs)
    append_pax_record(records, std::string(kPaxXattr) + xattr->first, xattr->second);

  if (!records.empty()) {
    TarHeader extended = new_header();
    (void)put_text(extended.name, stand_in("PaxHeaders", entry.path));
    extended.type = 'x';
    (void)put_octal(extended.mode, 0644);
    (void)put_octal(extended.uid, 0);
    (void)put_octal(extended.gid, 0);
    (void)put_octal(extended.mtime, 0);
    if (!put_octal(extended.size, records.size()))
      return error(Code::InvalidArgument, "archive '{}': {} bytes of attributes", path_, records.size());
    put_tar_checksum(extended);
    TRY(put(std::as_bytes(std::span(&extended, 1))));
    records.resize(records.size() + tar_padding(records.size()));
    TRY(put(bytes_of(records)));
  }
  put_tar_checksum(header);
  TRY(put(std::as_bytes(std::span(&header, 1))));
  TRY(put(bytes_of(map)));
  left_ = stored - map.size();
  padding_ = tar_padding(left_);
  return {};
}

Result<void> TarWriter::write(std::span<const std::byte> contents) {
  if (contents.size() > left_)
    return error(Code::Internal, "archive '{}': {} bytes too many", path_, contents.size() - left_);
  TRY(put(contents));
  left_ -= contents.size();
  return {};
}

Result<void> TarWriter::finish() {
  if (left_ > 0) return error(Code::Internal, "archive '{}': {} bytes are missing", path_, left_);
  TRY(pad());
  constexpr std::byte kEnd[2 * kTarBlock]{};
  TRY(put(kEnd));
  return flush();
}

Result<void> TarWriter::pad() {
  constexpr std::byte kZeros[kTarBlock]{};
  const std::size_t size = std::exchange(padding_, 0);
  return put(std::span(kZeros).first(size));
}

Result<void> TarWriter::put(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kStreamBuffer) TRY(flush());
  if (bytes.size() >= kStreamBuffer) return sink_.write(bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<void> TarWriter::flush() {
  if (buffer_.empty()) return {};
  TRY(sink_.write(buffer_));
  buffer_.clear();
  return {};
}

}  // namespace gantry::oci
