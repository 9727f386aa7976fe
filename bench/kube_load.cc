// SPDX-License-Identifier: Apache-2.0
//
// Clients of a Kubernetes API server that do one thing as fast as it lets them, and count. Driven by
// bench/kube.py; everything happens in the namespace `bench`.
//
//   bench_kube_load PORT CERTIFICATE KEY PID create|get|update|patch|apply|delete RESOURCE COUNT CLIENTS
//   bench_kube_load PORT CERTIFICATE KEY PID list TARGET TIMES   (the first two do not count)
//   bench_kube_load PORT CERTIFICATE KEY PID watch WATCHERS UPDATES RATE
//   bench_kube_load PORT CERTIFICATE KEY PID idle WATCHES STREAMS
//
// RESOURCE is configmaps, pods, or bound-pods: pods of a hundred nodes, with a further label. PID is the
// server's, whose processor time is counted. Every client is a thread with a connection of its own, HTTP/1.1
// over TLS. Prints JSON:
//
//   create ...  rate (a second), p50 and p99 (ms), cpu (of the server, us each)
//   list        rate, bytes (of one answer), cpu
//   watch       p50, p99, max: ms from before a write is sent until a watcher has read the event
//   idle        watches, when all of them are open; STREAMS of them share an HTTP/2 connection, 0: none does.
//               Then it waits for the end of its input.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "http/connect.h"
#include "http/http2/connection.h"
#include "http/http2/tls.h"
#include "http/parser.h"
#include "http/stream.h"
#include "http/tls.h"
#include "testing/must.h"

namespace gantry {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kRead = 64 << 10;   // bytes at once
constexpr std::string_view kMark = "@t";  // before the moment that an update was sent
constexpr int kWarmUp = 100;              // requests of each client that do not count

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// ---- The server

struct Server {
  std::uint16_t port = 0;
  int pid = 0;
  std::shared_ptr<const http::TlsContext> http1, http2;

  Result<http::Stream> connect(const http::TlsContext& tls) const {
    http::Stream stream = TRY(http::connect_tcp("127.0.0.1", port, Clock::now() + 30s));
    TRY(stream.start_tls(tls, "127.0.0.1"));
    return stream;
  }
  // Seconds so far, in the kernel too.
  double processor_time() const {
    const std::string stat = MUST(read_file(fmt::format("/proc/{}/stat", pid)));
    unsigned long user = 0, system = 0;
    (void)std::sscanf(stat.substr(stat.rfind(')')).c_str(),
                      ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
};

struct Call {
  std::string_view method;
  std::string target;
  std::string body = {};
  std::string_view type = "application/json";
};

std::string text_of(const Call& call) {
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: application/json\r\n"
      "Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
      call.method, call.target, call.type, call.body.size(), call.body);
}

// One connection, one request at a time.
class Line {
 public:
  static Result<Line> open(const Server& server) { return Line(TRY(server.connect(*server.http1))); }

  Result<std::string> ask(const Call& call) {
    TRY(stream_.write(bytes_of(text_of(call))));
    std::size_t head = 0;
    http::HeadFinder finder;
    for (std::optional<std::size_t> found; !found; head = found.value_or(0)) {
      TRY(read_more());
      found = TRY(finder.find(in_));
    }
    const auto answer = TRY(http::parse_response(std::string_view(in_).substr(0, head), call.method));
    if (answer.framing.kind != http::Framing::Kind::Length)
      return error(Code::Unsupported, "{} {}: an answer without a length", call.method, call.target);
    while (in_.size() < head + answer.framing.length) TRY(read_more());
    std::string body = in_.substr(head, answer.framing.length);
    in_.erase(0, head + answer.framing.length);
    if (answer.head.status >= 300)
      return error(Code::Internal, "{} {}: {} {}", call.method, call.target, answer.head.status, body);
    return body;
  }

 private:
  explicit Line(http::Stream stream) : stream_(std::move(stream)), buffer_(kRead) {}

  Result<void> read_more() {
    const std::size_t got = TRY(stream_.read(buffer_));
    if (got == 0) return error(Code::DataLoss, "the server closed the connection");
    in_.append(reinterpret_cast<const char*>(buffer_.data()), got);
    return {};
  }

