// SPDX-License-Identifier: Apache-2.0
#include "kube/identity/pki.h"

#include <arpa/inet.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "kube/identity/kubeconfig.h"

namespace gantry::kube {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kAuthorityLife = 3650 * kDay;
constexpr std::int64_t kLife = 365 * kDay;
constexpr std::int64_t kSkew = 300;  // seconds that a client's clock may be behind
constexpr std::string_view kTemporary = ".tmp-";

bool is_address(const std::string& name) {
  in6_addr ignored;
  return ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::ranges::find(list, text) == list.end()) list.push_back(text);
}

AlternativeNames server_names(const PkiOptions& options) {
  AlternativeNames names = {
      .dns = {"kubernetes", "kubernetes.default", "kubernetes.default.svc",
              fmt::format("kubernetes.default.svc.{}", options.cluster_domain), "localhost"},
      .addresses = {"127.0.0.1", "::1"}};
  for (const std::string& name : options.server_names)
    add_once(is_address(name) ? names.addresses : names.dns, name);
  return names;
}

bool has_all(const std::vector<std::string>& given, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(
      wanted, [&](const std::string& each) { return std::ranges::find(given, each) != given.end(); });
}

// Whether a certificate that is there does what is asked for, for a good while yet.
bool serves(const std::string& pem, const CertificateTerms& terms, const Authority& authority, const Key& key,
            std::int64_t now) {
  const auto info = read_certificate(pem);
  if (!info || info->key_id != key.id() || !authority.has_signed(pem)) return false;
  const std::int64_t renewed_at = info->not_after - (info->not_after - info->not_before) / 3;
  return info->not_before <= now && now < renewed_at && info->common_name == terms.common_name &&
         info->organizations == terms.organizations && has_all(info->names.dns, terms.names.dns) &&
         has_all(info->names.addresses, terms.names.addresses);
}

CertificateTerms with_times(CertificateTerms terms, std::int64_t now) {
  terms.not_before = now - kSkew;
  terms.not_after = now + kLife;
  return terms;
}

}  // namespace

