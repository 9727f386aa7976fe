// SPDX-License-Identifier: Apache-2.0
//
// Clients of a registry that do one thing as fast as it lets them, and count. Driven by bench/registry.py.
//
//   bench_registry_load push|pull|upload|download ADDRESS CLIENTS SECONDS
//   bench_registry_load upload-floor|download-floor DIRECTORY CLIENTS SECONDS
//
//   push      images of a config and two layers of 1 KiB, each new: what skopeo sends, in its order
//   pull      such an image again and again: manifest by tag, then its three blobs
//   upload    one blob of 64 MiB after the other, each new
//   download  the same blob again and again
//
// The last two cost this program next to nothing, so that what is measured is the server: blobs are sent by
// sendfile(2) from memory that all clients share, and differ in their last bytes only, so that little is
// hashed; what is received is dropped by the kernel (MSG_TRUNC, tcp(7)).
//
// The floors are what a server cannot do without, over the same sockets and with no protocol: to receive,
// hash and write into a file of DIRECTORY; to sendfile(2) from there. One thread a client.
//
// Prints: operations, seconds, megabytes moved.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "base/error.h"
#include "base/file.h"
#include "http/client.h"
#include "http/parser.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"

namespace gantry {
namespace {

using Clock = std::chrono::steady_clock;
namespace types = oci::media_type;

constexpr std::size_t kSmallLayer = 1024;     // bytes
constexpr std::size_t kLargeBlob = 64 << 20;  // bytes
constexpr std::size_t kOwnBytes = 4 << 10;    // at a large blob's end: what makes it another
constexpr std::size_t kPiece = 512 << 10;     // bytes that are received at once

// Nothing that compresses, and the same everywhere.
void fill_with_noise(std::span<char> content, std::uint64_t seed) {
  for (std::size_t at = 0; at + 8 <= content.size(); at += 8)
    seed = seed * 6364136223846793005U + 1442695040888963407U, std::memcpy(&content[at], &seed, 8);
}

class CountingSink final : public ByteSink {
 public:
  Result<void> write(std::span<const std::byte> from) override {
    bytes += from.size();
    return {};
  }
  std::uint64_t bytes = 0;
};

class RegistryUser {
 public:
  RegistryUser(const std::string& address, int number)
      : base_("http://" + address),
        repository_(fmt::format("bench/r{}", number)),
        content_(kSmallLayer, 'x') {
    fill_with_noise(content_, 42);
  }

  Result<std::uint64_t> push(int round) { return push_as(fmt::format("t{}", round), round); }
  Result<std::uint64_t> prepare_pull() { return push_as("pulled", 0); }
  Result<std::uint64_t> pull(int) {
    std::uint64_t bytes = TRY(get("/manifests/pulled"));
    for (const std::string& digest : pulled_) bytes += TRY(get("/blobs/" + digest));
    return bytes;
  }

 private:
  // Another content than any run had before, of the same size.
  void change(int round) {
    const std::string mark = fmt::format("{}/{}/{};", ::getpid(), repository_, round);
    content_.replace(0, std::min(mark.size(), content_.size()), mark.substr(0, content_.size()));
  }

