// SPDX-License-Identifier: Apache-2.0
#include "buildkit/session_context.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "base/scratch_directory.h"
#include "buildkit/file_receiver.h"
#include "buildkit/message.h"
#include "oci/image/digest.h"

namespace gantry::buildkit {
namespace {

class SessionContext final : public build::Context {
 public:
  explicit SessionContext(SessionFiles files) : files_(std::move(files)) {}

  Result<std::optional<std::string>> read_file(const std::string& path, std::size_t limit) override {
    const bool is_dockerfile = path == files_.dockerfile || path == files_.dockerfile + ".dockerignore";
    return read_client_file(*files_.session, is_dockerfile ? files_.dockerfile_name : files_.name, path,
                            files_.kept + "/scratch", limit);
  }

  void use_scratch(UniqueFd scratch) override { scratch_ = std::move(scratch); }

  Result<build::ContextFiles> files(const std::vector<std::string>& ignored) override {
    const SyncRequest request{.name = files_.name, .excludes = ignored};
    TRY(lock_kept());
    grpc::ClientCall call = TRY(begin_sync(*files_.session, request));
    if (!directory_) {
      TRY_DURING(receive_files(call, scratch_.get()), "receive the context");
      return build::ContextFiles{.directory = std::move(scratch_)};
    }
    TRY_DURING(receive_files(call, directory_.get()), "receive the context");
    return build::ContextFiles{.directory = UniqueFd(::fcntl(directory_.get(), F_DUPFD_CLOEXEC, 0)),
                               .is_lasting = true};
  }

 private:
  // Opens the directory that is kept for this place; not if another build is at it, or the client names no
  // place.
  Result<void> lock_kept() {
    const std::string& key = files_.session->info().shared_key;
    if (key.empty()) return {};
    const std::string path = files_.kept + "/" + oci::digest_of(key + '\0' + files_.name).hex();
    TRY(make_directories(path, 0700));
    UniqueFd directory = TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0)
      directory_ = std::move(directory);
    else if (errno != EWOULDBLOCK)
      return sys_error("lock '{}'", path);
    return {};
  }

  const SessionFiles files_;
  UniqueFd scratch_;    // for files that are not kept
  UniqueFd directory_;  // locked until the build lets go of this
};

}  // namespace

std::unique_ptr<build::Context> session_context(SessionFiles files) {
  return std::make_unique<SessionContext>(std::move(files));
}

Result<std::optional<std::string>> read_client_file(Session& session, const std::string& directory,
                                                    const std::string& path, const std::string& scratch,
                                                    std::size_t limit) {
  TRY(make_directories(scratch, 0700));
  const auto place = TRY(ScratchDirectory::make(scratch + "/files-"));
  grpc::ClientCall call = TRY(begin_sync(session, {.name = directory, .follow_paths = {path}}));
  TRY_DURING(receive_files(call, place.fd()), "receive '{}'", path);
  Result<std::string> text = read_file_at(place.fd(), path, limit);
  if (text) return std::optional(*std::move(text));
  if (text.error().code() == Code::NotFound) return std::optional<std::string>();
  return std::move(text).error();
}

Result<std::unique_ptr<UploadSource>> UploadSource::open(Session& session, std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  constexpr std::string_view kPull = "/moby.upload.v1.Upload/Pull";
  url.remove_prefix(std::min(url.size(), kScheme.size()));
  const std::size_t slash = std::min(url.find('/'), url.size());
  const grpc::HeaderFields metadata = {{"urlhost", std::string(url.substr(0, slash))},
                                       {"urlpath", std::string(url.substr(slash))}};
  TRY(session.require(kPull));
  grpc::ClientCall call = TRY(grpc::ClientCall::begin(session.connection(), kPull, metadata));
  return std::unique_ptr<UploadSource>(new UploadSource(std::move(call)));
}

Result<std::size_t> UploadSource::read(std::span<std::byte> into) {
  while (offset_ == chunk_.size()) {
    const std::optional<std::string> bytes = TRY(call_.read());
    if (!bytes) return std::size_t{0};
    chunk_ = std::move(*TRY(parse<pb::BytesMessage>(*bytes, "Upload/Pull")).mutable_data());
    offset_ = 0;
  }
  const std::size_t taken = std::min(into.size(), chunk_.size() - offset_);
  std::memcpy(into.data(), chunk_.data() + offset_, taken);
  offset_ += taken;
  return taken;
}

}  // namespace gantry::buildkit
