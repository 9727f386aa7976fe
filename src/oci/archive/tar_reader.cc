// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/tar_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "base/hex.h"
#include "base/printable.h"
#include "oci/archive/pax_records.h"
#include "oci/archive/tar_format.h"

namespace gantry::oci {
namespace {

template <class... Args>
Error bad(fmt::format_string<Args...> format, Args&&... args) {
  return error(Code::InvalidArgument, format, std::forward<Args>(args)...);
}

// The text of a field: up to its end or the first NUL.
template <std::size_t N>
std::string_view text_in(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

bool is_zero(const std::byte* block) {
  return block[0] == std::byte{} && std::memcmp(block, block + 1, kTarBlock - 1) == 0;
}

// A big-endian two's complement number whose first bit only says that it is one.
Result<std::int64_t> read_base256(std::string_view field) {
  const bool is_negative = (field[0] & 0x40) != 0;
  std::uint64_t value = is_negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = is_negative ? byte | 0x80 : byte & 0x7f;
    // What is shifted out, and the sign bit that is left, must all be copies of the sign.
    const auto top = static_cast<std::int64_t>(value) >> 55;
    if (top != (is_negative ? -1 : 0)) return bad("a number has more than 64 bits");
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

Result<std::int64_t> read_number(std::string_view field) {
  if ((field[0] & 0x80) != 0) return read_base256(field);
  std::size_t i = 0;
  while (i < field.size() && (field[i] == ' ' || field[i] == '\0')) ++i;
  std::int64_t value = 0;  // at most 12 digits: 36 bits
  while (i < field.size() && field[i] >= '0' && field[i] <= '7') value = value * 8 + (field[i++] - '0');
  while (i < field.size() && field[i] == ' ') ++i;
  if (i < field.size() && field[i] != '\0') return bad("'{}' is not an octal number", printable(field));
  return value;
}

template <std::size_t N>
Result<std::uint64_t> read_unsigned(const char (&field)[N], const char* what) {
  const std::int64_t value = TRY_DURING(read_number({field, N}), "{}", what);
  if (value < 0) return bad("{}: {} is less than 0", what, value);
  return static_cast<std::uint64_t>(value);
}

// Larger than any file, and small enough that sizes and offsets add up without overflow.
constexpr std::uint64_t kMaxSize = std::numeric_limits<std::int64_t>::max();

Result<void> check_xattr_name(std::string_view name) {
  if (name.empty() || name.find('\0') != std::string_view::npos)
    return bad("'{}' is not the name of an extended attribute", printable(name));
  return {};
}

void set_xattr(std::vector<std::pair<std::string, std::string>>& xattrs, std::string name,
               std::string_view value) {
  const auto same =
      std::find_if(xattrs.begin(), xattrs.end(), [&](const auto& xattr) { return xattr.first == name; });
  if (same == xattrs.end())
    xattrs.emplace_back(std::move(name), value);
  else
    same->second = value;
}

// libarchive's names of extended attributes: "%" and two digits stand for a byte.
Result<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    if (text[0] != '%') {
      decoded += text[0];
      text.remove_prefix(1);
      continue;
    }
    const std::optional<std::string> byte = from_hex(text.substr(1, 2));
    if (!byte || byte->empty()) return bad("'{}' is not encoded with '%'", printable(text));
    decoded += *byte;
    text.remove_prefix(3);
  }
  return decoded;
}

Result<std::string> decode_base64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string decoded;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+' || c == '-') value = 62;
    if (c == '/' || c == '_') value = 63;
    if (value < 0) return bad("'{}' is not base64", printable(text));
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      decoded += static_cast<char>(bits >> count & 0xff);
    }
  }
  return decoded;
}

// What extended headers say of an entry, or, as a global one does, of all that follow.
struct Extended {
  std::optional<std::string> path, link_path;
  std::optional<std::uint64_t> size, uid, gid;
  std::optional<timespec> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;
  bool is_socket = false;

  // Sparse files: their real size, and the map of the forms 0.0 and 0.1.
  std::optional<std::uint64_t> real_size, major, minor;
  std::optional<std::string> sparse_name;
  std::optional<std::vector<TarSegment>> map;
  std::optional<std::uint64_t> pending_offset;  // of form 0.0: its length is the next record

  Result<void> apply(std::string_view key, std::string_view value, const TarLimits& limits);
  bool is_sparse() const { return map || major || minor || real_size || sparse_name; }

