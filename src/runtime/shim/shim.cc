// SPDX-License-Identifier: Apache-2.0
#include "runtime/shim/shim.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "runtime/shim/exit_record.h"

namespace gantry::shim {
namespace {

using std::chrono::milliseconds;

constexpr const char* kSocket = "shim.sock";
constexpr const char* kShimPid = "shim.pid";
constexpr const char* kInitPid = "init.pid";

// With four descriptors an exec and one a client, these stay below the usual limit of 1024.
constexpr std::size_t kMaxClients = 128;
constexpr std::size_t kMaxSessions = 129;

// Bigger than two frames, so that a socket that poll(2) calls writable takes a whole one.
constexpr int kClientBuffer = 256 << 10;  // bytes

constexpr milliseconds kRetryInterval(200);
constexpr milliseconds kIdleInterval(1000);

static_assert(LogWriter::kMaxAppend == kMaxBody, "one read is one append and one frame");

Result<pid_t> read_pid(int dir, const std::string& name) {
  const std::string text = TRY(read_file_at(dir, name, 64));
  pid_t pid = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), pid);
  if (pid <= 0) return error(Code::Internal, "pid file '{}' has no pid", name);
  return pid;
}

// Whoever removes the directory, as a caller may once its delete was answered, will not ask for the exit.
bool is_forgotten(int directory) {
  struct stat about{};
  return ::fstat(directory, &about) == 0 && about.st_nlink == 0;
}

}  // namespace

Result<std::unique_ptr<Shim>> Shim::make(const Options& options) {
  TRY(make_directories(options.state_dir, 0700));
  UniqueFd state = TRY(open_at(AT_FDCWD, options.state_dir, O_RDONLY | O_DIRECTORY));
  EventLoop loop = TRY(EventLoop::make());
  ScratchMemory output = TRY(ScratchMemory::make(kMaxBody));
  // One byte more shows that a frame is too long.
  ScratchMemory frame = TRY(ScratchMemory::make(kHeaderSize + kMaxBody + 1));
  std::unique_ptr<Shim> shim(
      new Shim(options, std::move(loop), std::move(state), std::move(output), std::move(frame)));

  // Orphans of the container come to this process, and so does its first one when the runtime ends.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) return sys_error("become a subreaper");
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  shim->children_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!shim->children_) return sys_error("make signal descriptor");
  TRY(shim->children_watch_.start(shim->children_.get(), EPOLLIN));

  if (!options.log.path.empty()) shim->log_.emplace(TRY(LogWriter::open(options.log)));
  TRY(replace_file_at(shim->state_.get(), kShimPid, fmt::format("{}\n", ::getpid()), 0600));
  TRY(shim->listen());
  return shim;
}

Shim::Shim(const Options& options, EventLoop loop, UniqueFd state, ScratchMemory output, ScratchMemory frame)
    : options_(options),
      loop_(std::move(loop)),
      state_(std::move(state)),
      output_memory_(std::move(output)),
      frame_memory_(std::move(frame)),
      runtime_(options_),
      children_watch_(loop_, Callback::to<&Shim::on_child>(*this)),
      socket_watch_(loop_, Callback::to<&Shim::on_connection>(*this)),
      retry_(loop_, Callback::to<&Shim::on_retry>(*this)),
      idle_(loop_, Callback::to<&Shim::on_idle>(*this)) {}

Result<void> Shim::listen() {
  socket_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return sys_error("make socket");
  // sun_path is short; the descriptor makes a short path of any.
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = fmt::format("/proc/self/fd/{}/{}", state_.get(), kSocket);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // What an earlier shim left. Two at a time are the caller's mistake, and the later one wins.
  (void)::unlinkat(state_.get(), kSocket, 0);
  const mode_t before = ::umask(0177);  // the socket is never open to others, not even at first
  const int bound = ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  (void)::umask(before);
  if (bound < 0 || ::listen(socket_.get(), 64) < 0) return sys_error("listen on '{}'", state_path(kSocket));
  return {};
}

