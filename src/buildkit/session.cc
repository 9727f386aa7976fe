// SPDX-License-Identifier: Apache-2.0
#include "buildkit/session.h"

#include <strings.h>

#include <algorithm>

namespace gantry::buildkit {

bool Session::offers(std::string_view method) const {
  // Clients write "DiffCopy" and "diffcopy".
  return std::ranges::any_of(info_.methods, [&](const std::string& offered) {
    return offered.size() == method.size() &&
           ::strncasecmp(offered.data(), method.data(), method.size()) == 0;
  });
}

Result<void> Session::require(std::string_view method) const {
  if (offers(method)) return {};
  return error(Code::Unsupported, "the client does not offer '{}'", method);
}

Sessions::~Sessions() {
  const MutexLock lock(mutex_);
  for (const auto& [id, session] : sessions_) session->connection().cut();
  while (open_ > 0) changed_.wait(mutex_);
}

Result<void> Sessions::add(http::Stream stream, SessionInfo info) {
  if (info.id.empty()) return error(Code::InvalidArgument, "a session has no id");
  const std::string id = info.id;
  const auto session =
      std::make_shared<Session>(std::move(info), TRY(http::Http2Connection::connect(std::move(stream))));
  {
    const MutexLock lock(mutex_);
    if (!sessions_.emplace(id, session).second)
      return error(Code::AlreadyExists, "there is a session '{}' already", id);
    ++open_;
    changed_.notify_all();
  }
  session->connection().on_over([this, id] { forget(id); });
  return {};
}

void Sessions::forget(const std::string& id) {
  std::shared_ptr<Session> session;
  {
    const MutexLock lock(mutex_);
    const auto found = sessions_.find(id);
    session = std::move(found->second);
    sessions_.erase(found);
  }
  session.reset();  // ends on its own thread, which is this one, unless a build has it still
  const MutexLock lock(mutex_);
  --open_;
  changed_.notify_all();
}

Result<std::shared_ptr<Session>> Sessions::find(const std::string& id, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const MutexLock lock(mutex_);
  for (;;) {
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) return found->second;
    if (!changed_.wait_until(mutex_, deadline)) return error(Code::NotFound, "no session '{}'", id);
  }
}

}  // namespace gantry::buildkit
