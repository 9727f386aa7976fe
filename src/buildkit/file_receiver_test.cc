// SPDX-License-Identifier: Apache-2.0
#include "buildkit/file_receiver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "buildkit/file_mode.h"
#include "buildkit/message.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::buildkit {
namespace {

using testing::TempDir;

struct File {
  std::string path;
  std::uint32_t mode = 0644;
  std::string content;
  std::string link;
  std::int64_t modified = 1'700'000'000'123'456'789;
  std::optional<std::int64_t> announced = {};  // another size than that of its content
};

// A client that offers these files, and a session with it.
class Client {
 public:
  explicit Client(std::vector<File> files) : files_(std::move(files)) {
    methods_.add("/moby.filesync.v1.FileSync/DiffCopy",
                 [this](grpc::ServerCall& call) { return send(call); });
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    server_ =
        MUST(http::Http2Connection::serve(MUST(http::Stream::over(UniqueFd(fds[0]))), methods_.handler()));
    session_ = std::make_unique<Session>(
        SessionInfo{.id = "s", .methods = {"/moby.filesync.v1.FileSync/diffcopy"}},
        MUST(http::Http2Connection::connect(MUST(http::Stream::over(UniqueFd(fds[1]))))));
  }

  std::vector<File>& files() { return files_; }
  Session& session() { return *session_; }
  const grpc::HeaderFields& metadata() const { return metadata_; }

  Result<SyncCounts> sync(const TempDir& directory, const SyncRequest& request = {.name = "context"}) {
    grpc::ClientCall call = MUST(begin_sync(*session_, request));
    return receive_files(call, directory.fd());
  }

 private:
  Result<void> send(grpc::ServerCall& call) {
    metadata_ = call.metadata();
    for (const File& file : files_) {
      pb::Packet packet;
      pb::Stat& stat = *packet.mutable_stat();
      stat.set_path(file.path);
      stat.set_mode(file.mode);
      stat.set_uid(::getuid());
      stat.set_gid(::getgid());
      stat.set_size(file.announced.value_or(static_cast<std::int64_t>(file.content.size())));
      stat.set_linkname(file.link);
      stat.set_mod_time(file.modified);
      TRY(call.write(packet.SerializeAsString()));
    }
    TRY(call.write(pb::Packet().SerializeAsString()));
    while (const auto bytes = TRY(call.read())) {
      auto packet = MUST(parse<pb::Packet>(*bytes, "test"));
      if (packet.type() == pb::Packet::REQ) {
        packet.set_type(pb::Packet::DATA);
        const std::string& content = files_[packet.id()].content;
        for (std::size_t at = 0; at < content.size(); at += 1000) {
          packet.set_data(content.substr(at, 1000));
          TRY(call.write(packet.SerializeAsString()));
        }
        packet.clear_data();
      }
      TRY(call.write(packet.SerializeAsString()));
    }
    return {};
  }

  std::vector<File> files_;
  grpc::HeaderFields metadata_;
  grpc::Methods methods_;
  std::unique_ptr<http::Http2Connection> server_;
  std::unique_ptr<Session> session_;
};

struct stat look(const TempDir& directory, const char* path) {
  struct stat found{};
  EXPECT_EQ(::fstatat(directory.fd(), path, &found, AT_SYMLINK_NOFOLLOW), 0) << path;
  return found;
}

TEST(FileReceiver, BringsATreeOver) {
  Client client(std::vector<File>{{.path = "a", .content = std::string(5000, 'x')},
                                  {.path = "dir", .mode = kGoDirectory | 0750},
                                  {.path = "dir/empty", .mode = 0600},
                                  {.path = "dir/link", .mode = kGoSymlink | 0777, .link = "../a"},
                                  {.path = "dir/other", .mode = 0755 | kGoSetuid, .content = "text"},
                                  {.path = "hard", .content = "ignored", .link = "a"}});
  const TempDir directory;
  const SyncCounts counts = MUST(client.sync(directory));
  EXPECT_EQ(counts.entries, 6u);
  EXPECT_EQ(counts.received, 3u);
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "a")).size(), 5000u);
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "dir/other")), "text");
  EXPECT_EQ(look(directory, "dir/other").st_mode, mode_t{S_IFREG | S_ISUID | 0755});
  EXPECT_EQ(look(directory, "dir").st_mode, mode_t{S_IFDIR | 0750});
  EXPECT_EQ(look(directory, "dir").st_mtim.tv_nsec, 123'456'789);
  EXPECT_EQ(look(directory, "dir/empty").st_size, 0);
  EXPECT_TRUE(S_ISLNK(look(directory, "dir/link").st_mode));
  EXPECT_EQ(look(directory, "hard").st_ino, look(directory, "a").st_ino);
}