Result<void> Shim::create() {
  Session& session =
      *sessions_.emplace(kContainerSession, std::make_unique<Session>(*this, loop_, kContainerSession))
           .first->second;
  std::vector<std::string> arguments = {"--bundle", options_.bundle, "--pid-file", state_path(kInitPid)};
  if (options_.terminal) {
    arguments.emplace_back("--console-socket");
    arguments.push_back(TRY(session.open_console(state_.get(), options_.size)));
  } else {
    TRY(session.open_pipes(options_.open_stdin ? Session::Stdin::Open : Session::Stdin::Null));
  }
  arguments.insert(arguments.end(), options_.create_args.begin(), options_.create_args.end());
  RuntimeCall call = TRY(runtime_.spawn("create", std::move(arguments), session.child_stdio()));
  session.close_child_stdio();
  calls_.push_back({CallKind::Create, std::move(call), 0, {}});
  while (!calls_.empty()) TRY(loop_.run_once());
  if (create_failure_) return std::move(*create_failure_);
  return socket_watch_.start(socket_.get(), EPOLLIN);
}

Result<void> Shim::serve() {
  mark_busy();  // what creating took is given back when the idle timer runs out
  if (log_) write_log();
  settle();
  while (!is_finished()) {
    TRY(loop_.run_once());
    settle();
  }
  if (is_deleted_) (void)::unlinkat(state_.get(), kExitRecord, 0);
  return {};
}

// Without the socket everybody looks for the exit record, which is on disk by now.
Shim::~Shim() {
  for (const char* name : {kSocket, kShimPid, kInitPid}) (void)::unlinkat(state_.get(), name, 0);
}

bool Shim::is_finished() const {
  const Session& first = container();
  if (!first.exit() || owes_record_) return false;
  if (is_deleted_) return first.is_reported();
  const bool is_needed = !calls_.empty() || !clients_.empty() || !first.is_reported() || !first.is_silent() ||
                         (log_ && log_->has_pending());
  return !is_needed && std::none_of(sessions_.begin(), sessions_.end(),
                                    [](const auto& entry) { return entry.second->is_live(); });
}

// Does what callbacks asked for, when none of them is running any more.
void Shim::settle() {
  while (has_reading_news_ || has_stdin_news_) {
    if (std::exchange(has_reading_news_, false))
      for (auto& [id, session] : sessions_) session->update_reading();
    if (std::exchange(has_stdin_news_, false))
      for (std::size_t i = 0; i < clients_.size(); ++i)
        if (clients_[i]->is_waiting_for_stdin()) clients_[i]->resume();
  }
  std::erase_if(clients_, [](const auto& client) { return client->is_gone(); });
}

// ---- Output

bool Shim::can_take_output(const Session& session) {
  if (session.id() == kContainerSession && log_ && log_->has_pending()) return false;
  for (auto& client : clients_) {
    const auto& attachment = client->attachment;
    if (!attachment || attachment->session != session.id() || (attachment->flags & kLossless) == 0) continue;
    if (!client->has_room()) return false;
  }
  return true;
}

void Shim::take_output(Session& session, Stream stream, std::string_view bytes) {
  mark_busy();
  for (auto& client : clients_)
    if (client->attachment && client->attachment->session == session.id() &&
        client->attachment->wants(stream))
      client->send_output(stream, bytes);
  if (session.id() != kContainerSession || !log_) return;
  log_->append(stream, bytes, wall_clock_now());
  write_log();
}

void Shim::mark_busy() {
  has_been_busy_ = true;
  if (!idle_.is_started()) idle_.start(kIdleInterval);
}

void Shim::write_log() {
  if (!log_->has_pending()) return;
  const bool was_blocked = log_->blocked_by() != 0;
  if (!log_->flush()) {
    if (!retry_.is_started()) retry_.start(kRetryInterval);
  } else if (was_blocked) {
    has_reading_news_ = true;
  }
}

void Shim::on_retry() {
  if (log_) write_log();
  if (owes_record_) write_record();
  on_progress(container());
}

void Shim::on_idle() {
  if (std::exchange(has_been_busy_, false)) return idle_.start(kIdleInterval);
  if (log_ && !log_->has_pending()) {
    const timespec now = wall_clock_now();
    log_->end_line(Stream::Stdout, now);
    log_->end_line(Stream::Stderr, now);
    write_log();
    log_->release_memory();
  }
  output_memory_.release();
  frame_memory_.release();
  (void)::malloc_trim(0);
}

// ---- Ends of processes

