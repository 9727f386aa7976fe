// SPDX-License-Identifier: Apache-2.0
//
// Objects on the embedded store, without HTTP: bench_kube_storage [directory]. Prints what issue 7 asks for:
// writes and reads a second, lists in GB/s, what an index costs, how long a change takes to 100 watches, what
// a watch costs, and how long a start with 100,000 objects takes.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "kube/storage/object_storage.h"
#include "store/embedded_store.h"
#include "testing/must.h"
#include "testing/processor_time.h"
#include "testing/temp_dir.h"

namespace gantry::kube {
namespace {

using Clock = std::chrono::steady_clock;
using testing::processor_seconds_of_process;
using testing::processor_seconds_of_thread;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// About 2.5 KB.
std::string pod_text(int number) {
  return fmt::format(
      R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"pod-{0}","namespace":"default","labels":{{"app":"web","number":"{1}"}}}},)"
      R"("spec":{{"nodeName":"node-{1}","containers":[{{"name":"web","image":"web","env":[{{"name":"A","value":"{2}"}}]}}]}},)"
      R"("status":{{"phase":"Running"}}}})",
      number, number % 100, std::string(2200, 'x'));
}

template <class T>
T must(Answer<T> answer) {
  if (!answer) {
    std::fprintf(stderr, "%s\n", answer.error()->message.c_str());
    std::abort();
  }
  return std::move(*answer);
}

std::size_t resident_kib() {
  const std::string status = MUST(read_file("/proc/self/status"));
  return std::stoul(status.substr(status.find("VmRSS:") + 6));
}

class Bench {
 public:
  explicit Bench(const std::string& path) : path_(path) { open(); }

  void open() {
    storage_.reset();
    cache_.reset();
    store_.reset();
    store_ = MUST(store::EmbeddedStore::open(path_));
    const auto begin = Clock::now();
    cache_ = MUST(ObjectCache::open(*store_, {.kinds = {{"pods",
                                                         {{"spec.nodeName", {"spec", "nodeName"}, ""},
                                                          {"status.phase", {"status", "phase"}, ""}}}}}));
    std::printf("cache filled with %zu objects in %.0f ms, %zu KiB resident\n",
                pods().snapshot().objects.size(), seconds_since(begin) * 1e3, resident_kib());
    storage_ = std::make_unique<ObjectStorage>(*store_, *cache_);
  }

  void create(int first, int count, int clients) {
    const auto begin = Clock::now();
    run(clients, [&](int client) {
      for (int i = client; i < count; i += clients)
        must(storage_->put(pods(), path(first + i), kAbsent, pod_text(first + i)));
    });
    std::printf("create, %d clients: %.0f/s\n", clients, count / seconds_since(begin));
  }

  void get(int objects) {
    constexpr int kCount = 1'000'000;
    const auto begin = Clock::now();
    std::size_t bytes = 0;
    for (int i = 0; i < kCount; ++i) bytes += must(storage_->get(pods(), path(i % objects)))->json().size();
    std::printf("get, 1 client: %.0f/s (%zu bytes each)\n", kCount / seconds_since(begin), bytes / kCount);
  }

  void list(const char* what, const ListRequest& request) {
    constexpr int kRounds = 20;
    std::size_t bytes = 0, items = 0;
    std::string out(64 << 20, '\0');
    for (int i = 0; i < 2; ++i) must(storage_->list(pods(), request));  // now it has its index
    const double begin = processor_seconds_of_thread();
    for (int i = 0; i < kRounds; ++i) {
      const ListResult result = must(storage_->list(pods(), request));
      items = result.items.size();
      // As a socket would take them.
      std::size_t at = 0;
      for (const ObjectRef& item : result.items)
        at += item->json().view().copy(out.data() + at, out.size() - at);
      bytes += at;
    }
    const double seconds = processor_seconds_of_thread() - begin;
    std::printf("list %s: %zu objects in %.2f ms, %.2f GB/s\n", what, items, seconds / kRounds * 1e3,
                static_cast<double>(bytes) / seconds / 1e9);
  }

  Selection select(const char* labels, const char* fields) {
    return must(Selection::make("", must(LabelSelector::parse(labels)), must(FieldSelector::parse(fields)),
                                pods().fields()->fields));
  }

  // Made of all objects, and what a change costs it that is told when somebody lists.
  void index(const Attribute& attribute) {
    constexpr std::size_t kChanges = 10'000;
    const ObjectMap objects = pods().snapshot().objects;
    double begin = processor_seconds_of_thread();
    ValueIndex index(attribute, objects);
    const double made = processor_seconds_of_thread() - begin;
    std::vector<ChangeRef> changes;
    for (std::size_t i = 0; i < kChanges; ++i) {
      ObjectRef before(objects.find(path(static_cast<int>(i % objects.size()))));
      ObjectRef now = before->at(before->revision() + 1, {});
      changes.push_back(make_counted<const Change>(std::move(now), std::move(before), false));
    }
    begin = processor_seconds_of_thread();
    for (const ChangeRef& change : changes) index.apply(*change);
    std::printf("index of %zu objects: made in %.2f ms, %.2f us for each change\n", objects.size(),
                made * 1e3, (processor_seconds_of_thread() - begin) / static_cast<double>(kChanges) * 1e6);
  }