  Result<std::uint64_t> push_as(const std::string& tag, int round) {
    std::string layers;
    pulled_.clear();
    for (const char* which : {"one", "two"}) {
      change(round);
      content_.replace(content_.size() - 3, 3, which);
      pulled_.push_back(TRY(push_blob(content_)));
      layers += fmt::format(R"({}{{"mediaType":"{}","digest":"{}","size":{}}})", layers.empty() ? "" : ",",
                            types::kOciLayer, pulled_.back(), content_.size());
    }
    const std::string config = fmt::format(R"({{"architecture":"amd64","os":"linux","n":"{}/{}/{}"}})",
                                           ::getpid(), repository_, round);
    pulled_.push_back(TRY(push_blob(config)));
    const std::string manifest = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},"layers":[{}]}})",
        types::kOciManifest, types::kOciConfig, pulled_.back(), config.size(), layers);
    TRY(call("PUT", "/manifests/" + tag, 201, manifest, types::kOciManifest));
    return 2 * content_.size() + config.size() + manifest.size();
  }

  // HEAD, POST, PATCH, PUT.
  Result<std::string> push_blob(const std::string& content) {
    const std::string digest = oci::digest_of(content).str();
    TRY(call("HEAD", "/blobs/" + digest, 404));
    std::string location = TRY(call("POST", "/blobs/uploads/", 202));
    location = TRY(call("PATCH", location, 202, content, "application/octet-stream"));
    location += location.find('?') == location.npos ? "?" : "&";
    TRY(call("PUT", location + "digest=" + digest, 201));
    return digest;
  }

  // What Location says.
  Result<std::string> call(std::string method, const std::string& target, int wanted,
                           const std::string& body = {}, std::string_view type = {}) {
    const bool is_whole = target.starts_with("http") || target.starts_with("/v2/");
    http::ClientRequest request{.method = std::move(method)};
    const http::Url base = TRY(http::Url::parse(base_));
    request.url = TRY(base.resolve(is_whole ? target : "/v2/" + repository_ + target));
    if (!type.empty()) request.headers.set("Content-Type", std::string(type));
    StringSource source(body);
    if (!body.empty()) {
      request.body_source = &source;
      request.body_length = body.size();
    }
    http::ClientResponse response = TRY(client_.send(request));
    const std::string answer = TRY(response.read_body());
    if (response.status() != wanted)
      return error(Code::Internal, "{} {}: {} {}", request.method, target, response.status(), answer);
    return std::string(response.headers().get_or("Location", ""));
  }

  Result<std::uint64_t> get(const std::string& target) {
    http::ClientRequest request{.url = TRY(http::Url::parse(base_ + "/v2/" + repository_ + target))};
    request.headers.set("Accept", std::string(types::kOciManifest) + ", */*");
    http::ClientResponse response = TRY(client_.send(request));
    CountingSink sink;
    TRY(copy(response.body(), sink));
    if (response.status() != 200) return error(Code::Internal, "GET {}: {}", target, response.status());
    return sink.bytes;
  }

  const std::string base_, repository_;
  std::string content_;
  std::vector<std::string> pulled_;
  http::Client client_;
};

// What all clients upload, but for the last kOwnBytes: in memory, and hashed so far.
class LargeContent {
 public:
  LargeContent() : file_(::memfd_create("blob", MFD_CLOEXEC)), hash_(EVP_MD_CTX_new()) {
    std::string content(kLargeBlob - kOwnBytes, 'x');
    fill_with_noise(content, 42);
    if (!write_all(file_.get(), content, "memory file")) std::abort();
    EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr);
    EVP_DigestUpdate(hash_, content.data(), content.size());
  }
  LargeContent(const LargeContent&) = delete;
  LargeContent& operator=(const LargeContent&) = delete;
  ~LargeContent() { EVP_MD_CTX_free(hash_); }

  int file() const { return file_.get(); }
  oci::Digest digest_with(std::string_view own) const {
    EVP_MD_CTX* hash = EVP_MD_CTX_new();
    std::byte result[32];
    EVP_MD_CTX_copy_ex(hash, hash_);
    EVP_DigestUpdate(hash, own.data(), own.size());
    EVP_DigestFinal_ex(hash, reinterpret_cast<unsigned char*>(result), nullptr);
    EVP_MD_CTX_free(hash);
    return oci::Digest::of_hash(oci::DigestAlgorithm::Sha256, result);
  }

 private:
  UniqueFd file_;
  EVP_MD_CTX* hash_;
};

Result<UniqueFd> connect_to(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in peer{.sin_family = AF_INET};
  std::uint16_t port = 0;
  std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
  peer.sin_port = htons(port);
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) < 0)
    return sys_error("connect to '{}'", address);
  return socket;
}

Result<void> send_from(int socket, int file, std::size_t length) {
  for (off_t at = 0; static_cast<std::size_t>(at) < length;)
    if (::sendfile(socket, file, &at, length - static_cast<std::size_t>(at)) <= 0)
      return sys_error("send a file");
  return {};
}