void Shim::on_child() {
  signalfd_siginfo ignored[8];
  while (::read(children_.get(), ignored, sizeof ignored) > 0) {
  }
  // Calls first: an exec'd process may already have ended, and only its call says which one it was.
  for (std::size_t i = 0; i < calls_.size();) {
    const auto ended = calls_[i].call.process().try_wait();
    if (!ended || !*ended) {
      ++i;
      continue;
    }
    const PendingCall call = std::move(calls_[i]);
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(i));
    finish_call(call, **ended);
  }
  if (!calls_.empty()) {
    // Of the rest, one may turn out to be the process of a call that has not ended yet: leave it.
    for (auto& [id, session] : sessions_) {
      int wait_status;
      if (session->is_live() && ::waitpid(session->pid(), &wait_status, WNOHANG) > 0)
        on_exit(*session, WaitStatus(wait_status));
    }
    return;
  }
  int wait_status;
  for (pid_t pid; (pid = ::waitpid(-1, &wait_status, WNOHANG)) > 0;)
    for (auto& [id, session] : sessions_)
      if (session->is_live() && session->pid() == pid)
        on_exit(*session, WaitStatus(wait_status));  // or an orphan
}

void Shim::on_exit(Session& session, WaitStatus how) {
  const timespec now = wall_clock_now();
  const ExitStatus status{.code = static_cast<std::uint32_t>(how.as_shell_status()),
                          .signal = static_cast<std::uint32_t>(how.signal()),
                          .oom_killed = oom_.has_killed(),
                          .seconds = now.tv_sec,
                          .nanoseconds = static_cast<std::uint32_t>(now.tv_nsec)};
  session.set_exit(status);
  if (session.id() == kContainerSession) write_record();  // before anybody is told
  session.update_reading();
}

void Shim::write_record() {
  const Session& first = container();
  owes_record_ = !write_exit_record(state_.get(), options_.id, first.pid(), *first.exit()).has_value() &&
                 !is_forgotten(state_.get());
  if (owes_record_ && !retry_.is_started()) retry_.start(kRetryInterval);
}

void Shim::on_progress(Session& session) {
  if (!session.is_drained() || session.is_reported()) return;
  if (session.id() == kContainerSession && log_) {
    if (log_->has_pending()) return;  // on_retry() comes back
    const timespec now = wall_clock_now();
    log_->end_line(Stream::Stdout, now);
    log_->end_line(Stream::Stderr, now);
    write_log();
    if (log_->has_pending()) return;
  }
  report_exit(session, false);
}

void Shim::on_overdue(Session& session) { report_exit(session, true); }

void Shim::report_exit(Session& session, bool is_log_incomplete) {
  if (session.is_reported()) return;
  session.set_reported();
  ExitStatus status = *session.exit();
  status.log_incomplete = is_log_incomplete;
  for (auto& client : clients_) {
    if (client->attachment && client->attachment->session == session.id())
      client->send(make_exited(client->attachment->address(), status));
    std::erase_if(client->waits, [&](const Address& address) {
      if (address.session != session.id()) return false;
      --client->unanswered;
      client->send(make_exited(address, status));
      return true;
    });
  }
}

// ---- Clients

void Shim::on_connection() {
  UniqueFd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return;
  if (clients_.size() >= kMaxClients) {
    const std::string refusal =
        make_error({}, error(Code::ResourceExhausted, "{} clients are connected", kMaxClients));
    (void)::send(socket.get(), refusal.data(), refusal.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUF, &kClientBuffer, sizeof kClientBuffer);
  auto client = std::make_unique<Client>(*this, loop_, std::move(socket), next_client_++);
  if (client->start()) clients_.push_back(std::move(client));
}

void Shim::on_client_gone(const Client& client) {
  has_reading_news_ = true;
  if (!client.attachment || (client.attachment->flags & kStdinOnce) == 0) return;
  if (auto session = find_session(client.attachment->session))
    (void)(*session)->close_stdin();  // or a terminal
}

Client* Shim::find_client(std::uint32_t id) {
  for (auto& client : clients_)
    if (client->id() == id) return client.get();
  return nullptr;
}

Result<Session*> Shim::find_session(std::uint32_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !found->second->has_process())
    return error(Code::NotFound, "there is no session {}", id);
  return found->second.get();
}

void Shim::handle(Client& client, const Request& request) {
  if (auto done = answer(client, request); !done)
    client.send(make_error({request.tag, request.session}, done.error()));
}