 private:
  Result<void> apply_sparse(std::string_view key, std::string_view value, const TarLimits& limits);
  Result<void> add_segment(std::uint64_t offset, std::uint64_t length, const TarLimits& limits);
};

Result<std::string> checked_text(std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return bad("'{}' holds a NUL", printable(value));
  return std::string(value);
}

// An empty value takes back what a global header said: the ustar field counts again.
template <class T>
Result<void> assign(std::optional<T>& field, std::string_view value, Result<T> (*parse)(std::string_view)) {
  if (value.empty())
    field.reset();
  else
    field = TRY(parse(value));
  return {};
}

Result<void> Extended::apply(std::string_view key, std::string_view value, const TarLimits& limits) {
  if (key == "path") return assign(path, value, checked_text);
  if (key == "linkpath") return assign(link_path, value, checked_text);
  if (key == "size") return assign(size, value, parse_pax_number);
  if (key == "uid") return assign(uid, value, parse_pax_number);
  if (key == "gid") return assign(gid, value, parse_pax_number);
  if (key == "mtime") return assign(mtime, value, parse_pax_time);
  if (key.starts_with(kPaxXattr)) {
    const std::string_view name = key.substr(kPaxXattr.size());
    TRY(check_xattr_name(name));
    set_xattr(xattrs, std::string(name), value);
    return {};
  }
  if (constexpr std::string_view kPrefix = "LIBARCHIVE.xattr."; key.starts_with(kPrefix)) {
    std::string name = TRY(decode_percent(key.substr(kPrefix.size())));
    TRY(check_xattr_name(name));
    const std::string decoded = TRY(decode_base64(value));
    set_xattr(xattrs, std::move(name), decoded);
    return {};
  }
  if (key == kPaxFileType) {
    is_socket = value == kPaxSocket;
    return {};
  }
  if (key.starts_with("GNU.sparse.")) return apply_sparse(key, value, limits);
  return {};  // the header says which keys are not applied
}

Result<void> Extended::add_segment(std::uint64_t offset, std::uint64_t length, const TarLimits& limits) {
  if (!map) map.emplace();
  if (map->size() == limits.max_segments)
    return error(Code::ResourceExhausted, "a sparse file of more than {} pieces", limits.max_segments);
  map->push_back({offset, length});
  return {};
}

Result<void> Extended::apply_sparse(std::string_view key, std::string_view value, const TarLimits& limits) {
  key.remove_prefix(std::string_view("GNU.sparse.").size());
  if (key == "name") return assign(sparse_name, value, checked_text);
  if (key == "size" || key == "realsize") return assign(real_size, value, parse_pax_number);
  if (key == "major") return assign(major, value, parse_pax_number);
  if (key == "minor") return assign(minor, value, parse_pax_number);
  if (key == "numblocks") {
    if (!map) map.emplace();
    return {};
  }
  if (key == "offset") {
    if (pending_offset) return bad("two offsets without a length in a sparse map");
    pending_offset = TRY(parse_pax_number(value));
    return {};
  }
  if (key == "numbytes") {
    if (!pending_offset) return bad("a length without an offset in a sparse map");
    const std::uint64_t offset = *pending_offset;
    pending_offset.reset();
    return add_segment(offset, TRY(parse_pax_number(value)), limits);
  }
  if (key == "map") {
    map.emplace();
    std::optional<std::uint64_t> offset;
    while (!value.empty()) {
      const std::size_t comma = value.find(',');
      const std::uint64_t number = TRY(parse_pax_number(value.substr(0, comma)));
      value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
      if (offset) TRY(add_segment(*offset, number, limits));
      offset = offset ? std::nullopt : std::optional(number);
    }
    if (offset) return bad("a sparse map with an odd number of numbers");
    return {};
  }
  return bad("unknown record 'GNU.sparse.{}'", printable(key));
}

// Brings a map into the form of TarEntry::segments; answers how many bytes are stored.
Result<std::uint64_t> check_segments(std::vector<TarSegment>& segments, std::uint64_t size) {
  std::uint64_t end = 0;
  std::uint64_t stored = 0;
  for (const TarSegment& segment : segments) {
    if (segment.offset < end || segment.offset > size || segment.length > size - segment.offset)
      return bad("a sparse map that is not in order or leaves the file of {} bytes", size);
    end = segment.offset + segment.length;
    stored += segment.length;
  }
  std::erase_if(segments, [](const TarSegment& segment) { return segment.length == 0; });
  return stored;
}