TEST(FileReceiver, ASecondTimeOnlyWhatChangedIsAskedFor) {
  Client client(std::vector<File>{{.path = "changed", .content = "old"},
                                  {.path = "dir", .mode = kGoDirectory | 0755},
                                  {.path = "dir/gone", .content = "x"},
                                  {.path = "same", .content = "same"}});
  const TempDir directory;
  MUST(client.sync(directory));
  client.files() = {{.path = "changed", .content = "new", .modified = 1'800'000'000'000'000'000},
                    {.path = "dir", .mode = kGoDirectory | 0755},
                    {.path = "same", .content = "same"}};
  const SyncCounts counts = MUST(client.sync(directory));
  EXPECT_EQ(counts.received, 1u);
  EXPECT_EQ(counts.bytes, 3u);
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "changed")), "new");
  EXPECT_EQ(MUST(names_in(directory.fd(), "dir")).size(), 0u);
}

TEST(FileReceiver, WhatBecameSomethingElseIsReplaced) {
  Client client(std::vector<File>{
      {.path = "x", .mode = kGoDirectory | 0755}, {.path = "x/y", .content = "1"}, {.path = "z"}});
  const TempDir directory;
  MUST(client.sync(directory));
  client.files() = {{.path = "x", .content = "now a file"}, {.path = "z", .mode = kGoDirectory | 0700}};
  MUST(client.sync(directory));
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "x")), "now a file");
  EXPECT_TRUE(S_ISDIR(look(directory, "z").st_mode));
}

TEST(FileReceiver, AFileThatWasCutOffIsNotTakenForComplete) {
  Client client(std::vector<File>{{.path = "file", .content = "12345"}});
  const TempDir directory;
  MUST(client.sync(directory));
  MUST(write_existing_at(directory.fd(), "file", "123"));
  EXPECT_EQ(MUST(client.sync(directory)).received, 1u);
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "file")), "12345");
}

TEST(FileReceiver, AFileThatChangesOnItsWayIsAnErrorThatSaysSo) {
  for (const std::int64_t announced : {3, 7}) {
    Client client(std::vector<File>{{.path = "file", .content = "12345", .announced = announced}});
    const TempDir directory;
    const auto received = client.sync(directory);
    EXPECT_EQ(received.error().code(), Code::Conflict);
    EXPECT_NE(received.error().message().find("'file' was changed"), std::string::npos);
  }
}

TEST(FileReceiver, NoPathLeavesTheDirectory) {
  for (const std::string path : {"../x", "/x", "a/../x", "a//b", ".", "", "a/./b", "missing/x"}) {
    Client client(
        std::vector<File>{{.path = "a", .mode = kGoDirectory | 0755}, {.path = path, .content = "x"}});
    const TempDir directory;
    EXPECT_EQ(client.sync(directory).error().code(), Code::InvalidArgument) << path;
  }
}

TEST(FileReceiver, NobodyWritesThroughALink) {
  const TempDir outside;
  Client client(std::vector<File>{{.path = "link", .mode = kGoSymlink | 0777, .link = outside.path()},
                                  {.path = "link/file", .content = "x"}});
  const TempDir directory;
  EXPECT_FALSE(client.sync(directory).has_value());
  EXPECT_TRUE(MUST(names_in(outside.fd(), ".")).empty());
}

TEST(FileReceiver, ALinkThatWasThereBeforeIsNotFollowed) {
  const TempDir outside;
  const TempDir directory;
  ASSERT_EQ(::symlinkat(outside.path().c_str(), directory.fd(), "dir"), 0);
  Client client(
      std::vector<File>{{.path = "dir", .mode = kGoDirectory | 0755}, {.path = "dir/file", .content = "x"}});
  MUST(client.sync(directory));
  EXPECT_TRUE(MUST(names_in(outside.fd(), ".")).empty());
  EXPECT_EQ(MUST(read_file_at(directory.fd(), "dir/file")), "x");
}

TEST(FileReceiver, AHardLinkPointsAtWhatWasSent) {
  Client client(std::vector<File>{{.path = "hard", .content = "", .link = "/etc/passwd"}});
  const TempDir directory;
  EXPECT_EQ(client.sync(directory).error().code(), Code::InvalidArgument);
}

TEST(FileReceiver, PatternsGoOverAsTheyAre) {
  Client client(std::vector<File>{});
  const TempDir directory;
  MUST(client.sync(directory,
                   {.name = "context", .excludes = {"*.o", "grün"}, .follow_paths = {"Dockerfile"}}));
  EXPECT_EQ(http::value_of(client.metadata(), "dir-name"), "context");
  EXPECT_EQ(http::value_of(client.metadata(), "followpaths"), "Dockerfile");
  EXPECT_EQ(http::value_of(client.metadata(), "exclude-patterns-encoded"), "1");
  EXPECT_EQ(http::value_of(client.metadata(), "exclude-patterns"), "*.o");
}

TEST(FileReceiver, AClientThatOffersNothingIsToldSo) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
  const UniqueFd other(fds[1]);
  Session session({.id = "s"},
                  MUST(http::Http2Connection::connect(MUST(http::Stream::over(UniqueFd(fds[0]))))));
  EXPECT_EQ(begin_sync(session, {.name = "context"}).error().code(), Code::Unsupported);
}

}  // namespace
}  // namespace gantry::buildkit