// Either answers, or arranges that somebody will, or fails.
Result<void> Shim::answer(Client& client, const Request& request) {
  const Address address{request.tag, request.session};
  Session& session = *TRY(find_session(request.session));
  switch (request.type) {
    case RequestType::Status: client.send(make_ok(address, status())); return {};
    case RequestType::Start: return call_runtime(client, CallKind::Start, address, "start", {});
    case RequestType::Attach: return attach(client, request);
    case RequestType::Exec: return exec(client, request);
    case RequestType::Wait: return wait(client, request);
    case RequestType::Delete: return delete_session(client, request);
    case RequestType::Signal:
      if ((request.flags & kSignalAll) != 0)
        return call_runtime(client, CallKind::SignalAll, address, "kill", {"--all"},
                            {std::to_string(request.signal)});
      TRY(session.signal(request.signal));
      break;
    case RequestType::CloseStdin: TRY(session.close_stdin()); break;
    case RequestType::Resize: TRY(session.resize(request.size)); break;
    case RequestType::ReopenLog:
      if (!log_) return error(Code::Conflict, "there is no log");
      TRY(log_->reopen());
      write_log();
      break;
    case RequestType::Stdin: break;  // write_stdin() is for that
  }
  client.send(make_ok(address));
  return {};
}

Status Shim::status() const {
  const Session& first = container();
  Status status{.pid = static_cast<std::uint32_t>(first.pid()),
                .log_errno = log_ ? static_cast<std::uint32_t>(log_->blocked_by()) : 0,
                .clients = static_cast<std::uint32_t>(clients_.size())};
  for (const auto& [id, session] : sessions_)
    status.live_execs += id != kContainerSession && session->is_live();
  if (first.exit()) {
    status.state = State::Exited;
    status.exit = *first.exit();
    status.exit.log_incomplete = !first.is_drained() || (log_ && log_->has_pending());
  }
  return status;
}

Result<std::size_t> Shim::write_stdin(std::uint32_t session, std::string_view bytes) {
  mark_busy();
  return TRY(find_session(session))->write_stdin(bytes);
}

Result<void> Shim::attach(Client& client, const Request& request) {
  if (client.attachment)
    return error(Code::Conflict, "this connection is attached to session {} already",
                 client.attachment->session);
  const Session& session = *TRY(find_session(request.session));
  const Address address{request.tag, request.session};
  client.attachment = Attachment{.session = address.session, .tag = address.tag, .flags = request.flags};
  client.send(make_ok(address));
  if (session.is_reported()) client.send(make_exited(address, *session.exit()));
  return {};
}

Result<void> Shim::wait(Client& client, const Request& request) {
  const Session& session = *TRY(find_session(request.session));
  const Address address{request.tag, request.session};
  if (session.is_reported()) {
    client.send(make_exited(address, *session.exit()));
    return {};
  }
  client.waits.push_back(address);
  ++client.unanswered;
  return {};
}

Result<void> Shim::delete_session(Client& client, const Request& request) {
  const Address address{request.tag, request.session};
  if (address.session == kContainerSession) {
    std::vector<std::string> arguments;
    if ((request.flags & kDeleteForce) != 0) arguments.emplace_back("--force");
    return call_runtime(client, CallKind::Delete, address, "delete", std::move(arguments));
  }
  const Session& session = *TRY(find_session(address.session));
  if (session.is_live())
    return error(Code::Conflict, "the process of session {} still runs", address.session);
  sessions_.erase(address.session);
  client.send(make_ok(address));
  return {};
}

// ---- Calls of the runtime

Result<void> Shim::call_runtime(Client& client, CallKind kind, Address address, const std::string& verb,
                                std::vector<std::string> arguments, std::vector<std::string> trailing) {
  if (address.session != kContainerSession)
    return error(Code::InvalidArgument, "{} is for the container, not for session {}", verb, address.session);
  RuntimeCall call = TRY(runtime_.spawn(verb, std::move(arguments), {}, std::move(trailing)));
  calls_.push_back({kind, std::move(call), client.id(), address});
  ++client.unanswered;
  return {};
}

// Sessions that have ended are kept for whoever asks how, until their place is needed.
Result<void> Shim::make_room_for_exec() {
  if (sessions_.size() < kMaxSessions) return {};
  for (auto entry = sessions_.begin(); entry != sessions_.end(); ++entry) {
    if (entry->first == kContainerSession || !entry->second->is_reported()) continue;
    sessions_.erase(entry);
    return {};
  }
  return error(Code::ResourceExhausted, "{} exec sessions are running", kMaxSessions - 1);
}