// Up to the end of what comes, or `length` bytes of it; answers how many they were.
Result<std::uint64_t> drop(int socket, std::uint64_t length) {
  static std::byte nothing[kPiece];  // never written to
  std::uint64_t dropped = 0;
  while (dropped < length) {
    const ssize_t got = ::recv(socket, nothing, std::min<std::uint64_t>(length - dropped, kPiece), MSG_TRUNC);
    if (got < 0) return sys_error("receive");
    if (got == 0) break;
    dropped += static_cast<std::uint64_t>(got);
  }
  return dropped;
}

// A client that moves large blobs on a connection of its own.
class LargeUser {
 public:
  static Result<LargeUser> connect(const std::string& address, int number, const LargeContent& content) {
    return LargeUser(TRY(connect_to(address)), address, number, content);
  }

  // POST, PATCH, PUT.
  Result<std::uint64_t> upload(int round) {
    std::string own = fmt::format("{}/{}/{};", ::getpid(), repository_, round);
    own.resize(kOwnBytes, '.');
    digest_ = content_->digest_with(own).str();
    std::string location = TRY(call("POST", "/v2/" + repository_ + "/blobs/uploads/", 202));
    location = TRY(call("PATCH", location, 202, own));
    location += location.find('?') == location.npos ? "?" : "&";
    TRY(call("PUT", location + "digest=" + digest_, 201));
    return kLargeBlob;
  }
  Result<std::uint64_t> download(int) {
    TRY(call("GET", fmt::format("/v2/{}/blobs/{}", repository_, digest_), 200));
    return kLargeBlob;
  }

 private:
  LargeUser(UniqueFd socket, const std::string& address, int number, const LargeContent& content)
      : socket_(std::move(socket)),
        address_(address),
        repository_(fmt::format("bench/r{}", number)),
        content_(&content) {}

  // With `own`, the large content and then that. Answers what Location says; a body is dropped.
  Result<std::string> call(std::string_view method, std::string target, int wanted,
                           std::string_view own = {}) {
    if (target.starts_with("http://")) target.erase(0, target.find('/', 7));
    const std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        method, target, address_, own.empty() ? 0 : kLargeBlob);
    TRY(write_all(socket_.get(), head, "request"));
    if (!own.empty()) {
      TRY(send_from(socket_.get(), content_->file(), kLargeBlob - kOwnBytes));
      TRY(write_all(socket_.get(), own, "request"));
    }
    std::string answer;
    std::size_t end = 0;
    for (std::optional<std::size_t> found; !found; end = found.value_or(0)) {
      char some[4 << 10];
      const ssize_t got = ::recv(socket_.get(), some, sizeof some, 0);
      if (got <= 0) return sys_error("{} {}: no answer", method, target);
      answer.append(some, static_cast<std::size_t>(got));
      http::HeadFinder finder;
      found = TRY(finder.find(answer));
    }
    const http::ParsedResponse response =
        TRY(http::parse_response(std::string_view(answer).substr(0, end), method));
    if (response.framing.kind == http::Framing::Kind::Length)
      TRY(drop(socket_.get(), response.framing.length - (answer.size() - end)));
    if (response.head.status != wanted)
      return error(Code::Internal, "{} {}: {}", method, target, answer.substr(0, 300));
    return std::string(response.head.headers.get_or("Location", ""));
  }

  UniqueFd socket_;
  std::string address_, repository_, digest_;
  const LargeContent* content_;
};