  // Changes that concern none of them, as each node's agent watches its own pods.
  void watches_of_others(int watches, int updates) {
    std::vector<std::unique_ptr<WatchStream>> streams;
    std::vector<WatchEvent> events;
    for (int i = 0; i < watches; ++i) {
      const std::string node = fmt::format("spec.nodeName=other-{}", i);
      streams.push_back(must(storage_->watch(pods(), {}, false, {.selection = select("", node.c_str())})));
      streams.back()->set_wake([] {});
      streams.back()->take(events, 1 << 10);
    }
    const double before = processor_seconds_of_process();
    ObjectRef pod = pods().find(path(0));
    for (int i = 0; i < updates; ++i)
      pod = must(storage_->put(pods(), path(0), pod->revision(), pod_text(0))).object;
    std::printf("%d watches of other objects: %.1f us of processor for each change\n", watches,
                (processor_seconds_of_process() - before) / updates * 1e6);
  }

  // One thread takes for all watches, as a loop of connections does.
  void fan_out(int watches, int updates, int a_second) {
    std::vector<std::unique_ptr<WatchStream>> streams;
    Mutex mutex;
    CondVar woken;
    std::vector<WatchStream*> ready;
    for (int i = 0; i < watches; ++i) {
      streams.push_back(must(storage_->watch(pods(), {}, false, {})));
      WatchStream* stream = streams.back().get();
      stream->set_wake([&, stream] {
        MutexLock lock(mutex);
        ready.push_back(stream);
        woken.notify_one();
      });
      ready.push_back(stream);
    }
    std::vector<Clock::time_point> sent(static_cast<std::size_t>(updates));
    std::vector<double> delays;
    store::Revision first = cache_->revision();
    std::thread taker([&] {
      std::vector<WatchEvent> events;
      while (delays.size() < static_cast<std::size_t>(watches) * static_cast<std::size_t>(updates)) {
        std::vector<WatchStream*> mine;
        {
          MutexLock lock(mutex);
          while (ready.empty()) woken.wait(mutex);
          mine = std::exchange(ready, {});
        }
        for (WatchStream* stream : mine)
          for (events.clear(); stream->take(events, 64 << 10), !events.empty(); events.clear())
            for (const WatchEvent& event : events) {
              const std::string_view json = event.object.view();
              const auto at = json.find(kRevisionKey) + kRevisionKey.size();
              const auto index = std::stol(std::string(json.substr(at, 20))) - first - 1;
              delays.push_back(seconds_since(sent[static_cast<std::size_t>(index)]) * 1e3);
            }
      }
    });
    ObjectRef pod = pods().find(path(0));
    const auto begin = Clock::now();
    for (int i = 0; i < updates; ++i) {
      std::this_thread::sleep_until(begin + std::chrono::microseconds(1'000'000L * i / a_second));
      sent[static_cast<std::size_t>(i)] = Clock::now();
      pod = must(storage_->put(pods(), path(0), pod->revision(), pod_text(i))).object;
    }
    taker.join();
    std::ranges::sort(delays);
    std::printf("%d watches, %d updates/s: from write to delivery p50 %.2f ms, p99 %.2f ms\n", watches,
                a_second, delays[delays.size() / 2], delays[delays.size() * 99 / 100]);
  }

  void idle_watches(int count) {
    const std::size_t before = resident_kib();
    std::vector<std::unique_ptr<WatchStream>> streams;
    std::vector<WatchEvent> events;
    for (int i = 0; i < count; ++i) {
      streams.push_back(must(storage_->watch(pods(), {}, false, {.api_version = "v1", .kind = "Pod"})));
      streams.back()->set_wake([] {});
      streams.back()->take(events, 1 << 10);
    }
    std::printf("%d idle watches: %zu bytes each\n", count,
                (resident_kib() - before) * 1024 / static_cast<std::size_t>(count));
  }

 private:
  static std::string path(int number) { return fmt::format("default/pod-{}", number); }
  Collection& pods() { return cache_->collection("pods"); }
  template <class Work>
  static void run(int clients, Work work) {
    std::vector<std::thread> threads;
    for (int client = 0; client < clients; ++client) threads.emplace_back([&, client] { work(client); });
    for (std::thread& thread : threads) thread.join();
  }

  const std::string path_;
  std::unique_ptr<store::EmbeddedStore> store_;
  std::unique_ptr<ObjectCache> cache_;
  std::unique_ptr<ObjectStorage> storage_;
};

}  // namespace
}  // namespace gantry::kube

int main(int argc, char** argv) {
  using gantry::kube::Bench;
  const gantry::testing::TempDir dir;
  Bench bench(argc > 1 ? fmt::format("{}/bench_kube_storage.db", argv[1]) : dir / "store.db");
  bench.create(0, 10'000, 16);
  bench.get(10'000);
  bench.list("all", {});
  bench.list("by label, one of 100", {.selection = bench.select("number=7", "")});
  bench.list("by field, one of 100", {.selection = bench.select("", "spec.nodeName=node-7")});
  bench.list("a page of 500", {.limit = 500});
  bench.index({.kind = gantry::kube::Attribute::Kind::Label, .key = "number"});
  bench.index({.kind = gantry::kube::Attribute::Kind::Name});
  bench.fan_out(100, 2000, 1000);
  bench.watches_of_others(0, 2000);
  bench.watches_of_others(10'000, 2000);
  bench.idle_watches(10'000);
  bench.create(10'000, 90'000, 64);
  bench.open();
}