  http::Stream stream_;
  std::vector<std::byte> buffer_;
  std::string in_;
};

// ---- Objects

constexpr std::string_view kPod =
    R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{0}","labels":{{"app":"bench","number":"{1}"{2}}}}},)"
    R"("spec":{{"schedulerName":"nobody"{3},"containers":[{{"name":"c","image":"registry.k8s.io/pause:3.10",)"
    R"("resources":{{"requests":{{"cpu":"10m","memory":"10Mi"}}}},"ports":[{{"containerPort":80}}],)"
    R"("env":[{{"name":"A","value":"b"}}]}}]}}}})";
constexpr std::string_view kConfigMap =
    R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{0}","labels":{{"app":"bench","number":"{1}"}}}},)"
    R"("data":{{"a":"{2:x>256}"}}}})";
constexpr std::string_view kBoundPods = "bound-pods";

std::string name_of(int number) { return fmt::format("o-{:07}", number); }

std::string collection_of(std::string_view resource) {
  return fmt::format("/api/v1/namespaces/bench/{}", resource == kBoundPods ? "pods" : resource);
}

std::string object_of(std::string_view resource, int number) {
  const std::string name = name_of(number);
  const int hundredth = number % 100;
  if (resource == "configmaps") return fmt::format(fmt::runtime(kConfigMap), name, hundredth, "");
  const bool is_bound = resource == kBoundPods;
  const std::string tenth = is_bound ? fmt::format(R"(,"tenth":"{}")", number % 10) : "";
  const std::string node = is_bound ? fmt::format(R"(,"nodeName":"node-{}")", hundredth) : "";
  return fmt::format(fmt::runtime(kPod), name, hundredth, tenth, node);
}

constexpr std::string_view kPatch = R"({{"metadata":{{"labels":{{"number":"p{}"}}}}}})";

// What a client does with object `number`; `known`: what the server has shown of it.
Call call_of(std::string_view verb, std::string_view resource, int number, const std::string& known) {
  const std::string target = collection_of(resource) + "/" + name_of(number);
  if (verb == "create") return {"POST", collection_of(resource), object_of(resource, number)};
  if (verb == "get") return {"GET", target};
  if (verb == "patch")
    return {"PATCH", target, fmt::format(fmt::runtime(kPatch), number), "application/merge-patch+json"};
  if (verb == "apply")
    return {"PATCH", target + "?fieldManager=bench&force=true", object_of(resource, number),
            "application/apply-patch+yaml"};
  if (verb == "delete") return {"DELETE", target + "?gracePeriodSeconds=0"};
  std::string changed = known;
  if (const std::size_t at = changed.find(R"("app":"bench")"); at != changed.npos)
    changed.replace(at, 13, R"("app":"other")");
  return {"PUT", target, std::move(changed)};
}

// ---- Rates

struct Figures {
  std::vector<double> milliseconds = {};  // each
  double seconds = 0;
  double processor_seconds = 0;  // the server's
};

double percentile(std::vector<double>& values, double of) {
  if (values.empty()) return 0;
  const auto at =
      std::min(values.size() - 1, static_cast<std::size_t>(of * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

// `begin` is called once by each client, with its number, before any of them is measured, and gives what it
// does then.
Figures run(const Server& server, int clients,
            const std::function<std::function<std::vector<double>(Line&)>(int, Line&)>& begin) {
  Figures figures;
  std::vector<std::vector<double>> taken(static_cast<std::size_t>(clients));
  std::latch ready(clients + 1), go(1);
  std::vector<std::thread> threads;
  for (int client = 0; client < clients; ++client)
    threads.emplace_back([&, client] {
      Line line = MUST(Line::open(server));
      const auto work = begin(client, line);
      ready.count_down();
      go.wait();
      taken[static_cast<std::size_t>(client)] = work(line);
    });
  ready.arrive_and_wait();
  const double before = server.processor_time();
  const auto start = Clock::now();
  go.count_down();
  for (std::thread& thread : threads) thread.join();
  figures.seconds = milliseconds_since(start) / 1000;
  figures.processor_seconds = server.processor_time() - before;
  for (const auto& each : taken)
    figures.milliseconds.insert(figures.milliseconds.end(), each.begin(), each.end());
  return figures;
}

void change_objects(const Server& server, const std::string& verb, const std::string& resource, int count,
                    int clients) {
  Figures figures = run(server, clients, [&](int client, Line& line) {
    for (int i = 0; i < kWarmUp; ++i) (void)MUST(line.ask({"GET", "/version"}));
    std::vector<Call> calls;
    for (int number = client; number < count; number += clients)
      calls.push_back(call_of(verb, resource, number,
                              verb == "update" ? MUST(line.ask(call_of("get", resource, number, ""))) : ""));
    return [calls = std::move(calls)](Line& on) {
      std::vector<double> taken;
      for (const Call& call : calls) {
        const auto start = Clock::now();
        (void)MUST(on.ask(call));
        taken.push_back(milliseconds_since(start));
      }
      return taken;
    };
  });
  std::printf(R"({"rate":%.1f,"p50":%.3f,"p99":%.3f,"cpu":%.1f})"
              "\n",
              count / figures.seconds, percentile(figures.milliseconds, 0.5),
              percentile(figures.milliseconds, 0.99), figures.processor_seconds * 1e6 / count);
}

void list(const Server& server, const std::string& target, int times) {
  std::size_t bytes = 0;
  const Figures figures = run(server, 1, [&](int, Line& first) {
    // Whatever the server makes for those who come again is made then.
    for (int i = 0; i < 2; ++i) bytes = MUST(first.ask({"GET", target})).size();
    return [&](Line& line) {
      std::vector<double> taken;
      for (int i = 0; i < times; ++i) {
        const auto start = Clock::now();
        (void)MUST(line.ask({"GET", target}));
        taken.push_back(milliseconds_since(start));
      }
      return taken;
    };
  });
  std::printf(R"({"rate":%.1f,"bytes":%zu,"cpu":%.1f})"
              "\n",
              times / figures.seconds, bytes, figures.processor_seconds * 1e6 / times);
}

// ---- Watches

std::string watch_target() { return collection_of("configmaps") + "?watch=1"; }

// A watch over HTTP/1.1: its events are looked through for marks, wherever the chunks end.
class Watcher {
 public:
  static Result<Watcher> open(const Server& server, std::string_view revision) {
    Watcher watcher(TRY(server.connect(*server.http1)));
    const Call call{"GET", fmt::format("{}&resourceVersion={}", watch_target(), revision)};
    TRY(watcher.stream_.write(bytes_of(text_of(call))));
    while (watcher.in_.find("\r\n\r\n") == std::string::npos) {
      char some[kFirst];
      const std::size_t got = TRY(watcher.stream_.read(std::as_writable_bytes(std::span(some))));
      if (got == 0) return error(Code::DataLoss, "the server closed a watch");
      watcher.in_.append(some, got);
    }
    if (!watcher.in_.starts_with("HTTP/1.1 200")) return error(Code::Internal, "watch: {}", watcher.in_);
    watcher.in_ = {};
    return watcher;
  }

  int fd() const { return stream_.fd(); }

  // What has come: `told` is called with the moment in each mark, in microseconds.
  Result<void> take(std::span<std::byte> buffer, const std::function<void(std::int64_t)>& told) {
    for (;;) {
      const auto attempt = TRY(stream_.try_read(buffer));
      if (attempt.wants != http::Stream::Wants::Nothing) break;
      if (attempt.bytes == 0) return error(Code::DataLoss, "the server ended a watch");
      in_.append(reinterpret_cast<const char*>(buffer.data()), attempt.bytes);
    }
    std::size_t used = 0;
    for (std::size_t at = 0; (at = in_.find(kMark, used)) != std::string::npos;) {
      const std::size_t end = in_.find('"', at);
      if (end == std::string::npos) break;
      std::int64_t moment = 0;
      std::from_chars(in_.data() + at + kMark.size(), in_.data() + end, moment);
      told(moment);
      used = end;
    }
    // Half a mark may stand at the end.
    in_.erase(0, std::max(used, in_.size() - std::min(in_.size(), kLongestMark)));
    return {};
  }

 private:
  static constexpr std::size_t kFirst = 4 << 10;
  static constexpr std::size_t kLongestMark = 32;
  explicit Watcher(http::Stream stream) : stream_(std::move(stream)) {}

  http::Stream stream_;
  std::string in_;
};

std::string revision_of(const std::string& object) {
  constexpr std::string_view kKey = R"("resourceVersion":")";
  const std::size_t at = object.find(kKey) + kKey.size();
  return object.substr(at, object.find('"', at) - at);
}

// `rate` updates a second of one object, each told to all watchers.
void watch(const Server& server, int watchers, int updates, int rate) {
  Line writer = MUST(Line::open(server));
  const std::string made = MUST(writer.ask(call_of("create", "configmaps", 0, "")));
  std::vector<Watcher> all;
  std::vector<pollfd> ready;
  for (int i = 0; i < watchers; ++i) {
    all.push_back(MUST(Watcher::open(server, revision_of(made))));
    ready.push_back({.fd = all.back().fd(), .events = POLLIN});
  }
  const auto start = Clock::now();
  const auto now = [&] { return static_cast<std::int64_t>(milliseconds_since(start) * 1000); };
  std::thread writing([&] {
    for (int i = 0; i < updates; ++i) {
      std::this_thread::sleep_until(start + i * 1'000'000us / rate);
      const std::string mark = fmt::format(R"({{"data":{{"a":"{}{}"}}}})", kMark, now());
      (void)MUST(writer.ask(
          {"PATCH", collection_of("configmaps") + "/" + name_of(0), mark, "application/merge-patch+json"}));
    }
  });
  std::vector<double> taken;
  std::vector<std::byte> buffer(kRead);
  const auto wanted = static_cast<std::size_t>(watchers) * static_cast<std::size_t>(updates);
  const auto told = [&](std::int64_t sent) { taken.push_back(static_cast<double>(now() - sent) / 1000); };
  while (taken.size() < wanted && ::poll(ready.data(), ready.size(), 10'000) > 0)
    for (std::size_t i = 0; i < all.size(); ++i)
      if (ready[i].revents != 0) MUST(all[i].take(buffer, told));
  writing.join();
  if (taken.size() < wanted) {
    std::fprintf(stderr, "%zu of %zu events came\n", taken.size(), wanted);
    std::exit(1);
  }
  std::printf(R"({"p50":%.3f,"p99":%.3f,"max":%.3f})"
              "\n",
              percentile(taken, 0.5), percentile(taken, 0.99), *std::ranges::max_element(taken));
}

// Many watches as one HTTP/2 connection.
struct SharedWatches {
  std::unique_ptr<http::Http2Connection> connection;
  std::vector<std::shared_ptr<http::Http2Exchange>> exchanges;

  static Result<SharedWatches> open(const Server& server, int streams) {
    SharedWatches made;
    made.connection = TRY(http::Http2Connection::connect(TRY(server.connect(*server.http2))));
    for (int i = 0; i < streams; ++i)
      made.exchanges.push_back(TRY(made.connection->request({{":method", "GET"},
                                                             {":scheme", "https"},
                                                             {":authority", "localhost"},
                                                             {":path", watch_target()},
                                                             {"user-agent", "bench"}},
                                                            true)));
    for (const auto& exchange : made.exchanges)
      if (const auto head = TRY(exchange->head()); http::value_of(head, ":status") != "200")
        return error(Code::Internal, "watch: status {}", http::value_of(head, ":status"));
    return made;
  }
};

void idle(const Server& server, int watches, int streams) {
  std::vector<Watcher> alone;
  std::vector<SharedWatches> shared;
  if (streams == 0) {
    Line line = MUST(Line::open(server));
    const std::string revision =
        revision_of(MUST(line.ask({"GET", collection_of("configmaps") + "?limit=1"})));
    for (int i = 0; i < watches; ++i) alone.push_back(MUST(Watcher::open(server, revision)));
  } else {
    for (int i = 0; i < watches; i += streams) shared.push_back(MUST(SharedWatches::open(server, streams)));
  }
  std::printf("{\"watches\":%d}\n", watches);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

// ---- The command

int usage() {
  std::fprintf(stderr, "usage: see the head of bench/kube_load.cc\n");
  return 2;
}

int main_of(const std::vector<std::string>& words) {
  if (words.size() < 7) return usage();
  Server server{.port = static_cast<std::uint16_t>(std::atoi(words[0].c_str())),
                .pid = std::atoi(words[3].c_str())};
  http::TlsClientOptions tls;
  tls.identity = {.certificate_file = words[1], .key_file = words[2]};
  tls.trust_system = false;
  tls.verify = false;
  server.http1 = MUST(http::TlsContext::for_client(tls));
  server.http2 = MUST(http::tls_for_http2_client(tls));
  const std::string& what = words[4];
  const auto number = [&](std::size_t at) { return std::atoi(words[at].c_str()); };
  if (what == "list")
    list(server, words[5], number(6));
  else if (what == "idle")
    idle(server, number(5), number(6));
  else if (words.size() < 8)
    return usage();
  else if (what == "watch")
    watch(server, number(5), number(6), number(7));
  else
    change_objects(server, what, words[5], number(6), number(7));
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) { return gantry::main_of({argv + 1, argv + argc}); }
