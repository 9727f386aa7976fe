// SPDX-License-Identifier: Apache-2.0
#include "buildkit/file_sender.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/file.h"
#include "buildkit/file_mode.h"
#include "buildkit/message.h"
#include "kernel/rooted_path.h"

namespace gantry::buildkit {
namespace {

constexpr std::string_view kDiffCopy = "/moby.filesync.v1.FileSend/DiffCopy";
constexpr std::size_t kChunk = 32 << 10;

grpc::HeaderFields metadata_of(const std::string& exporter_id) {
  if (exporter_id.empty()) return {};
  return {{"buildkit-attachable-exporter-id", exporter_id}};
}

class FileSender {
 public:
  FileSender(grpc::ClientCall& call, kernel::RootDir root) : call_(call), root_(std::move(root)) {}

  Result<void> run() {
    TRY(tell(""));
    pb::Packet end;
    end.set_type(pb::Packet::STAT);
    TRY(call_.write(end.SerializeAsString()));
    for (;;) {
      const std::optional<std::string> bytes = TRY(call_.read());
      if (!bytes) return error(Code::DataLoss, "the client did not take all files");
      const auto packet = TRY(parse<pb::Packet>(*bytes, kDiffCopy));
      if (packet.type() == pb::Packet::FIN) break;
      if (packet.type() == pb::Packet::ERR) return error(Code::Internal, "the client: {}", packet.data());
      if (packet.type() == pb::Packet::REQ) TRY(send(packet.id()));
    }
    pb::Packet fin;
    fin.set_type(pb::Packet::FIN);
    TRY(call_.write(fin.SerializeAsString()));
    TRY(call_.finish_writing());
    while (TRY(call_.read())) {
    }
    return {};
  }

 private:
  // The entries of a directory and all below, in the order of their names.
  Result<void> tell(const std::string& prefix) {
    std::vector<std::string> names = TRY(names_in(root_.fd(), prefix.empty() ? "." : prefix));
    std::ranges::sort(names);
    for (const std::string& name : names) {
      const std::string path = prefix.empty() ? name : prefix + "/" + name;
      struct stat found{};
      if (::fstatat(root_.fd(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW) < 0)
        return sys_error("look at '{}'", path);
      TRY(tell_of(path, found));
      if (S_ISDIR(found.st_mode)) TRY(tell(path));
    }
    return {};
  }

  Result<void> tell_of(const std::string& path, const struct stat& found) {
    pb::Packet packet;
    packet.set_type(pb::Packet::STAT);
    pb::Stat& stat = *packet.mutable_stat();
    stat.set_path(path);
    stat.set_mode(to_go_mode(found.st_mode));
    stat.set_uid(found.st_uid);
    stat.set_gid(found.st_gid);
    stat.set_mod_time(found.st_mtim.tv_sec * std::int64_t{1'000'000'000} + found.st_mtim.tv_nsec);
    if (S_ISREG(found.st_mode)) stat.set_size(found.st_size);
    if (S_ISCHR(found.st_mode) || S_ISBLK(found.st_mode)) {
      stat.set_devmajor(major(found.st_rdev));
      stat.set_devminor(minor(found.st_rdev));
    }
    if (S_ISLNK(found.st_mode)) stat.set_linkname(TRY(target_of(path)));
    if (S_ISREG(found.st_mode) && found.st_nlink > 1) {
      const auto [first, is_new] = inodes_.emplace(found.st_ino, path);
      if (!is_new) stat.set_linkname(first->second);
    }
    paths_.push_back(path);
    return call_.write(packet.SerializeAsString());
  }

  Result<std::string> target_of(const std::string& path) const {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(root_.fd(), path.c_str(), target.data(), target.size());
    if (size < 0) return sys_error("read the link '{}'", path);
    target.resize(static_cast<std::size_t>(size));
    return target;
  }

  Result<void> send(std::uint32_t id) {
    if (id >= paths_.size())
      return error(Code::InvalidArgument, "the client asks for file {} of {}", id, paths_.size());
    const UniqueFd file = TRY(root_.open_without_links(paths_[id], O_RDONLY));
    std::array<char, kChunk> buffer;
    pb::Packet packet;
    packet.set_type(pb::Packet::DATA);
    packet.set_id(id);
    for (;;) {
      const ssize_t size = ::read(file.get(), buffer.data(), buffer.size());
      if (size < 0) return sys_error("read '{}'", paths_[id]);
      packet.set_data(buffer.data(), static_cast<std::size_t>(size));
      TRY(call_.write(packet.SerializeAsString()));
      if (size == 0) return {};
    }
  }

  grpc::ClientCall& call_;
  const kernel::RootDir root_;
  std::vector<std::string> paths_;       // by the number that the client asks with
  std::map<ino_t, std::string> inodes_;  // of files with several names, the first one
};

}  // namespace

Result<void> send_files(Session& session, int directory, const std::string& exporter_id) {
  TRY(session.require(kDiffCopy));
  UniqueFd own(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!own) return sys_error("duplicate a descriptor");
  grpc::ClientCall call =
      TRY(grpc::ClientCall::begin(session.connection(), kDiffCopy, metadata_of(exporter_id)));
  return FileSender(call, kernel::RootDir(std::move(own))).run();
}

Result<FileSink> FileSink::open(Session& session, const std::string& exporter_id) {
  TRY(session.require(kDiffCopy));
  return FileSink(TRY(grpc::ClientCall::begin(session.connection(), kDiffCopy, metadata_of(exporter_id))));
}

Result<void> FileSink::write(std::span<const std::byte> from) {
  buffer_.append(reinterpret_cast<const char*>(from.data()), from.size());
  return buffer_.size() < kChunk ? Result<void>() : flush();
}

Result<void> FileSink::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    pb::BytesMessage message;
    message.set_data(rest.data(), std::min(rest.size(), std::size_t{1} << 20));
    rest.remove_prefix(message.data().size());
    TRY(call_.write(message.SerializeAsString()));
  }
  buffer_.clear();
  return {};
}

Result<void> FileSink::finish() {
  TRY(flush());
  TRY(call_.finish_writing());
  while (TRY(call_.read())) {
  }
  return {};
}

}  // namespace gantry::buildkit
