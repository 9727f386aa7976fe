// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/tar_reader.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/file.h"
#include "oci/archive/tar_format.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::oci {
namespace {

using testing::TempDir;

// What one field of a header, and with it the checksum, can be set to.
struct Raw {
  char type = '0';
  std::string name = "f";
  std::string link;
  std::string size = "00000000000";
  std::string mtime = "00000000000";
  std::string uid = "0000000";
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix;
  std::string mode = "0000644";
};

template <std::size_t N>
void put(char (&field)[N], const std::string& text) {
  std::memcpy(field, text.data(), std::min(N, text.size()));
}

std::string block_of(const TarHeader& header) {
  TarHeader summed = header;
  std::snprintf(summed.checksum, sizeof summed.checksum, "%06o", tar_checksum(header));
  return {reinterpret_cast<const char*>(&summed), sizeof summed};
}

TarHeader header_of(const Raw& raw) {
  TarHeader header{};
  header.type = raw.type;
  put(header.name, raw.name);
  put(header.link_name, raw.link);
  put(header.size, raw.size);
  put(header.mtime, raw.mtime);
  put(header.uid, raw.uid);
  put(header.mode, raw.mode);
  put(header.prefix, raw.prefix);
  std::memcpy(header.magic, raw.magic.data(), raw.magic.size());
  return header;
}

std::string block(const Raw& raw) { return block_of(header_of(raw)); }

std::string padded(std::string text) {
  text.resize(text.size() + tar_padding(text.size()));
  return text;
}

std::string octal(std::size_t size) {
  char digits[12];
  std::snprintf(digits, sizeof digits, "%011zo", size);
  return digits;
}

std::string extended(const std::string& records, char type = 'x') {
  return block({.type = type, .name = "PaxHeaders/x", .size = octal(records.size())}) + padded(records);
}

std::string record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

const std::string kEnd(1024, '\0');

struct Read {
  TarEntry entry;
  std::string contents;
};

Result<std::vector<Read>> read(const std::string& archive, const TarLimits& limits = {}) {
  StringSource source(archive);
  TarReader reader(source, limits);
  std::vector<Read> all;
  while (std::optional<TarEntry> entry = TRY(reader.next())) {
    std::string contents = TRY(read_all(reader, entry->path, 64 << 20));
    all.push_back({std::move(*entry), std::move(contents)});
  }
  TRY(reader.drain());
  return all;
}

std::string error_of(const std::string& archive, const TarLimits& limits = {}) {
  const auto result = read(archive, limits);
  if (result) return "no error";
  EXPECT_NE(result.error().code(), Code::Internal);
  return result.error().message();
}

TEST(TarReader, AnEmptyArchiveHasNoEntries) {
  EXPECT_TRUE(MUST(read(kEnd)).empty());
  EXPECT_TRUE(MUST(read(kEnd + std::string(9000, '\0'))).empty());
  EXPECT_TRUE(MUST(read(kEnd + "whatever tape had before")).empty());
}

TEST(TarReader, PrefixAndNameAreOnePath) {
  EXPECT_EQ(MUST(read(block({.name = "b", .prefix = "a"}) + kEnd))[0].entry.path, "a/b");
  // GNU's old format has other things in that place, star times in its last 24 bytes.
  EXPECT_EQ(MUST(read(block({.name = "b", .magic = std::string("ustar  \0", 8), .prefix = "a"}) + kEnd))[0]
                .entry.path,
            "b");
  EXPECT_EQ(
      MUST(read(block({.name = "b", .magic = std::string(8, '\0'), .prefix = "a"}) + kEnd))[0].entry.path,
      "b");
  TarHeader star = header_of({.name = "b", .prefix = "a"});
  std::memcpy(star.prefix + 131, "00000000000 00000000000 ", 24);
  std::memcpy(star.unused + 8, "tar", 4);
  EXPECT_EQ(MUST(read(block_of(star) + kEnd))[0].entry.path, "a/b");
}

TEST(TarReader, OldArchivesSayDirectoryWithASlash) {
  EXPECT_EQ(MUST(read(block({.type = '\0', .name = "d/"}) + kEnd))[0].entry.type, TarType::Directory);
  EXPECT_EQ(MUST(read(block({.type = '\0', .name = "f"}) + kEnd))[0].entry.type, TarType::File);
  EXPECT_EQ(error_of(block({.name = "d/"}) + kEnd), "entry at byte 0: 'd/': a file whose name ends in '/'");
}

TEST(TarReader, NumbersComeInManyShapes) {
  const auto uid = [](const std::string& field) {
    return MUST(read(block({.uid = field}) + kEnd))[0].entry.uid;
  };
  EXPECT_EQ(uid("0000017"), 15U);
  EXPECT_EQ(uid("     17 "), 15U);
  EXPECT_EQ(uid("17 "), 15U);
  EXPECT_EQ(uid(""), 0U);
  EXPECT_EQ(uid("77777777"), 077777777U) << "without an end mark";
  EXPECT_EQ(uid(std::string("\x80\0\0\0\xff\xff\xff\xfe", 8)), 0xfffffffeU);

  const auto mtime = [](const std::string& field) {
    return MUST(read(block({.mtime = field}) + kEnd))[0].entry.mtime.tv_sec;
  };
  EXPECT_EQ(mtime(std::string(12, '\xff')), -1);
  EXPECT_EQ(mtime(std::string("\x80\0\0\0\0\0\0\x02\0\0\0\0", 12)), 1LL << 33);
  EXPECT_EQ(mtime(std::string("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12)), INT64_MIN);

  EXPECT_NE(error_of(block({.mtime = std::string("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12)}) + kEnd), "no error");
  EXPECT_NE(error_of(block({.uid = std::string(8, '\xff')}) + kEnd), "no error");
  EXPECT_NE(error_of(block({.uid = "0000018"}) + kEnd), "no error");
  EXPECT_NE(error_of(block({.uid = "1 7"}) + kEnd), "no error");
  EXPECT_NE(error_of(block({.uid = "-17"}) + kEnd), "no error");
}

TEST(TarReader, SignedChecksumsOfOldWritersCount) {
  TarHeader header = header_of({.name = "\xe4\xf6"});
  std::snprintf(header.checksum, sizeof header.checksum, "%06o",
                static_cast<unsigned>(signed_tar_checksum(header)));
  const std::string archive(reinterpret_cast<const char*>(&header), sizeof header);
  EXPECT_EQ(MUST(read(archive + kEnd))[0].entry.path, "\xe4\xf6");
}

TEST(TarReader, GnuLongNames) {
  const std::string name(300, 'n'), link(200, 'l');
  const std::string archive = block({.type = 'L', .name = "././@LongLink", .size = octal(301)}) +
                              padded(name + std::string(1, '\0')) +
                              block({.type = 'K', .name = "././@LongLink", .size = octal(200)}) +
                              padded(link) + block({.type = '2', .name = "short", .link = "short"}) +
                              block({.name = "next"}) + kEnd;
  const auto all = MUST(read(archive));
  EXPECT_EQ(all[0].entry.path, name);
  EXPECT_EQ(all[0].entry.link_target, link);
  EXPECT_EQ(all[1].entry.path, "next");
}

TEST(TarReader, ExtendedHeadersOverrideAndGlobalOnesLast) {
  const std::string archive =
      extended(record("uid", "70000") + record("mtime", "1.5") + record("path", "global"), 'g') +
      extended(record("path", "own") + record("SCHILY.xattr.user.a", std::string("\0=\n", 3)) +
               record("comment", "no matter")) +
      block({}) + extended(record("path", "")) + block({.name = "header"}) + block({}) + kEnd;
  const auto all = MUST(read(archive));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].entry.path, "own");
  EXPECT_EQ(all[0].entry.uid, 70000U);
  EXPECT_EQ(all[0].entry.mtime.tv_nsec, 500'000'000);
  ASSERT_EQ(all[0].entry.xattrs.size(), 1U);
  EXPECT_EQ(all[0].entry.xattrs[0].second, std::string("\0=\n", 3));
  EXPECT_EQ(all[1].entry.path, "header") << "an empty value takes back what was said globally";
  EXPECT_EQ(all[2].entry.path, "global");
  EXPECT_TRUE(all[2].entry.xattrs.empty());
}

TEST(TarReader, LibarchivesAttributesAreDecoded) {
  const auto all = MUST(read(extended(record("LIBARCHIVE.xattr.user.a%3Db", "AAEC/w")) + block({}) + kEnd));
  ASSERT_EQ(all[0].entry.xattrs.size(), 1U);
  EXPECT_EQ(all[0].entry.xattrs[0].first, "user.a=b");
  EXPECT_EQ(all[0].entry.xattrs[0].second, std::string("\0\1\2\xff", 4));
}

TEST(TarReader, SizesOfWhatHasNoContentsMeanNothing) {
  for (const char type : {'1', '2', '5', '6'}) {
    const auto all =
        MUST(read(block({.type = type, .link = "x", .size = octal(5)}) + block({.name = "next"}) + kEnd));
    EXPECT_EQ(all[0].entry.size, 0U);
    EXPECT_EQ(all[1].entry.path, "next");
  }
}

TEST(TarReader, AllSparseFormsOfPaxGiveTheSameFile) {
  const std::string contents = "abcdefgh";
  const std::string size = record("GNU.sparse.size", "100000");
  const std::string form00 =
      extended(size + record("GNU.sparse.numblocks", "2") + record("GNU.sparse.offset", "4096") +
               record("GNU.sparse.numbytes", "3") + record("GNU.sparse.offset", "50000") +
               record("GNU.sparse.numbytes", "5")) +
      block({.name = "s", .size = octal(8)}) + padded(contents) + kEnd;
  const std::string form01 =
      extended(size + record("GNU.sparse.name", "s") + record("GNU.sparse.map", "4096,3,50000,5")) +
      block({.name = "GNUSparseFile.1/s", .size = octal(8)}) + padded(contents) + kEnd;
  const std::string form10 =
      extended(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
               record("GNU.sparse.name", "s") + record("GNU.sparse.realsize", "100000")) +
      block({.name = "GNUSparseFile.1/s", .size = octal(512 + 8)}) + padded("2\n4096\n3\n50000\n5\n") +
      padded(contents) + kEnd;
  std::string expected(100'000, '\0');
  expected.replace(4096, 3, "abc").replace(50'000, 5, "defgh");
  for (const std::string& archive : {form00, form01, form10}) {
    const auto all = MUST(read(archive));
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].entry.path, "s");
    EXPECT_EQ(all[0].entry.size, 100'000U);
    EXPECT_EQ(all[0].entry.segments, (std::vector<TarSegment>{{4096, 3}, {50'000, 5}}));
    EXPECT_EQ(all[0].contents, expected);
  }
}

TEST(TarReader, SparseMapsThatLieAreRefused) {
  const auto sparse = [](const std::string& map, const std::string& size) {
    return error_of(extended(record("GNU.sparse.size", size) + record("GNU.sparse.map", map)) +
                    block({.size = octal(8)}) + padded("abcdefgh") + kEnd);
  };
  EXPECT_EQ(sparse("0,8", "8"), "no error");
  EXPECT_NE(sparse("0,9", "9"), "no error") << "more than is stored";
  EXPECT_NE(sparse("0,7", "9"), "no error") << "less than is stored";
  EXPECT_NE(sparse("1,8", "8"), "no error") << "beyond the end";
  EXPECT_NE(sparse("4,4,0,4", "8"), "no error") << "out of order";
  EXPECT_NE(sparse("0,5,4,3", "8"), "no error") << "overlapping";
  EXPECT_NE(sparse("0,8,1", "8"), "no error") << "half a pair";
  EXPECT_NE(sparse("18446744073709551615,8", "8"), "no error");
  EXPECT_NE(sparse("8,18446744073709551615", "8"), "no error");
  EXPECT_NE(error_of(extended(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
                              record("GNU.sparse.realsize", "8")) +
                     block({.size = octal(8)}) + padded("9999999") + kEnd),
            "no error");
  EXPECT_NE(error_of(extended(record("GNU.sparse.major", "2") + record("GNU.sparse.realsize", "8")) +
                     block({.size = octal(8)}) + padded("1\n0\n8\n") + kEnd),
            "no error");
}

TEST(TarReader, ExtendedHeadersHaveALimit) {
  const std::string archive = extended(record("comment", std::string(5000, 'c'))) + block({}) + kEnd;
  EXPECT_EQ(error_of(archive), "no error");
  EXPECT_EQ(error_of(archive, {.max_header = 4096}),
            "extended header at byte 0: an extended header of 5014 bytes: more than 4096");
  // Not even the promise of more is believed.
  EXPECT_NE(error_of(block({.type = 'x', .size = "77777777777"})), "no error");
}

TEST(TarReader, RecordsThatAreNoneAreRefused) {
  for (const std::string& records :
       {std::string("5 a=b"), std::string("6 a=b\n "), std::string("99 a=b\n"), std::string("6 =ab\n"),
        std::string("6 abc\n"), std::string("x a=b\n"), std::string("06a=b\n"), std::string("-6 a=b\n"),
        record("mtime", "1.x"), record("mtime", "."), record("mtime", "99999999999999999999"),
        record("size", "-1"), record("uid", "1x"), record("path", std::string("a\0b", 3)),
        record("SCHILY.xattr.", "x"), record("LIBARCHIVE.xattr.user.%4", "AA"),
        record("LIBARCHIVE.xattr.user.a", "A*"), record("GNU.sparse.unheard", "1"),
        record("GNU.sparse.numbytes", "1")}) {
    EXPECT_NE(error_of(extended(records) + block({}) + kEnd), "no error") << records;
  }
}

TEST(TarReader, WhatTwoReadersCouldTakeDifferentlyIsRefused) {
  EXPECT_NE(error_of(extended(record("path", "a")) + extended(record("path", "b")) + block({}) + kEnd),
            "no error");
  EXPECT_NE(error_of(block({.type = 'L', .size = octal(2)}) + padded("a") + extended(record("path", "b")) +
                     block({}) + kEnd),
            "no error");
  EXPECT_NE(error_of(extended(record("path", "a")) + kEnd), "no error") << "about no entry";
  EXPECT_NE(error_of(std::string(512, '\0') + block({}) + kEnd), "no error") << "an end in the middle";
  EXPECT_EQ(error_of(block({.type = 'M'}) + kEnd), "entry at byte 0: 'f': an entry of type 'M'");
  EXPECT_NE(error_of(block({.name = ""}) + kEnd), "no error");
  EXPECT_NE(error_of(block({.type = '2'}) + kEnd), "no error") << "a link to nothing";
}

TEST(TarReader, AnArchiveCutAnywhereIsRefused) {
  const std::string archive = extended(record("path", "a")) + block({.size = octal(700)}) +
                              padded(std::string(700, 'x')) + block({.type = '5', .name = "d/"}) + kEnd;
  ASSERT_EQ(error_of(archive), "no error");
  for (std::size_t size = 0; size < archive.size(); ++size)
    EXPECT_NE(error_of(archive.substr(0, size)), "no error") << size;
  const TarLimits lenient{.may_lack_end = true};
  for (std::size_t size = 0; size < archive.size(); ++size) {
    const bool is_between = size == 0 || size == 2560 || (size >= archive.size() - 1024 && size % 512 == 0);
    EXPECT_EQ(error_of(archive.substr(0, size), lenient) == "no error", is_between) << size;
  }
}

TEST(TarReader, PiecesAndReadsAgree) {
  const std::string archive =
      extended(record("GNU.sparse.size", "20") + record("GNU.sparse.map", "2,3,10,5")) +
      block({.size = octal(8)}) + padded("abcdefgh") + kEnd;
  StringSource source(archive);
  TarReader reader(source);
  ASSERT_TRUE(MUST(reader.next()));
  TarReader::Piece piece = MUST(reader.next_piece());
  EXPECT_EQ(piece.offset, 2U);
  EXPECT_EQ(text_of(piece.data), "abc");
  piece = MUST(reader.next_piece());
  EXPECT_EQ(piece.offset, 10U);
  EXPECT_EQ(text_of(piece.data), "defgh");
  EXPECT_TRUE(MUST(reader.next_piece()).data.empty());
  EXPECT_FALSE(MUST(reader.next()));
}

// ---- what others write

bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null").c_str()) == 0;
}

// The archive that `command`, run in the directory `directory`, writes to its standard output.
std::string archive_by(const std::string& command, const std::string& directory) {
  const std::string line = "cd '" + directory + "/in' && " + command + " >../archive";
  EXPECT_EQ(std::system(line.c_str()), 0) << line;
  return MUST(read_file(directory + "/archive", 64 << 20));
}

void expect_usual_tree(const std::string& archive, bool has_nanoseconds) {
  std::map<std::string, Read> found;
  for (Read& one : MUST(read(archive))) found.insert_or_assign(one.entry.path, std::move(one));
  const std::string long_name = "d/" + std::string(220, 'n') + "/" + std::string(240, 'm');
  // Which of the two comes first is the directory's order.
  EXPECT_EQ(found["d/f"].contents + found["d/h"].contents, "hello\n");
  EXPECT_EQ(found["d/f"].entry.mode, 04711U);
  EXPECT_EQ(found["d/f"].entry.mtime.tv_sec, 1'600'000'000);
  EXPECT_EQ(found["d/f"].entry.mtime.tv_nsec, has_nanoseconds ? 123'456'789 : 0);
  EXPECT_EQ(found[long_name].contents, "long\n");
  EXPECT_EQ(found["d/l"].entry.link_target, std::string(150, 't'));
  EXPECT_EQ(found["d/p"].entry.type, TarType::Fifo);
  EXPECT_EQ(found["d/"].entry.type, TarType::Directory);
  const Read& sparse = found["d/sparse"];
  ASSERT_EQ(sparse.entry.size, 3'000'004U);
  EXPECT_EQ(sparse.contents.substr(3'000'000), "end\n");
  EXPECT_EQ(sparse.contents.substr(0, 3'000'000), std::string(3'000'000, '\0'));
  EXPECT_NE(found["d/f"].entry.type == TarType::HardLink, found["d/h"].entry.type == TarType::HardLink);
}

void make_usual_tree(const TempDir& directory) {
  const std::string line =
      "set -e; cd '" + directory.path() +
      "'; mkdir -p in/d; cd in/d; n=$(printf %0220d 0 | tr 0 n); m=$(printf %0240d 0 | tr 0 m); mkdir $n;"
      "echo long >$n/$m; echo hello >f; chmod 4711 f; touch -d @1600000000.123456789 f; ln f h;"
      "ln -s $(printf %0150d 0 | tr 0 t) l; mkfifo p; truncate -s 3000000 sparse; echo end >>sparse";
  ASSERT_EQ(std::system(line.c_str()), 0);
}

TEST(TarReader, GnuTarsArchives) {
  if (!has_program("tar")) GTEST_SKIP() << "needs tar";
  TempDir directory;
  make_usual_tree(directory);
  const std::string tar = "tar --sparse -c ";
  expect_usual_tree(archive_by(tar + "--format=gnu d", directory.path()), false);
  for (const char* version : {"0.0", "0.1", "1.0"})
    expect_usual_tree(archive_by(tar + "--format=pax --sparse-version=" + version + " d", directory.path()),
                      true);
  expect_usual_tree(archive_by("tar -c --format=pax d", directory.path()), true);
}

TEST(TarReader, BsdTarsArchives) {
  if (!has_program("bsdtar")) GTEST_SKIP() << "needs bsdtar";
  TempDir directory;
  make_usual_tree(directory);
  expect_usual_tree(archive_by("bsdtar -c --format=pax d", directory.path()), true);
  expect_usual_tree(archive_by("bsdtar -c --format=gnutar d", directory.path()), false);
}

TEST(TarReader, PythonsArchives) {
  if (!has_program("python3")) GTEST_SKIP() << "needs python3";
  TempDir directory;
  make_usual_tree(directory);
  for (const char* format : {"PAX", "GNU"}) {
    const std::string script =
        std::string("python3 -c \"import tarfile, sys; t = tarfile.open(fileobj=sys.stdout.buffer,") +
        "mode='w|', format=tarfile." + format + "_FORMAT); t.add('d'); t.close()\"";
    // Python writes times as floating point, and no holes.
    std::map<std::string, Read> found;
    for (Read& one : MUST(read(archive_by(script, directory.path()))))
      found.insert_or_assign(one.entry.path, one);
    EXPECT_EQ(found["d/"].entry.type, TarType::Directory);
    EXPECT_EQ(found["d/" + std::string(220, 'n') + "/" + std::string(240, 'm')].contents, "long\n");
    EXPECT_EQ(found["d/l"].entry.link_target, std::string(150, 't'));
    EXPECT_EQ(found["d/sparse"].contents.size(), 3'000'004U);
    EXPECT_EQ(found["d/f"].entry.mtime.tv_sec + found["d/h"].entry.mtime.tv_sec, 3'200'000'000);
  }
}

}  // namespace
}  // namespace gantry::oci
