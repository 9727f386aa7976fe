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
// server's, whose processor time is counted. Every client is a connection, HTTP/1.1 over TLS, with one
// request on it at a time. Prints JSON:
//
//   create ...  rate (a second), p50 and p99 (ms), cpu (of the server, us each), client_cpu (of all clients)
//   list        rate, bytes (of one answer), cpu, client_cpu
//   watch       p50, p99, max: ms from before a write is sent until a watcher has read the event
//   idle        watches, when all of them are open; STREAMS of them share an HTTP/2 connection, 0: none does.
//               Then it waits for the end of its input.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "http/http2/connection.h"
#include "http/http2/tls.h"
#include "http/stream.h"
#include "http/tls.h"
#include "kube_clients.h"
#include "kube_line.h"
#include "testing/must.h"

namespace gantry::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kRead = 64 << 10;   // bytes of a watch at once
constexpr std::string_view kMark = "@t";  // before the moment that an update was sent
constexpr int kWarmUp = 100;              // requests of each client that do not count

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

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

double percentile(std::vector<double>& values, double of) {
  if (values.empty()) return 0;
  const auto at =
      std::min(values.size() - 1, static_cast<std::size_t>(of * static_cast<double>(values.size())));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

// The objects as the server has them.
std::vector<std::string> known_objects(Clients& clients, const std::string& resource, int count) {
  std::vector<std::string> requests, known(static_cast<std::size_t>(count));
  for (int number = 0; number < count; ++number)
    requests.push_back(text_of(call_of("get", resource, number, "")));
  clients.ask_all(requests, [&](std::size_t at, std::string_view object) { known[at] = object; });
  return known;
}

void change_objects(const Server& server, const std::string& verb, const std::string& resource, int count,
                    int client_count) {
  Clients clients(server, client_count);
  clients.ask_all(
      std::vector(static_cast<std::size_t>(kWarmUp * client_count), text_of({"GET", "/version"})));
  std::vector<std::string> known(static_cast<std::size_t>(count));
  if (verb == "update") known = known_objects(clients, resource, count);
  std::vector<std::string> requests;
  for (int number = 0; number < count; ++number)
    requests.push_back(text_of(call_of(verb, resource, number, known[static_cast<std::size_t>(number)])));
  Figures figures = clients.ask_all(requests);
  std::printf(R"({"rate":%.1f,"p50":%.3f,"p99":%.3f,"cpu":%.1f,"client_cpu":%.1f})"
              "\n",
              count / figures.seconds, percentile(figures.milliseconds, 0.5),
              percentile(figures.milliseconds, 0.99), figures.server_seconds * 1e6 / count,
              figures.client_seconds * 1e6 / count);
}

void list(const Server& server, const std::string& target, int times) {
  Clients client(server, 1);
  const std::string request = text_of({"GET", target});
  std::size_t bytes = 0;
  // Whatever the server makes for those who come again is made then.
  client.ask_all({request, request}, [&](std::size_t, std::string_view answer) { bytes = answer.size(); });
  const Figures figures = client.ask_all(std::vector(static_cast<std::size_t>(times), request));
  std::printf(R"({"rate":%.1f,"bytes":%zu,"cpu":%.1f,"client_cpu":%.1f})"
              "\n",
              times / figures.seconds, bytes, figures.server_seconds * 1e6 / times,
              figures.client_seconds * 1e6 / times);
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
}  // namespace gantry::bench

int main(int argc, char** argv) { return gantry::bench::main_of({argv + 1, argv + argc}); }