Result<void> Shim::exec(Client& client, const Request& request) {
  if (request.session != kContainerSession)
    return error(Code::InvalidArgument, "exec is for the container, not for session {}", request.session);
  const bool attaches = (request.flags & (kAttachStdin | kAttachStdout | kAttachStderr)) != 0;
  if (attaches && client.attachment)
    return error(Code::Conflict, "this connection is attached to session {} already",
                 client.attachment->session);
  TRY(make_room_for_exec());
  const std::uint32_t id = next_session_++;
  auto session = std::make_unique<Session>(*this, loop_, id);
  const std::string pid_file = fmt::format("exec-{}.pid", id);
  std::vector<std::string> arguments = {"--process", std::string(request.payload), "--detach", "--pid-file",
                                        state_path(pid_file)};
  if ((request.flags & kTerminal) != 0) {
    arguments.emplace_back("--console-socket");
    arguments.push_back(TRY(session->open_console(state_.get(), request.size)));
  } else {
    const bool has_stdin = (request.flags & kAttachStdin) != 0;
    TRY(session->open_pipes(has_stdin ? Session::Stdin::Open : Session::Stdin::Null));
  }
  RuntimeCall call = TRY(runtime_.spawn("exec", std::move(arguments), session->child_stdio()));
  session->close_child_stdio();
  sessions_.emplace(id, std::move(session));
  if (attaches) client.attachment = Attachment{.session = id, .tag = request.tag, .flags = request.flags};
  calls_.push_back({CallKind::Exec, std::move(call), client.id(), {request.tag, id}});
  ++client.unanswered;
  return {};
}

Result<void> Shim::adopt(Session& session, const std::string& pid_file) {
  auto pid = read_pid(state_.get(), pid_file);
  if (session.id() != kContainerSession) (void)::unlinkat(state_.get(), pid_file.c_str(), 0);
  return session.set_process(TRY(std::move(pid)));
}

void Shim::finish_call(const PendingCall& call, WaitStatus status) {
  switch (call.kind) {
    case CallKind::Create: return finish_create(call, status);
    case CallKind::Exec: return finish_exec(call, status);
    default: break;
  }
  auto outcome = call.call.outcome(status, {});
  if (outcome && call.kind == CallKind::Delete) is_deleted_ = true;
  answer_call(call, outcome ? make_ok(call.address) : make_error(call.address, outcome.error()));
}

void Shim::finish_create(const PendingCall& call, WaitStatus status) {
  const std::string complaint = !status.is_success() ? container().read_stderr() : std::string();
  if (auto made = call.call.outcome(status, complaint); !made) {
    create_failure_ = std::move(made).error();
  } else if (auto adopted = adopt(container(), kInitPid); !adopted) {
    create_failure_ = std::move(adopted).error();
    discard_container();
  } else {
    oom_ = OomCounter::of_process(container().pid());
  }
}

// The runtime made a container that nobody will ever be told of.
void Shim::discard_container() {
  auto call = runtime_.spawn("delete", {"--force"}, {});
  if (!call) return;
  if (const auto status = call->process().wait()) (void)call->outcome(*status, {});
}

void Shim::finish_exec(const PendingCall& call, WaitStatus status) {
  Session& session = *sessions_.at(call.address.session);
  const std::string complaint = !status.is_success() ? session.read_stderr() : std::string();
  auto outcome = call.call.outcome(status, complaint);
  if (outcome) outcome = adopt(session, fmt::format("exec-{}.pid", session.id()));
  if (outcome) return answer_call(call, make_ok(call.address, static_cast<std::uint32_t>(session.pid())));
  Client* client = find_client(call.client);
  if (client != nullptr && client->attachment && client->attachment->session == session.id())
    client->attachment.reset();
  sessions_.erase(call.address.session);
  answer_call(call, make_error({call.address.tag, kContainerSession}, outcome.error()));
}

void Shim::answer_call(const PendingCall& call, std::string frame) {
  Client* client = find_client(call.client);
  if (client == nullptr) return;  // it did not stay for the answer
  --client->unanswered;
  client->send(std::move(frame));
}

std::string Shim::state_path(const std::string& name) const { return options_.state_dir + "/" + name; }

}  // namespace gantry::shim
