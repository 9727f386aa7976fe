// SPDX-License-Identifier: Apache-2.0
//
// The least that pulling an image can be: its layers are downloaded, decompressed and written as files, two
// at once, each as unpack_floor.h has it; no manifest, no hash, no record, no blob.
//
//   bench_pull_floor PORT DIRECTORY PLAN...     from 127.0.0.1:PORT into DIRECTORY/0, 1, ...
//
// A PLAN is a file for a layer. Its first line: gzip or zstd, and the path to ask the registry for; then a
// line an entry of the archive, with tabs: type (f d l h), offset of the contents in the archive, their size,
// mode (octal), path, target of a link.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "unpack_floor.h"

namespace {

using namespace gantry;
using bench::fail;
using bench::Planned;

struct Layer {
  oci::Compression compression = oci::Compression::Gzip;
  std::string path;
  std::vector<Planned> plan;
};

Planned::Type type_of(const std::string& letter) {
  switch (letter[0]) {
    case 'd': return Planned::Type::Directory;
    case 'l': return Planned::Type::Symlink;
    case 'h': return Planned::Type::HardLink;
    default: return Planned::Type::File;
  }
}

Layer read_plan(const char* path) {
  std::ifstream file(path);
  Layer layer;
  std::string word;
  if (!(file >> word >> layer.path)) fail(std::string("read '") + path + "'");
  if (word == "zstd") layer.compression = oci::Compression::Zstd;
  std::getline(file, word);
  while (std::getline(file, word)) {
    std::istringstream line(word);
    std::string type, offset, size, mode;
    Planned entry;
    std::getline(line, type, '\t');
    std::getline(line, offset, '\t');
    std::getline(line, size, '\t');
    std::getline(line, mode, '\t');
    std::getline(line, entry.path, '\t');
    std::getline(line, entry.target, '\t');
    entry.type = type_of(type);
    entry.offset = std::strtoull(offset.c_str(), nullptr, 10);
    entry.size = std::strtoull(size.c_str(), nullptr, 10);
    entry.mode = static_cast<mode_t>(std::strtoul(mode.c_str(), nullptr, 8));
    layer.plan.push_back(std::move(entry));
  }
  return layer;
}

// A connection of which the body is still to be read, up to its end.
UniqueFd get(std::uint16_t port, const std::string& path) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) fail("connect");
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::write(fd.get(), request.data(), request.size()) != static_cast<ssize_t>(request.size())) fail("ask");
  std::string head;
  for (char byte; !head.ends_with("\r\n\r\n"); head += byte)
    if (::read(fd.get(), &byte, 1) != 1) fail("read the answer's head");
  if (!head.starts_with("HTTP/1.1 200 ")) fail(path + ": " + head);
  return fd;
}

}  // namespace

int main(int count, char** words) {
  if (count < 4) fail("usage: bench_pull_floor PORT DIRECTORY PLAN...");
  const auto port = static_cast<std::uint16_t>(std::strtoul(words[1], nullptr, 10));
  (void)::umask(0);
  std::vector<Layer> layers;
  for (int i = 3; i < count; ++i) layers.push_back(read_plan(words[i]));
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < layers.size();) {
      const std::string directory = std::string(words[2]) + "/" + std::to_string(i);
      if (::mkdir(directory.c_str(), 0755) < 0) fail("make '" + directory + "'");
      const UniqueFd root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      const UniqueFd body = get(port, layers[i].path);
      bench::unpack_floor(layers[i].plan, layers[i].compression, body.get(), root.get());
    }
  };
  std::thread other(work);
  work();
  other.join();
  return 0;
}
