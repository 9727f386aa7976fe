// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/tar_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "oci/archive/tar_reader.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

std::string archive_of(const TarEntry& entry, std::string_view contents = {}) {
  StringSink sink;
  TarWriter writer(sink);
  MUST(writer.add(entry));
  MUST(writer.write(bytes_of(contents)));
  MUST(writer.finish());
  return sink.take();
}

TarEntry round_trip(const TarEntry& entry, std::string_view contents = {}, std::string* read_back = nullptr) {
  const std::string archive = archive_of(entry, contents);
  StringSource source(archive);
  TarReader reader(source);
  std::optional<TarEntry> found = MUST(reader.next());
  if (read_back != nullptr) *read_back = MUST(read_all(reader, "contents", 1 << 20));
  EXPECT_FALSE(MUST(reader.next()));
  return std::move(*found);
}

void expect_same(const TarEntry& a, const TarEntry& b) {
  EXPECT_EQ(a.type, b.type);
  EXPECT_EQ(a.path, b.path);
  EXPECT_EQ(a.link_target, b.link_target);
  EXPECT_EQ(a.mode, b.mode);
  EXPECT_EQ(a.uid, b.uid);
  EXPECT_EQ(a.gid, b.gid);
  EXPECT_EQ(a.size, b.size);
  EXPECT_EQ(a.mtime.tv_sec, b.mtime.tv_sec);
  EXPECT_EQ(a.mtime.tv_nsec, b.mtime.tv_nsec);
  EXPECT_EQ(a.device_major, b.device_major);
  EXPECT_EQ(a.device_minor, b.device_minor);
  EXPECT_EQ(a.xattrs, b.xattrs);
  EXPECT_EQ(a.segments, b.segments);
}

