// SPDX-License-Identifier: Apache-2.0
//
// The block that begins every entry of a tar archive (POSIX.1-2017 pax(1), "ustar Interchange Format";
// GNU tar manual, "Basic Tar Format"). Numbers are octal digits with spaces or NULs around them.
#pragma once

#include <cstddef>
#include <span>

namespace gantry::oci {

inline constexpr std::size_t kTarBlock = 512;

struct TarHeader {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];    // "ustar" and NUL; GNU's old format has "ustar  " over magic and version
  char version[2];  // "00"
  char user[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];  // goes before `name`, with a "/" between them; GNU's old format has other things here
  char unused[12];
};
static_assert(sizeof(TarHeader) == kTarBlock);

// Where in a block of GNU's old format the map of a sparse file stands.
struct GnuSparseEntry {
  char offset[12];
  char length[12];
};
struct GnuSparseHeader {
  char before[386];
  GnuSparseEntry entries[4];
  char is_extended;  // another block with entries follows
  char real_size[12];
  char after[17];
};
static_assert(sizeof(GnuSparseHeader) == kTarBlock);
struct GnuSparseBlock {
  GnuSparseEntry entries[21];
  char is_extended;
  char after[7];
};
static_assert(sizeof(GnuSparseBlock) == kTarBlock);

constexpr std::size_t tar_padding(std::size_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

// The sum of a header's bytes, with the checksum itself taken as spaces.
inline unsigned tar_checksum(const TarHeader& header) {
  unsigned sum = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (std::size_t i = 0; i < kTarBlock; ++i) sum += bytes[i];
  for (const char c : std::span(header.checksum))
    sum += ' ' - static_cast<unsigned>(static_cast<unsigned char>(c));
  return sum;
}

// The same as some old writers have it, who summed signed bytes.
inline int signed_tar_checksum(const TarHeader& header) {
  int sum = 0;
  const auto* bytes = reinterpret_cast<const signed char*>(&header);
  for (std::size_t i = 0; i < kTarBlock; ++i) sum += bytes[i];
  for (const char c : std::span(header.checksum)) sum += ' ' - static_cast<signed char>(c);
  return sum;
}

// Six digits, NUL, space: as every writer since v7 has it.
inline void put_tar_checksum(TarHeader& header) {
  unsigned sum = tar_checksum(header);
  for (std::size_t i = 6; i-- > 0; sum >>= 3) header.checksum[i] = static_cast<char>('0' + (sum & 7));
  header.checksum[6] = '\0';
  header.checksum[7] = ' ';
}

}  // namespace gantry::oci
