// SPDX-License-Identifier: Apache-2.0
#include "registry/htpasswd.h"

#include <crypt.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/file.h"
#include "base/hex.h"
#include "base/random.h"

namespace gantry::registry {

static constexpr std::array<std::string_view, 6> kAccepted = {"$2a$", "$2b$", "$2y$", "$y$", "$5$", "$6$"};

// A hash of nothing anybody types, at the cost that htpasswd -B uses by default and a little more.
static constexpr const char* kNobody = "$2y$08$abcdefghijklmnopqrstuuEuTnUqlzh2Urjs2SrsUWfM7R.QA10.u";

static constexpr std::chrono::minutes kRemember{5};
static constexpr std::size_t kMostRemembered = 1024;

Result<Accounts> parse_htpasswd(std::string_view text) {
  Accounts accounts;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;

    const std::size_t colon = line.find(':');
    if (colon == line.npos || colon == 0)
      return error(Code::InvalidArgument, "line {}: not 'user:hash'", line_number);
    const std::string_view user = line.substr(0, colon), hash = line.substr(colon + 1);
    if (user == "*" || user == "anonymous")
      return error(Code::InvalidArgument, "line {}: '{}' has a meaning of its own in rules", line_number,
                   user);
    if (std::ranges::none_of(kAccepted, [&](std::string_view prefix) { return hash.starts_with(prefix); }))
      return error(Code::Unsupported,
                   "line {}: the password of '{}' is not hashed with bcrypt, yescrypt or SHA-crypt; set it "
                   "again with 'htpasswd -B'",
                   line_number, user);
    if (!accounts.emplace(user, hash).second)
      return error(Code::InvalidArgument, "line {}: '{}' is there twice", line_number, user);
  }
  return accounts;
}

bool verify_password(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();  // 32 KiB
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  // On failure crypt(3) gives "*0" or "*1", which no accepted hash is.
  const bool same = made != nullptr && std::strlen(made) == hash.size() &&
                    CRYPTO_memcmp(made, hash.data(), hash.size()) == 0;
  OPENSSL_cleanse(data.get(), sizeof *data);
  return same;
}

Htpasswd::Htpasswd(std::string path) : path_(std::move(path)), key_(random_hex(32)) {}

Result<std::unique_ptr<Htpasswd>> Htpasswd::open(std::string path) {
  std::unique_ptr<Htpasswd> file(new Htpasswd(std::move(path)));
  const MutexLock lock(file->mutex_);
  TRY_DURING(file->load(), "accounts in '{}'", file->path_);
  return file;
}

Result<void> Htpasswd::load() {
  const UniqueFd file = TRY(open_at(AT_FDCWD, path_, O_RDONLY));
  struct stat status;
  if (::fstat(file.get(), &status) < 0) return sys_error("stat '{}'", path_);
  read_at_ = status;
  const std::string text = TRY(read_all(file.get(), path_));
  accounts_ = TRY(parse_htpasswd(text));
  return {};
}

void Htpasswd::reload_if_changed() {
  struct stat status;
  const bool there = ::stat(path_.c_str(), &status) == 0;
  if (there && status.st_ino == read_at_.st_ino && status.st_size == read_at_.st_size &&
      status.st_mtim.tv_sec == read_at_.st_mtim.tv_sec && status.st_mtim.tv_nsec == read_at_.st_mtim.tv_nsec)
    return;
  // Removed, or half written: better nobody than somebody who was just thrown out.
  if (!load()) accounts_.clear();
}

std::string Htpasswd::remembered_as(std::string_view user, std::string_view password,
                                    std::string_view hash) const {
  std::string text;
  for (const std::string_view part : {user, hash, password}) text.append(part) += '\0';
  std::array<std::byte, EVP_MAX_MD_SIZE> mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  OPENSSL_cleanse(text.data(), text.size());
  return to_hex(std::span(mac).first(size));
}

bool Htpasswd::verify(const std::string& user, const std::string& password) {
  // crypt(3) would cut it there.
  if (password.find('\0') != password.npos) return false;
  std::string hash, name;
  {
    const MutexLock lock(mutex_);
    reload_if_changed();
    if (const auto account = accounts_.find(user); account != accounts_.end()) hash = account->second;
    name = remembered_as(user, password, hash);
    if (const auto found = remembered_.find(name);
        !hash.empty() && found != remembered_.end() && Clock::now() < found->second)
      return true;
  }
  const bool valid = verify_password(password, hash.empty() ? kNobody : hash) && !hash.empty();
  if (!valid) return false;
  const MutexLock lock(mutex_);
  if (remembered_.size() >= kMostRemembered)
    std::erase_if(remembered_, [now = Clock::now()](const auto& entry) { return entry.second <= now; });
  if (remembered_.size() < kMostRemembered) remembered_[name] = Clock::now() + kRemember;
  return true;
}

std::string Htpasswd::generation(std::string_view user) {
  const MutexLock lock(mutex_);
  reload_if_changed();
  const auto account = accounts_.find(user);
  if (account == accounts_.end()) return {};
  std::array<std::byte, EVP_MAX_MD_SIZE> hash;
  unsigned size = 0;
  EVP_Digest(account->second.data(), account->second.size(), reinterpret_cast<unsigned char*>(hash.data()),
             &size, EVP_sha256(), nullptr);
  return to_hex(std::span(hash).first(16));
}

}  // namespace gantry::registry