// The directory, locked. A file is whole or not there.
class Pki::Directory {
 public:
  static Result<Directory> open(const std::string& path) {
    TRY(make_directories(path, 0700));
    UniqueFd fd = TRY(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    UniqueFd lock = TRY(open_at(fd.get(), ".lock", O_RDWR | O_CREAT, 0600));
    if (::flock(lock.get(), LOCK_EX) < 0) return sys_error("lock '{}'", path);
    Directory directory(path, std::move(fd), std::move(lock));
    TRY(directory.remove_leftovers());
    return directory;
  }

  Result<std::optional<std::string>> read(const std::string& name) const {
    auto text = read_file_at(fd_.get(), name, 1 << 20);
    if (!text && text.error().errno_value() == ENOENT) return std::optional<std::string>();
    return std::optional(TRY_DURING(std::move(text), "'{}'", path_));
  }

  Result<void> write(const std::string& name, std::string_view text, mode_t mode) const {
    const std::string temporary = fmt::format("{}{}", kTemporary, name);
    const UniqueFd file = TRY(open_at(fd_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    TRY(write_all(file.get(), text, temporary));
    if (::fdatasync(file.get()) < 0) return sys_error("sync '{}'", temporary);
    if (::renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) < 0)
      return sys_error("rename '{}' to '{}'", temporary, name);
    return {};
  }

  // The names of all files that were written are on disk.
  Result<void> sync() const {
    if (::fsync(fd_.get()) < 0) return sys_error("sync '{}'", path_);
    return {};
  }

  Result<Key> key(const std::string& name) const {
    if (const auto pem = TRY(read(name))) {
      Key key = TRY_DURING(Key::from_pem(*pem), "'{}/{}'", path_, name);
      if (!key.is_private()) return error(Code::InvalidArgument, "'{}/{}': no private key", path_, name);
      return key;
    }
    Key key = TRY(Key::generate());
    TRY(write(name, TRY(key.private_pem()), 0600));
    return key;
  }

  // The key comes first: with it, a certificate that is missing can be made.
  Result<Authority> authority(const std::string& name, const std::string& common_name,
                              std::int64_t now) const {
    const auto pem = TRY(read(name + ".crt"));
    if (pem && !TRY(read(name + ".key")))
      return error(Code::NotFound,
                   "'{0}/{1}.key': missing beside '{1}.crt', without it no certificate can be signed", path_,
                   name);
    const Key own = TRY(key(name + ".key"));
    if (pem) return TRY_DURING(Authority::load(*pem, own), "'{}/{}.crt'", path_, name);
    Authority authority = TRY(Authority::create(common_name, own, now - kSkew, now + kAuthorityLife));
    TRY(write(name + ".crt", authority.pem(), 0644));
    return authority;
  }

  // Whether it had to be made.
  Result<bool> certificate(const std::string& name, const Authority& authority, const CertificateTerms& terms,
                           std::int64_t now) const {
    const Key own = TRY(key(name + ".key"));
    const auto pem = TRY(read(name + ".crt"));
    if (pem && serves(*pem, terms, authority, own, now)) return false;
    TRY(write(name + ".crt", TRY(authority.issue(with_times(terms, now), own)), 0644));
    return true;
  }

  // The same for a user's kubeconfig, which has certificate and key in it.
  Result<bool> kubeconfig(const std::string& name, const std::string& server, const Authority& authority,
                          const CertificateTerms& terms, std::int64_t now) const {
    if (const auto text = TRY(read(name))) {
      const Kubeconfig config = TRY_DURING(parse_kubeconfig(*text, path_), "'{}/{}'", path_, name);
      const auto own = Key::from_pem(config.key);
      if (own && config.server == server && config.authorities == authority.pem() &&
          serves(config.certificate, terms, authority, *own, now))
        return false;
    }
    const Key own = TRY(Key::generate());
    Kubeconfig config = {.server = server, .authorities = authority.pem()};
    config.certificate = TRY(authority.issue(with_times(terms, now), own));
    config.key = TRY(own.private_pem());
    TRY(write(name, format_kubeconfig(config, "kubernetes", terms.common_name), 0600));
    return true;
  }

 private:
  Directory(std::string path, UniqueFd fd, UniqueFd lock)
      : path_(std::move(path)), fd_(std::move(fd)), lock_(std::move(lock)) {}

  // Of a process that was killed while it wrote.
  Result<void> remove_leftovers() const {
    for (const std::string& name : TRY(names_in(fd_.get(), ".")))
      if (name.starts_with(kTemporary)) TRY(remove_tree_at(fd_.get(), name));
    return {};
  }

  std::string path_;
  UniqueFd fd_;
  UniqueFd lock_;
};

Result<Pki> Pki::open(PkiOptions options, std::int64_t now) {
  const Directory directory = TRY(Directory::open(options.directory));
  Authority cluster = TRY(directory.authority("ca", "kubernetes", now));
  Authority proxy = TRY(directory.authority("front-proxy-ca", "front-proxy-ca", now));
  Key token_key = TRY(directory.key("sa.key"));
  if (!TRY(directory.read("sa.pub"))) TRY(directory.write("sa.pub", TRY(token_key.public_pem()), 0644));
  Pki pki(std::move(options), std::move(cluster), std::move(proxy), std::move(token_key));
  TRY(pki.complete(directory, now));
  TRY(directory.sync());
  return pki;
}

Result<bool> Pki::renew(std::int64_t now) {
  const Directory directory = TRY(Directory::open(options_.directory));
  const bool is_changed = TRY(complete(directory, now));
  if (is_changed) TRY(directory.sync());
  return is_changed;
}

Result<bool> Pki::complete(const Directory& directory, std::int64_t now) const {
  bool is_changed = false;
  const auto certificate = [&](const std::string& name, const Authority& authority,
                               const CertificateTerms& terms) -> Result<void> {
    is_changed |= TRY(directory.certificate(name, authority, terms, now));
    return {};
  };
  const auto user = [&](const std::string& file, const std::string& name,
                        std::vector<std::string> groups) -> Result<void> {
    is_changed |= TRY(directory.kubeconfig(
        file, options_.server_url, cluster_,
        {.common_name = name, .organizations = std::move(groups), .for_clients = true}, now));
    return {};
  };
  TRY(certificate("apiserver", cluster_,
                  {.common_name = "kube-apiserver", .names = server_names(options_), .for_servers = true}));
  TRY(certificate("apiserver-kubelet-client", cluster_,
                  {.common_name = "kube-apiserver-kubelet-client",
                   .organizations = {"system:masters"},
                   .for_clients = true}));
  TRY(certificate("front-proxy-client", proxy_, {.common_name = "front-proxy-client", .for_clients = true}));
  TRY(user("admin.conf", "kubernetes-admin", {"system:masters"}));
  TRY(user("controller-manager.conf", "system:kube-controller-manager", {}));
  TRY(user("scheduler.conf", "system:kube-scheduler", {}));
  if (!options_.node_name.empty())
    TRY(user("kubelet.conf", fmt::format("system:node:{}", options_.node_name), {"system:nodes"}));
  return is_changed;
}

}  // namespace gantry::kube