// The path that the header itself has room for.
std::string ustar_path(const TarHeader& header) {
  std::string_view prefix;
  if (std::string_view(header.magic, sizeof header.magic) == std::string_view("ustar\0", 6)) {
    prefix = text_in(header.prefix);
    // star keeps times in the last 24 bytes of the prefix, and says so in the last four of the block.
    constexpr std::size_t kStarPrefix = 131;
    if (std::string_view(header.unused + 8, 4) == std::string_view("tar\0", 4))
      prefix = prefix.substr(0, kStarPrefix);
  }
  std::string path(prefix);
  if (!prefix.empty()) path += '/';
  return path += text_in(header.name);
}

}  // namespace

struct TarReader::State {
  std::unique_ptr<PieceSource> own_source;
  PieceSource& source;
  const TarLimits limits;

  std::span<const std::byte> rest;                   // of the source's current piece: what was not taken
  std::array<std::byte, kTarBlock> block_in_pieces;  // one that the source has cut
  std::uint64_t taken = 0;                           // bytes of the archive, for errors
  bool is_at_end = false;

  Extended global;

  // Of the current entry.
  std::uint64_t stored_left = 0;  // bytes of contents that were not taken yet
  std::uint64_t padding = 0;      // bytes behind them
  std::uint64_t size = 0;
  std::uint64_t position = 0;        // in the file, of the next byte that next_piece() answers
  std::uint64_t read_position = 0;   // and that read() answers
  std::vector<TarSegment> segments;  // of a sparse file
  bool is_sparse = false;
  std::size_t segment = 0;          // the current one
  std::uint64_t segment_taken = 0;  // bytes of it
  Piece unread;                     // what read() has not handed out of a piece

  State(PieceSource& from, const TarLimits& with) : source(from), limits(with) {}
  State(std::unique_ptr<PieceSource> from, const TarLimits& with)
      : own_source(std::move(from)), source(*own_source), limits(with) {}

  Result<bool> fill();
  std::span<const std::byte> take(std::uint64_t most);
  Result<const std::byte*> block();
  Result<const TarHeader*> header();
  Result<void> skip(std::uint64_t bytes);
  Result<std::string> take_text(std::uint64_t bytes, const char* what);
  Result<std::optional<TarEntry>> next();
  Result<void> end_of_archive();
  Result<TarEntry> entry(const TarHeader& header, const Extended& extended,
                         std::optional<std::string> gnu_name, std::optional<std::string> gnu_link);
  Result<void> begin_contents(const TarHeader& header, const Extended& extended, TarEntry& entry);
  Result<std::vector<TarSegment>> gnu_map(const TarHeader& header, std::uint64_t& real_size);
  Result<std::vector<TarSegment>> map_in_contents();
};

TarReader::TarReader(ByteSource& source, const TarLimits& limits)
    : state_(std::make_unique<State>(std::make_unique<BufferedPieces>(source), limits)) {}
TarReader::TarReader(PieceSource& source, const TarLimits& limits)
    : state_(std::make_unique<State>(source, limits)) {}
TarReader::~TarReader() = default;

// Gets more, if nothing is left; false at the end of the source.
Result<bool> TarReader::State::fill() {
  if (rest.empty()) rest = TRY(source.next_piece());
  return !rest.empty();
}

// Of what is at hand.
std::span<const std::byte> TarReader::State::take(std::uint64_t most) {
  const std::span<const std::byte> bytes = rest.first(std::min<std::uint64_t>(most, rest.size()));
  rest = rest.subspan(bytes.size());
  taken += bytes.size();
  return bytes;
}