// One connection, both ends of it, without a protocol.
class Floor {
 public:
  static Result<Floor> make(const std::string& directory, int number, const LargeContent& content) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) < 0 ||
        ::listen(listener.get(), 1) < 0 ||
        ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0)
      return sys_error("listen");
    UniqueFd client = TRY(connect_to(fmt::format("127.0.0.1:{}", ntohs(address.sin_port))));
    UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string path = fmt::format("{}/floor-{}-{}", directory, ::getpid(), number);
    UniqueFd file = TRY(open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0600));
    (void)::unlink(path.c_str());
    return Floor(std::move(client), std::move(server), std::move(file), content);
  }

  Result<std::uint64_t> upload(int) {
    std::thread client([this] { (void)send_from(client_.get(), content_->file(), kBytes); });
    Result<void> taken = take();
    client.join();
    TRY(std::move(taken));
    return kBytes;
  }
  Result<std::uint64_t> download(int) {
    std::thread server([this] { (void)send_from(server_.get(), file_.get(), kBytes); });
    Result<std::uint64_t> dropped = drop(client_.get(), kBytes);
    server.join();
    return dropped;
  }

 private:
  static constexpr std::size_t kBytes = kLargeBlob - kOwnBytes;

  Floor(UniqueFd client, UniqueFd server, UniqueFd file, const LargeContent& content)
      : client_(std::move(client)), server_(std::move(server)), file_(std::move(file)), content_(&content) {}

  Result<void> take() {
    const auto buffer = std::make_unique_for_overwrite<std::byte[]>(kPiece);
    oci::Hasher hasher;
    if (::ftruncate(file_.get(), 0) < 0) return sys_error("empty the file");
    for (std::size_t at = 0; at < kBytes;) {
      const ssize_t got = ::recv(server_.get(), buffer.get(), std::min(kPiece, kBytes - at), 0);
      if (got <= 0) return sys_error("receive");
      const std::span<const std::byte> piece(buffer.get(), static_cast<std::size_t>(got));
      hasher.update(piece);
      if (::pwrite(file_.get(), piece.data(), piece.size(), static_cast<off_t>(at)) != got)
        return sys_error("write");
      at += piece.size();
    }
    (void)hasher.finish();
    if (::fdatasync(file_.get()) < 0) return sys_error("sync");
    return {};
  }

  UniqueFd client_, server_, file_;
  const LargeContent* content_;
};

// What one client does: first what has to be there, then one operation after the other, each answering the
// bytes it has moved.
using Step = std::function<Result<std::uint64_t>(int round)>;
struct Work {
  Step prepare;  // may be empty
  Step step;
};

template <class T>
std::shared_ptr<T> keep(T value) {
  return std::make_shared<T>(std::move(value));
}

Result<Work> work_of(const std::string& what, const std::string& where, int number,
                     const LargeContent* content) {
  if (what == "push" || what == "pull") {
    const auto user = std::make_shared<RegistryUser>(where, number);
    if (what == "push") return Work{{}, [user](int round) { return user->push(round); }};
    return Work{[user](int) { return user->prepare_pull(); },
                [user](int round) { return user->pull(round); }};
  }
  const bool is_upload = what.starts_with("upload");
  if (what.ends_with("-floor")) {
    const auto floor = keep(TRY(Floor::make(where, number, *content)));
    const Step upload = [floor](int round) { return floor->upload(round); };
    if (is_upload) return Work{{}, upload};
    return Work{upload, [floor](int round) { return floor->download(round); }};
  }
  const auto user = keep(TRY(LargeUser::connect(where, number, *content)));
  const Step upload = [user](int round) { return user->upload(round); };
  if (is_upload) return Work{{}, upload};
  return Work{upload, [user](int round) { return user->download(round); }};
}

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message());
  std::exit(1);
}

int run(const std::string& what, const std::string& where, int clients, double seconds) {
  std::optional<LargeContent> content;
  if (what != "push" && what != "pull") content.emplace();
  std::atomic<std::uint64_t> operations = 0, bytes = 0;
  std::atomic<int> ready = 0;
  std::atomic<bool> begun = false, is_over = false;
  std::vector<std::thread> threads;
  for (int number = 0; number < clients; ++number)
    threads.emplace_back([&, number] {
      const Work work = must(work_of(what, where, number, content ? &*content : nullptr));
      if (work.prepare) must(work.prepare(0));
      ++ready;
      while (!begun) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      for (int round = 1; !is_over; ++round) {
        bytes += must(work.step(round));
        ++operations;
      }
    });
  while (ready < clients) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto begin = Clock::now();
  begun = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{} {:.3f} {:.1f}\n", operations.load(), took, static_cast<double>(bytes) / 1e6);
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int count, char** words) {
  constexpr std::string_view kWords[] = {"push",     "pull",         "upload",
                                         "download", "upload-floor", "download-floor"};
  if (count != 5 || std::ranges::find(kWords, words[1]) == std::end(kWords)) {
    fmt::print(
        stderr,
        "usage: {} push|pull|upload|download|upload-floor|download-floor ADDRESS|DIRECTORY CLIENTS SECONDS\n",
        words[0]);
    return 2;
  }
  return gantry::run(words[1], words[2], std::atoi(words[3]), std::atof(words[4]));
}
