// SPDX-License-Identifier: Apache-2.0
//
// login, logout: as docker's, in the same file, so that one of them is enough.
#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "cli/registry.h"
#include "image/transfer/credentials.h"
#include "image/transfer/registries.h"
#include "oci/image/reference.h"

namespace gantry::cli {
namespace {

constexpr std::size_t kMaxLine = 64 << 10;  // tokens can be long

// A registry as people name it: docker's hub if they name none; a URL as docker's own key for it.
Result<std::string> registry_of(const Words& words) {
  if (words.empty()) return std::string(oci::kDockerHub);
  std::string name = words[0];
  for (const std::string_view scheme : {"https://", "http://"})
    if (name.starts_with(scheme)) name.erase(0, scheme.size());
  name.resize(std::min(name.find('/'), name.size()));
  if (name == "index.docker.io" || name == "registry-1.docker.io") return std::string(oci::kDockerHub);
  if (!oci::is_registry(name))
    return error(Code::InvalidArgument, "'{}' is not the name of a registry: HOST[:PORT]", words[0]);
  return name;
}

// While this lives, what is typed is not shown.
class NoEcho {
 public:
  NoEcho() : is_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (is_terminal_) (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;
  ~NoEcho() {
    if (is_terminal_) (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  const bool is_terminal_;
};

// One line of the terminal, byte by byte: what follows is somebody else's.
Result<std::string> ask(std::string_view question) {
  TRY(write_all(STDERR_FILENO, question, "standard error"));
  std::string line;
  for (char c = 0; line.size() < kMaxLine;) {
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return sys_error("read standard input");
    if (got == 0 || c == '\n') break;
    line += c;
  }
  return line;
}

struct LoginOptions {
  std::string username;
  std::string password;
  bool password_stdin = false;
  std::vector<Option> table() {
    return {{'u', "username", "NAME", &username, "Asked for on a terminal if it is not given"},
            {'p', "password", "TEXT", &password, "Everybody on this host can see it; better not"},
            {0, "password-stdin", "", &password_stdin, "Read the password, or a token, from standard input"}};
  }
};

Result<image::Credentials> credentials_from(const LoginOptions& options) {
  image::Credentials credentials{.username = options.username, .password = options.password};
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  if (options.password_stdin) {
    if (!options.password.empty())
      return error(Code::InvalidArgument, "--password and --password-stdin exclude each other");
    if (options.username.empty()) return error(Code::InvalidArgument, "--password-stdin needs --username");
    credentials.password = TRY(read_all(STDIN_FILENO, "standard input", kMaxLine));
    while (credentials.password.ends_with('\n') || credentials.password.ends_with('\r'))
      credentials.password.pop_back();
  }
  if (credentials.username.empty() && is_terminal) credentials.username = TRY(ask("Username: "));
  if (credentials.password.empty() && is_terminal && !options.password_stdin) {
    const NoEcho no_echo;
    credentials.password = TRY(ask("Password: "));
    TRY(write_all(STDERR_FILENO, "\n", "standard error"));
  }
  if (credentials.username.empty() || credentials.password.empty())
    return error(Code::InvalidArgument,
                 "username or password is missing: use --username and --password-stdin, or a terminal");
  return credentials;
}

Result<int> login(Context& context, const LoginOptions& options, const Words& words) {
  const std::string name = TRY(registry_of(words));
  const auto file = TRY(image::CredentialFile::from_environment());
  const image::Credentials credentials = TRY(credentials_from(options));
  image::Registries registries(TRY(image::RegistriesOptions::from_host()));
  const auto registry = TRY(registries.registry(name, credentials));
  const bool was_asked = TRY_DURING(registry->log_in(), "log in as '{}'", credentials.username);
  if (!was_asked) context.log.warn("the registry has not asked who you are; nothing was checked");
  const std::string place = TRY(file.store(name, credentials));
  TRY(write_all(STDERR_FILENO, fmt::format("The credentials are in '{}'.\n", place), "standard error"));
  TRY(print("Login Succeeded\n"));
  return 0;
}

Result<int> logout(Context&, const NoOptions&, const Words& words) {
  const std::string name = TRY(registry_of(words));
  const auto file = TRY(image::CredentialFile::from_environment());
  const bool was_there = TRY(file.erase(name));
  TRY(print(fmt::format("{} {}\n", was_there ? "Removing login credentials for" : "Not logged in to", name)));
  return 0;
}

}  // namespace

const Verb kLogin = make_verb<LoginOptions, login>("login", "[HOST[:PORT]]", {0, 1},
                                                   "Keep credentials for a registry, once it takes them");
const Verb kLogout =
    make_verb<NoOptions, logout>("logout", "[HOST[:PORT]]", {0, 1}, "Forget the credentials for a registry");

}  // namespace gantry::cli