// The next block, taken; null at the end of the source. Good until the next call.
Result<const std::byte*> TarReader::State::block() {
  if (!TRY(fill())) return nullptr;
  if (rest.size() >= kTarBlock) return take(kTarBlock).data();
  for (std::size_t filled = 0; filled < kTarBlock;) {
    if (!TRY(fill())) return bad("the archive is cut at byte {}", taken);
    const std::span<const std::byte> bytes = take(kTarBlock - filled);
    std::ranges::copy(bytes, block_in_pieces.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += bytes.size();
  }
  return block_in_pieces.data();
}

Result<void> TarReader::State::skip(std::uint64_t bytes) {
  while (bytes > 0) {
    if (!TRY(fill())) return bad("the archive is cut at byte {}", taken);
    bytes -= take(bytes).size();
  }
  return {};
}

// The contents of an extended header, and what pads them.
Result<std::string> TarReader::State::take_text(std::uint64_t bytes, const char* what) {
  if (bytes > limits.max_header)
    return error(Code::ResourceExhausted, "{} of {} bytes: more than {}", what, bytes, limits.max_header);
  std::string text;
  text.reserve(bytes);
  while (text.size() < bytes) {
    if (!TRY(fill())) return bad("the archive is cut at byte {}", taken);
    text.append(text_of(take(bytes - text.size())));
  }
  TRY(skip(tar_padding(bytes)));
  return text;
}

// The next header, its checksum verified; null at the end of the archive.
Result<const TarHeader*> TarReader::State::header() {
  const std::byte* found = TRY(block());
  if (found == nullptr) {
    if (!limits.may_lack_end) return bad("the archive is cut at byte {}: its end is missing", taken);
    return nullptr;
  }
  if (is_zero(found)) {
    const std::byte* second = TRY(block());
    if (second == nullptr && !limits.may_lack_end)
      return bad("the archive is cut at byte {}: in its end", taken);
    if (second != nullptr && !is_zero(second)) return bad("an empty block at byte {}", taken - 2 * kTarBlock);
    return nullptr;
  }
  const auto* header = reinterpret_cast<const TarHeader*>(found);
  const Result<std::int64_t> stored = read_number({header->checksum, sizeof header->checksum});
  if (!stored || (*stored != static_cast<std::int64_t>(tar_checksum(*header)) &&
                  *stored != signed_tar_checksum(*header)))
    return bad("no header of a tar archive at byte {}: wrong checksum", taken - kTarBlock);
  return header;
}

Result<std::optional<TarEntry>> TarReader::State::next() {
  TRY(skip(stored_left + padding));
  stored_left = padding = size = position = read_position = 0;
  is_sparse = false;
  unread = {};
  if (is_at_end) return std::nullopt;

  std::optional<Extended> extended;
  std::optional<std::string> gnu_name, gnu_link;
  for (;;) {
    const std::uint64_t at = taken;
    const TarHeader* found = TRY(header());
    if (found == nullptr) {
      if (extended || gnu_name || gnu_link)
        return bad("the archive ends behind an extended header without the entry it is about");
      is_at_end = true;
      return std::nullopt;
    }
    const TarHeader current = *found;  // what follows takes more
    const auto text = [&](const char* what) -> Result<std::string> {
      return take_text(TRY(read_unsigned(current.size, "size")), what);
    };
    const auto name = [&](std::optional<std::string>& into) -> Result<void> {
      if (into) return bad("two GNU long names of a kind for one entry");
      into = TRY(text("a GNU long name"));
      into->resize(::strnlen(into->data(), into->size()));
      return {};
    };
    const auto records = [&](Extended& into) -> Result<void> {
      const std::string all = TRY(text("an extended header"));
      return for_each_pax_record(
          all, [&](std::string_view key, std::string_view value) { return into.apply(key, value, limits); });
    };
    switch (current.type) {
      case 'L': TRY_DURING(name(gnu_name), "header at byte {}", at); continue;
      case 'K': TRY_DURING(name(gnu_link), "header at byte {}", at); continue;
      case 'g': TRY_DURING(records(global), "global extended header at byte {}", at); continue;
      case 'x':
      case 'X':  // Solaris's
        if (extended) return bad("two extended headers for one entry at byte {}", at);
        extended = global;
        TRY_DURING(records(*extended), "extended header at byte {}", at);
        continue;
      case 'V': continue;  // the name of the volume
      default: break;
    }
    return TRY_DURING(entry(current, extended ? *extended : global, std::move(gnu_name), std::move(gnu_link)),
                      "entry at byte {}", at);
  }
}

Result<TarEntry> TarReader::State::entry(const TarHeader& header, const Extended& extended,
                                         std::optional<std::string> gnu_name,
                                         std::optional<std::string> gnu_link) {
  TarEntry entry;
  if ((gnu_name && extended.path) || (gnu_link && extended.link_path))
    return bad("a GNU long name and one in an extended header");
  if (extended.sparse_name)
    entry.path = *extended.sparse_name;
  else if (extended.path)
    entry.path = *extended.path;
  else if (gnu_name)
    entry.path = std::move(*gnu_name);
  else
    entry.path = ustar_path(header);
  if (entry.path.empty()) return bad("an entry without a name");

  if (extended.link_path)
    entry.link_target = *extended.link_path;
  else if (gnu_link)
    entry.link_target = std::move(*gnu_link);
  else
    entry.link_target = text_in(header.link_name);

  const auto fields = [&]() -> Result<void> {
    switch (header.type) {
      case '\0':  // old archives have no type for directories
        entry.type = entry.path.ends_with('/') ? TarType::Directory : TarType::File;
        break;
      case '0':
      case '7':  // "contiguous": a file on systems that have no such thing
      case 'S':  // sparse
        entry.type = TarType::File;
        break;
      case '1': entry.type = TarType::HardLink; break;
      case '2': entry.type = TarType::SymbolicLink; break;
      case '3': entry.type = TarType::CharacterDevice; break;
      case '4': entry.type = TarType::BlockDevice; break;
      case '5': entry.type = TarType::Directory; break;
      case '6': entry.type = TarType::Fifo; break;
      default:
        return error(Code::Unsupported, "an entry of type '{}'",
                     printable(std::string_view(&header.type, 1)));
    }
    if (entry.type == TarType::File && entry.path.ends_with('/')) return bad("a file whose name ends in '/'");

    entry.mode = TRY(read_unsigned(header.mode, "mode")) & 07777;
    entry.uid = extended.uid ? *extended.uid : TRY(read_unsigned(header.uid, "uid"));
    entry.gid = extended.gid ? *extended.gid : TRY(read_unsigned(header.gid, "gid"));
    if (extended.mtime)
      entry.mtime = *extended.mtime;
    else
      entry.mtime.tv_sec = TRY_DURING(read_number({header.mtime, sizeof header.mtime}), "mtime");

    if (entry.type == TarType::CharacterDevice || entry.type == TarType::BlockDevice) {
      const std::uint64_t major = TRY(read_unsigned(header.device_major, "major device number"));
      const std::uint64_t minor = TRY(read_unsigned(header.device_minor, "minor device number"));
      if (major > std::numeric_limits<std::uint32_t>::max() ||
          minor > std::numeric_limits<std::uint32_t>::max())
        return bad("device {}:{}: more than 32 bits", major, minor);
      entry.device_major = static_cast<std::uint32_t>(major);
      entry.device_minor = static_cast<std::uint32_t>(minor);
    }
    if (entry.type == TarType::HardLink || entry.type == TarType::SymbolicLink) {
      if (entry.link_target.empty()) return bad("a link to nothing");
    } else {
      entry.link_target.clear();
    }
    entry.xattrs = extended.xattrs;
    return begin_contents(header, extended, entry);
  };
  TRY_DURING(fields(), "'{}'", printable(entry.path));
  return entry;
}

Result<void> TarReader::State::begin_contents(const TarHeader& header, const Extended& extended,
                                              TarEntry& entry) {
  const bool is_sparse_entry = header.type == 'S' || extended.is_sparse();
  if (entry.type != TarType::File) {
    if (is_sparse_entry) return bad("a {} that is sparse", name_of(entry.type));
    return {};  // the size of others means nothing (POSIX: "no data", or a hint)
  }
  stored_left = extended.size ? *extended.size : TRY(read_unsigned(header.size, "size"));
  if (stored_left > kMaxSize - kTarBlock) return bad("a file of {} bytes", stored_left);
  padding = tar_padding(stored_left);
  entry.size = stored_left;

  if (is_sparse_entry) {
    if (header.type == 'S') {
      if (extended.is_sparse()) return bad("a sparse file in two forms at once");
      segments = TRY(gnu_map(header, entry.size));
    } else {
      if (!extended.real_size) return bad("a sparse file without its size");
      entry.size = *extended.real_size;
      if (extended.major && *extended.major == 1 && extended.minor.value_or(0) == 0 && !extended.map)
        segments = TRY(map_in_contents());
      else if (extended.map && extended.major.value_or(0) == 0 && !extended.pending_offset)
        segments = *extended.map;
      else
        return error(Code::Unsupported, "a sparse file of form {}.{}", extended.major.value_or(0),
                     extended.minor.value_or(0));
    }
    if (entry.size > kMaxSize) return bad("a file of {} bytes", entry.size);
    const std::uint64_t stored = TRY(check_segments(segments, entry.size));
    if (stored != stored_left)
      return bad("a sparse map of {} bytes, and {} in the archive", stored, stored_left);
    entry.segments = segments;
    is_sparse = true;
    segment = 0;
    segment_taken = 0;
  }
  if (extended.is_socket) {
    if (entry.size != 0) return bad("a socket with contents");
    entry.type = TarType::Socket;
  }
  size = entry.size;
  return {};
}

Result<std::vector<TarSegment>> TarReader::State::gnu_map(const TarHeader& header, std::uint64_t& real_size) {
  const auto& sparse = reinterpret_cast<const GnuSparseHeader&>(header);
  std::vector<TarSegment> map;
  bool is_complete = false;
  const auto take = [&](std::span<const GnuSparseEntry> entries) -> Result<void> {
    for (const GnuSparseEntry& entry : entries) {
      is_complete = is_complete || entry.length[0] == '\0';
      if (is_complete) break;
      if (map.size() == limits.max_segments)
        return error(Code::ResourceExhausted, "a sparse file of more than {} pieces", limits.max_segments);
      const std::uint64_t offset = TRY(read_unsigned(entry.offset, "offset in a sparse map"));
      const std::uint64_t length = TRY(read_unsigned(entry.length, "length in a sparse map"));
      map.push_back({offset, length});
    }
    return {};
  };
  real_size = TRY(read_unsigned(sparse.real_size, "size of a sparse file"));
  TRY(take(sparse.entries));
  bool is_extended = sparse.is_extended != 0;
  while (is_extended) {
    if (is_complete) return bad("a sparse map that goes on behind its end");
    const std::byte* found = TRY(block());
    if (found == nullptr) return bad("the archive is cut at byte {}", taken);
    const auto* more = reinterpret_cast<const GnuSparseBlock*>(found);
    TRY(take(more->entries));
    is_extended = more->is_extended != 0;
  }
  return map;
}

// Form 1.0: the contents begin with decimal numbers, a line each: how many segments, then their offsets and
// lengths; padded to a block.
Result<std::vector<TarSegment>> TarReader::State::map_in_contents() {
  std::uint64_t left = stored_left + padding;
  std::string_view text;  // of the current block
  const auto number = [&]() -> Result<std::uint64_t> {
    std::uint64_t value = 0;
    for (int digits = 0;; ++digits) {
      if (text.empty()) {
        if (left < kTarBlock) return bad("a sparse map that is longer than its file");
        const std::byte* found = TRY(block());
        if (found == nullptr) return bad("the archive is cut at byte {}", taken);
        left -= kTarBlock;
        text = {reinterpret_cast<const char*>(found), kTarBlock};
      }
      const char c = text[0];
      text.remove_prefix(1);
      if (c == '\n' && digits > 0) return value;
      if (c < '0' || c > '9' || digits == 18) return bad("a sparse map with something else than numbers");
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
  };
  const std::uint64_t count = TRY(number());
  if (count > limits.max_segments)
    return error(Code::ResourceExhausted, "a sparse file of {} pieces: more than {}", count,
                 limits.max_segments);
  std::vector<TarSegment> map;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = TRY(number());
    const std::uint64_t length = TRY(number());
    map.push_back({offset, length});
  }
  if (left < padding) return bad("a sparse map that is longer than its file");
  stored_left = left - padding;
  return map;
}

Result<std::optional<TarEntry>> TarReader::next() { return state_->next(); }

Result<TarReader::Piece> TarReader::next_piece() {
  State& s = *state_;
  if (!s.unread.data.empty()) return std::exchange(s.unread, {});
  if (s.stored_left == 0) return Piece{s.size, {}};
  if (!TRY(s.fill())) return bad("the archive is cut at byte {}", s.taken);
  std::uint64_t length = std::min<std::uint64_t>(s.stored_left, s.rest.size());
  Piece piece{.offset = s.position};
  if (s.is_sparse) {
    const TarSegment& segment = s.segments[s.segment];
    piece.offset = segment.offset + s.segment_taken;
    length = std::min(length, segment.length - s.segment_taken);
    s.segment_taken += length;
    if (s.segment_taken == segment.length) {
      ++s.segment;
      s.segment_taken = 0;
    }
  } else {
    s.position += length;
  }
  piece.data = s.take(length);
  s.stored_left -= length;
  return piece;
}

Result<std::size_t> TarReader::read(std::span<std::byte> into) {
  State& s = *state_;
  const Piece piece = TRY(next_piece());
  std::size_t n = 0;
  if (s.read_position < piece.offset) {  // in a hole
    n = std::min<std::uint64_t>(into.size(), piece.offset - s.read_position);
    std::memset(into.data(), 0, n);
    s.unread = piece;
  } else {
    n = std::min(into.size(), piece.data.size());
    std::ranges::copy(piece.data.first(n), into.begin());
    s.unread = {piece.offset + n, piece.data.subspan(n)};
  }
  s.read_position += n;
  return n;
}

Result<void> TarReader::drain() {
  State& s = *state_;
  while (TRY(s.fill())) s.rest = {};
  return {};
}

}  // namespace gantry::oci
