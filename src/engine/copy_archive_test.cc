// SPDX-License-Identifier: Apache-2.0
#include "engine/copy_archive.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "engine/export.h"
#include "engine/stopped_root.h"
#include "oci/archive/tar_reader.h"
#include "oci/archive/tar_writer.h"
#include "testing/child.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::engine {
namespace {

using oci::TarEntry;
using oci::TarType;
using testing::TempDir;

struct File {
  TarEntry entry;
  std::string text;
};

std::string tar_of(const std::vector<File>& files) {
  StringSink sink;
  oci::TarWriter tar(sink);
  for (File file : files) {
    file.entry.size = file.text.size();
    if (file.entry.mode == 0) file.entry.mode = 0644;
    MUST(tar.add(file.entry));
    MUST(tar.write(bytes_of(file.text)));
  }
  MUST(tar.finish());
  return sink.take();
}

// "path=text" of files, "path->target" of links, "path" of the rest.
std::vector<std::string> listing(const std::string& tar) {
  StringSource source(tar);
  oci::TarReader reader(source);
  std::vector<std::string> found;
  while (const auto entry = MUST(reader.next())) {
    if (entry->type == TarType::File)
      found.push_back(entry->path + "=" + MUST(read_all(reader, "x", 1 << 24)));
    else if (entry->type == TarType::SymbolicLink || entry->type == TarType::HardLink)
      found.push_back(entry->path + "->" + entry->link_target);
    else
      found.push_back(entry->path);
  }
  return found;
}

using Names = std::vector<std::string>;

// A container's root, with links that lead out of it, and beside it what they lead to.
struct Copy : ::testing::Test {
  TempDir top;
  UniqueFd root;
  Copy() {
    shell(
        "mkdir -p root/etc root/dir/sub root/empty; echo -n motd >root/etc/motd; echo -n x >root/dir/x;"
        "echo -n y >root/dir/sub/y; ln -s /etc/motd root/abs; ln -s ../../../../etc root/dir/up;"
        "ln -s dir root/link; ln -s nowhere root/dangling; ln root/dir/x root/dir/x2;"
        "mkdir -p etc; echo -n secret >etc/secret");
    root = MUST(open_at(top.fd(), "root", O_PATH | O_DIRECTORY));
  }
  void shell(const std::string& commands) {
    ASSERT_EQ(std::system(("set -e; cd '" + top.path() + "'; " + commands).c_str()), 0) << commands;
  }
  Names out(const std::string& path) {
    StringSink sink;
    MUST(copy_out(root.get(), path, sink));
    return listing(sink.text());
  }
  Result<void> try_in(const std::string& path, const std::vector<File>& files,
                      const CopyInOptions& options = {}) {
    const std::string tar = tar_of(files);
    StringSource source(tar);
    return copy_in(root.get(), path, source, options);
  }
  std::string text(const std::string& path) { return MUST(read_file_at(top.fd(), path)); }
  struct stat status(const std::string& path) {
    struct stat st{};
    EXPECT_EQ(::fstatat(top.fd(), path.c_str(), &st, AT_SYMLINK_NOFOLLOW), 0) << path;
    return st;
  }
};

TEST_F(Copy, StatSaysWhatDockerSays) {
  const PathStat file = MUST(stat_path(root.get(), "/etc/motd"));
  EXPECT_EQ(file.name, "motd");
  EXPECT_EQ(file.size, 4);
  EXPECT_EQ(file.mode, 0644u);
  const PathStat directory = MUST(stat_path(root.get(), "etc/"));
  EXPECT_EQ(directory.name, "etc");
  EXPECT_EQ(directory.mode, 1u << 31 | 0755u);
  const PathStat link = MUST(stat_path(root.get(), "/link"));
  EXPECT_EQ(link.mode & (1u << 27), 1u << 27);
  EXPECT_EQ(link.link_target, "/dir");
  EXPECT_EQ(MUST(stat_path(root.get(), "/link/")).mode & (1u << 31), 1u << 31);
  EXPECT_EQ(MUST(stat_path(root.get(), "/abs")).link_target, "/etc/motd");
  EXPECT_EQ(MUST(stat_path(root.get(), "/dir/up")).link_target, "/etc");
  EXPECT_EQ(MUST(stat_path(root.get(), "/dangling")).link_target, "/nowhere");
  EXPECT_EQ(MUST(stat_path(root.get(), "/")).name, "/");
}

TEST_F(Copy, WhatIsNotThereIsNotFound) {
  StringSink sink;
  EXPECT_EQ(stat_path(root.get(), "/x/y").error().code(), Code::NotFound);
  EXPECT_EQ(copy_out(root.get(), "/etc/motd/x", sink).error().code(), Code::NotFound);
  EXPECT_EQ(try_in("/nowhere", {}).error().code(), Code::NotFound);
  EXPECT_EQ(stat_path(root.get(), "/etc/secret").error().message(),
            "Could not find the file /etc/secret in container");
}

TEST_F(Copy, AFileComesAloneAndADirectoryWithAllInIt) {
  EXPECT_EQ(out("/etc/motd"), Names{"motd=motd"});
  EXPECT_EQ(out("/dir"), (Names{"dir/", "dir/sub/", "dir/sub/y=y", "dir/up->../../../../etc", "dir/x=x",
                                "dir/x2->dir/x"}));
  EXPECT_EQ(out("/dir/sub/."), (Names{"./", "./y=y"}));
  EXPECT_EQ(out("/abs"), Names{"abs->/etc/motd"});
  EXPECT_EQ(out("/link/"), (Names{"link/", "link/sub/", "link/sub/y=y", "link/up->../../../../etc",
                                  "link/x=x", "link/x2->link/x"}));
  EXPECT_EQ(out("/dir/up/motd"), Names{"motd=motd"}) << "a link on the way is followed inside the root";
}

TEST_F(Copy, ExportIsTheWholeRootWithoutItself) {
  StringSink sink;
  MUST(export_root(root.get(), sink));
  const Names names = listing(sink.text());
  EXPECT_EQ(names.front(), "abs->/etc/motd");
  EXPECT_NE(std::find(names.begin(), names.end(), "dir/sub/y=y"), names.end());
  EXPECT_EQ(std::find(names.begin(), names.end(), "/"), names.end());
}

TEST_F(Copy, WhatIsUnpackedGetsOwnerModeAndTime) {
  MUST(try_in("/empty",
              {{{.type = TarType::Directory, .path = "d/", .mode = 0750, .mtime = {.tv_sec = 1000}}, ""},
               {{.path = "d/f", .mode = 04755, .mtime = {.tv_sec = 2000}}, "text"},
               {{.type = TarType::SymbolicLink, .path = "d/l", .link_target = "/etc/motd"}, ""},
               {{.type = TarType::HardLink, .path = "d/h", .link_target = "d/f"}, ""},
               {{.path = "deep/er/f"}, "x"}}));
  EXPECT_EQ(text("root/empty/d/f"), "text");
  EXPECT_EQ(status("root/empty/d/f").st_mode & 07777, 04755u);
  EXPECT_EQ(status("root/empty/d/f").st_mtim.tv_sec, 2000);
  EXPECT_EQ(status("root/empty/d").st_mtim.tv_sec, 1000);
  EXPECT_EQ(status("root/empty/d").st_mode & 07777, 0750u);
  EXPECT_EQ(status("root/empty/d/h").st_ino, status("root/empty/d/f").st_ino);
  EXPECT_TRUE(S_ISLNK(status("root/empty/d/l").st_mode));
  EXPECT_EQ(text("root/empty/deep/er/f"), "x");
}

TEST_F(Copy, CompressedArchivesAreTaken) {
  shell("mkdir -p src; echo -n zipped >src/z; tar -C src -czf a.tar.gz z");
  const std::string tar = text("a.tar.gz");
  StringSource source(tar);
  MUST(copy_in(root.get(), "/empty", source, {}));
  EXPECT_EQ(text("root/empty/z"), "zipped");
}

TEST_F(Copy, OnlyIntoADirectory) {
  const auto copied = try_in("/etc/motd", {});
  EXPECT_EQ(copied.error().code(), Code::InvalidArgument);
  EXPECT_EQ(copied.error().message(), "extraction point is not a directory");
}

TEST_F(Copy, NothingReplacesADirectoryOrIsReplacedByOneIfThatIsRefused) {
  const CopyInOptions careful{.no_overwrite_dir_non_dir = true};
  EXPECT_NE(
      try_in("/", {{{.path = "dir"}, "x"}}, careful).error().message().find("cannot overwrite directory"),
      std::string::npos);
  EXPECT_NE(try_in("/etc", {{{.type = TarType::Directory, .path = "motd", .mode = 0755}, ""}}, careful)
                .error()
                .message()
                .find("cannot overwrite non-directory"),
            std::string::npos);
  MUST(try_in("/", {{{.path = "dir"}, "file now"}}));
  EXPECT_EQ(text("root/dir"), "file now");
}

TEST_F(Copy, ADirectoryOverADirectoryKeepsWhatIsInIt) {
  MUST(try_in("/",
              {{{.type = TarType::Directory, .path = "dir", .mode = 0700}, ""}, {{.path = "dir/new"}, "n"}}));
  EXPECT_EQ(text("root/dir/x"), "x");
  EXPECT_EQ(text("root/dir/new"), "n");
}

TEST_F(Copy, NamesThatClimbAreRefused) {
  for (const char* path : {"../etc/secret", "a/../../x", ".."})
    EXPECT_EQ(try_in("/empty", {{{.path = path}, "evil"}}).error().code(), Code::InvalidArgument) << path;
  EXPECT_EQ(
      try_in("/empty", {{{.type = TarType::HardLink, .path = "h", .link_target = "../../etc/secret"}, ""}})
          .error()
          .code(),
      Code::InvalidArgument);
  EXPECT_EQ(text("etc/secret"), "secret");
}

TEST_F(Copy, LinksInTheArchiveLeadNowhereElse) {
  // The link is made, and what goes through it stays inside.
  MUST(try_in("/empty", {{{.type = TarType::SymbolicLink, .path = "l", .link_target = "../../../../etc"}, ""},
                         {{.path = "l/secret"}, "changed"}}));
  EXPECT_EQ(text("etc/secret"), "secret");
  EXPECT_EQ(text("root/etc/secret"), "changed");
}

TEST_F(Copy, AFileReplacesALinkRatherThanWhatItLeadsTo) {
  shell("ln -s '" + top.path() + "/etc/secret' root/empty/f");
  MUST(try_in("/empty", {{{.path = "f"}, "new"}}));
  EXPECT_EQ(text("etc/secret"), "secret");
  EXPECT_TRUE(S_ISREG(status("root/empty/f").st_mode));
}

TEST_F(Copy, FifosAndSocketsKeepNobodyWaiting) {
  shell("mkfifo root/dir/fifo");
  EXPECT_EQ(out("/dir/fifo"), Names{"fifo"});
  MUST(try_in("/dir", {{{.path = "fifo"}, "file"}}));
  EXPECT_EQ(text("root/dir/fifo"), "file");
}

TEST_F(Copy, ADamagedArchiveIsAnError) {
  StringSource garbage("this is no archive at all, and long enough to be looked at");
  EXPECT_FALSE(copy_in(root.get(), "/empty", garbage, {}));
  const std::string tar = tar_of({{{.path = "f"}, std::string(10'000, 'x')}});
  StringSource cut(std::string_view(tar).substr(0, 5000));
  EXPECT_FALSE(copy_in(root.get(), "/empty", cut, {}));
}

// What a container does that knows when it is copied from: directories become links to the host's, and back.
TEST_F(Copy, SwappingDirectoriesForLinksLeadsNowhere) {
  shell("mkdir root/real; echo -n mine >root/real/secret; ln -s '" + top.path() +
        "/etc' root/evil; ln -s ../../../../../../../../.." + top.path() +
        "/etc root/evil2; cp -a root/real root/d");
  std::atomic<bool> is_done = false;
  std::thread container([&] {
    const int fd = root.get();
    const UniqueFd inside = MUST(open_at(fd, ".", O_RDONLY | O_DIRECTORY));
    while (!is_done) {
      (void)::renameat2(inside.get(), "d", inside.get(), "evil", RENAME_EXCHANGE);
      (void)::renameat2(inside.get(), "d", inside.get(), "evil2", RENAME_EXCHANGE);
    }
  });
  for (int i = 0; i < 100; ++i) {
    StringSink sink;
    if (copy_out(root.get(), "/d/secret", sink)) {
      EXPECT_EQ(listing(sink.text()), Names{"secret=mine"});
    }
    (void)try_in("/d", {{{.path = "written"}, "x"},
                        {{.type = TarType::Directory, .path = "sub", .mode = 0777}, ""},
                        {{.type = TarType::HardLink, .path = "h", .link_target = "secret"}, ""},
                        {{.type = TarType::Fifo, .path = "fifo"}, ""}});
    StringSink whole;
    if (!copy_out(root.get(), "/", whole)) continue;
    for (const std::string& name : listing(whole.text())) EXPECT_EQ(name.find("=secret"), std::string::npos);
  }
  is_done = true;
  container.join();
  EXPECT_EQ(MUST(names_in(top.fd(), "etc")), Names{"secret"});
  EXPECT_EQ(text("etc/secret"), "secret");
  EXPECT_EQ(status("etc/secret").st_nlink, 1u);
  EXPECT_EQ(status("etc").st_mode & 07777, 0755u);
}

TEST_F(Copy, WhatGoesAwayMeanwhileIsLeftOut) {
  std::atomic<bool> is_done = false;
  std::thread container([&] {
    while (!is_done) {
      (void)replace_file_at(AT_FDCWD, top / "root/dir/flicker", std::string(100'000, 'f'), 0644);
      (void)::truncate((top / "root/dir/flicker").c_str(), 10);
      (void)::unlink((top / "root/dir/flicker").c_str());
    }
  });
  for (int i = 0; i < 100; ++i) {
    StringSink sink;
    const auto copied = copy_out(root.get(), "/dir", sink);
    ASSERT_TRUE(copied) << copied.error().message();
    EXPECT_GE(listing(sink.text()).size(), 6u);
  }
  is_done = true;
  container.join();
}

TEST(CopyMounts, FileSystemsOfTheKernelAreNeitherReadNorWritten) {
  NEEDS_ROOT();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir root;
    MUST(make_directories(root / "proc", 0755));
    ASSERT_EQ(::mount("proc", (root / "proc").c_str(), "proc", 0, nullptr), 0);
    StringSink sink;
    EXPECT_EQ(copy_out(root.fd(), "/proc/version", sink).error().code(), Code::PermissionDenied);
    StringSink all;
    MUST(copy_out(root.fd(), "/", all));
    EXPECT_EQ(listing(all.text()), (Names{"/", "/proc/"}));
    const std::string tar = tar_of({{{.path = "sys/kernel/core_pattern"}, "|/evil"}});
    StringSource source(tar);
    EXPECT_FALSE(copy_in(root.fd(), "/proc", source, {}));
    ASSERT_EQ(::umount((root / "proc").c_str()), 0);
  });
}

TEST(CopyMounts, AStoppedContainerIsSeenWithItsVolumes) {
  NEEDS_ROOT();
  NEEDS_THREADS_IN_CHILD();
  testing::in_namespaces(CLONE_NEWNS, [] {
    TempDir image, volume;
    MUST(make_directories(image / "etc", 0755));
    ASSERT_EQ(::symlink("/mnt/data", (image / "data").c_str()), 0);
    MUST(replace_file_at(volume.fd(), "f", "in the volume", 0644));
    auto mount = MUST(kernel::DetachedMount::copy_of(image.fd(), "", kernel::Depth::One));
    const std::vector<oci::Mount> mounts = {{.destination = "/mnt/data",
                                             .type = "bind",
                                             .source = volume.path(),
                                             .options = {"rbind", "rprivate"}},
                                            {.destination = "/ro",
                                             .type = "bind",
                                             .source = volume.path(),
                                             .options = {"rbind", "rro", "rprivate"}}};
    {
      const StoppedRoot root = MUST(StoppedRoot::make(std::move(mount), mounts, StoppedRoot::Writable::No));
      StringSink sink;
      MUST(copy_out(root.directory(), "/data/f", sink));
      EXPECT_EQ(listing(sink.text()), Names{"f=in the volume"});
      const std::string tar = tar_of({{{.path = "new"}, "x"}});
      StringSource into_volume(tar), into_root(tar), into_read_only(tar);
      MUST(copy_in(root.directory(), "/data", into_volume, {}));
      EXPECT_EQ(copy_in(root.directory(), "/etc", into_root, {}).error().code(), Code::PermissionDenied);
      EXPECT_EQ(copy_in(root.directory(), "/ro", into_read_only, {}).error().code(), Code::PermissionDenied);
    }
    EXPECT_EQ(MUST(read_file_at(volume.fd(), "new")), "x");
    EXPECT_EQ(MUST(names_in(image.fd(), "mnt/data")).size(), 0u) << "the mounts are gone";
  });
}

}  // namespace
}  // namespace gantry::engine