TEST(TarWriter, EveryTypeComesBack) {
  const TarEntry entries[] = {
      {.path = "f", .mode = 0644, .uid = 1, .gid = 2, .mtime = {1'700'000'000, 0}},
      {.type = TarType::Directory, .path = "d/", .mode = 01777},
      {.type = TarType::SymbolicLink, .path = "l", .link_target = "../x", .mode = 0777},
      {.type = TarType::HardLink, .path = "h", .link_target = "f", .mode = 0644},
      {.type = TarType::CharacterDevice, .path = "c", .mode = 0666, .device_major = 1, .device_minor = 3},
      {.type = TarType::BlockDevice,
       .path = "b",
       .mode = 0660,
       .device_major = 4095,
       .device_minor = 1048575},
      {.type = TarType::Fifo, .path = "p", .mode = 0600},
      {.type = TarType::Socket, .path = "s", .mode = 0755},
      {.path = "suid", .mode = 07755},
  };
  for (const TarEntry& entry : entries) {
    SCOPED_TRACE(entry.path);
    expect_same(round_trip(entry), entry);
  }
}

TEST(TarWriter, NumbersOfEverySizeComeBack) {
  for (const std::uint64_t id : {0ULL, 07777777ULL, 010000000ULL, 4294967294ULL}) {
    const TarEntry entry{.path = "f", .uid = id, .gid = id + 1};
    expect_same(round_trip(entry), entry);
  }
  for (const timespec time : {timespec{0, 1},
                              {-1, 0},
                              {-1, 999'999'999},
                              {-2, 500'000'000},
                              {1LL << 33, 0},
                              {1LL << 40, 123'456'789},
                              {1'700'000'000, 100'000'000},
                              {-(1LL << 40), 1}}) {
    SCOPED_TRACE(time.tv_sec);
    const TarEntry entry{.path = "f", .mtime = time};
    expect_same(round_trip(entry), entry);
  }
}

TEST(TarWriter, NamesOfEveryLengthAndAllBytesComeBack) {
  for (const std::size_t length : {1, 99, 100, 101, 154, 155, 156, 255, 256, 257, 300, 4095, 70'000}) {
    SCOPED_TRACE(length);
    std::string flat(length, 'n');
    expect_same(round_trip({.path = flat}), {.path = flat});
    std::string nested;
    while (nested.size() < length) nested += nested.size() % 11 == 10 ? '/' : 'x';
    if (nested.ends_with('/')) nested.back() = 'y';
    expect_same(round_trip({.path = nested}), {.path = nested});
    const TarEntry link{.type = TarType::SymbolicLink, .path = "l", .link_target = flat};
    expect_same(round_trip(link), link);
    const TarEntry directory{.type = TarType::Directory, .path = nested + "/"};
    expect_same(round_trip(directory), directory);
  }
  std::string bytes;
  for (int c = 1; c < 256; ++c) bytes += static_cast<char>(c);
  bytes += "x";
  expect_same(round_trip({.path = bytes}), {.path = bytes});
}

TEST(TarWriter, AttributesOfAnyBytesComeBackSortedByName) {
  std::string value;
  for (int c = 0; c < 256; ++c) value += static_cast<char>(c);
  const TarEntry entry{
      .path = "f",
      .xattrs = {{"security.capability", value}, {"user.empty", ""}, {"user.lines", "a\nb=c\n"}}};
  TarEntry shuffled = entry;
  std::swap(shuffled.xattrs[0], shuffled.xattrs[2]);
  expect_same(round_trip(entry), entry);
  EXPECT_EQ(archive_of(shuffled), archive_of(entry));
}

TEST(TarWriter, ContentsArePaddedToBlocks) {
  for (const std::size_t size : {0, 1, 511, 512, 513, 300'000}) {
    const std::string contents(size, 'c');
    const TarEntry entry{.path = "f", .size = size};
    EXPECT_EQ(archive_of(entry, contents).size(), 512 + (size + 511) / 512 * 512 + 1024);
    std::string back;
    expect_same(round_trip(entry, contents, &back), entry);
    EXPECT_EQ(back, contents);
  }
}

TEST(TarWriter, SparseFilesKeepTheirHoles) {
  const TarEntry entry{.path = "dir/sparse", .size = 100'000, .segments = {{{4096, 3}, {50'000, 5}}}};
  std::string back;
  expect_same(round_trip(entry, "abcdefgh", &back), entry);
  std::string expected(100'000, '\0');
  expected.replace(4096, 3, "abc").replace(50'000, 5, "defgh");
  EXPECT_EQ(back, expected);

  const TarEntry hole{.path = "hole", .size = 1000, .segments = std::vector<TarSegment>{}};
  expect_same(round_trip(hole, "", &back), hole);
  EXPECT_EQ(back, std::string(1000, '\0'));
}

TEST(TarWriter, WhatTarCannotSayIsRefused) {
  const TarEntry entries[] = {
      {.path = ""},
      {.path = std::string("a\0b", 3)},
      {.path = "file/"},
      {.type = TarType::SymbolicLink, .path = "l"},
      {.type = TarType::Directory, .path = "d", .size = 1},
      {.path = "x", .xattrs = {{"user.a=b", ""}}},
      {.path = "s", .size = 10, .segments = {{{8, 4}}}},
      {.path = "s", .size = 10, .segments = {{{4, 2}, {5, 2}}}},
      {.type = TarType::CharacterDevice, .path = "c", .device_minor = 1U << 22},
  };
  for (const TarEntry& entry : entries) {
    StringSink sink;
    TarWriter writer(sink);
    const auto result = writer.add(entry);
    ASSERT_FALSE(result) << entry.path;
    EXPECT_EQ(result.error().code(), Code::InvalidArgument);
  }
}

TEST(TarWriter, ContentsMustHaveTheSizeThatWasSaid) {
  StringSink sink;
  TarWriter writer(sink);
  MUST(writer.add({.path = "f", .size = 4}));
  EXPECT_FALSE(writer.write(bytes_of("12345")));
  MUST(writer.write(bytes_of("123")));
  EXPECT_FALSE(writer.add({.path = "g"}));
  EXPECT_FALSE(writer.finish());
}

}  // namespace
}  // namespace gantry::oci
