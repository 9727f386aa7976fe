// SPDX-License-Identifier: Apache-2.0
#include "build/archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "base/byte_stream.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "build/file_reader.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_reader.h"

namespace gantry::build {
namespace {

// A program that decompresses to a pipe.
class Program final : public ByteSource {
 public:
  static Result<std::unique_ptr<Program>> start(const char* name, int in) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return sys_error("make a pipe");
    UniqueFd read(ends[0]), write(ends[1]);
    auto child = spawn({.program = name,
                        .arguments = {name, "-dc"},
                        .in = in,
                        .out = write.get(),
                        .err = kDevNull,
                        .dies_with_caller = true});
    if (!child) return std::move(child).error().during(std::string("start ") + name);
    return std::unique_ptr<Program>(new Program(name, std::move(*child), std::move(read)));
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t size = TRY(source_.read(into));
    if (size > 0) return size;
    const WaitStatus status = TRY(child_.wait());
    if (!status.is_success()) return error(Code::InvalidArgument, "{} says that it is damaged", name_);
    return size;
  }

 private:
  Program(const char* name, ChildProcess child, UniqueFd out)
      : name_(name), child_(std::move(child)), out_(std::move(out)), source_(out_.get(), name) {}
  const char* name_;
  ChildProcess child_;
  UniqueFd out_;
  FdSource source_;
};

// The bytes of a file behind whatever compresses them.
class Opened {
 public:
  static Result<std::unique_ptr<Opened>> open(const FileEntry& entry) {
    FileReader reader = TRY(FileReader::open(entry));
    auto opened = std::unique_ptr<Opened>(new Opened(std::move(reader), entry.path));
    std::array<std::byte, 6> head{};
    if (::pread(opened->reader_.fd(), head.data(), head.size(), 0) < 0) return sys_error("read");
    const std::string_view magic = text_of(head);
    if (magic.starts_with("BZh"))
      opened->plain_ = TRY(Program::start("bzip2", opened->reader_.fd()));
    else if (magic == std::string_view("\xfd"
                                       "7zXZ\0",
                                       6))
      opened->plain_ = TRY(Program::start("xz", opened->reader_.fd()));
    else
      opened->plain_ = TRY(oci::decompress(opened->file_));
    return opened;
  }
  ByteSource& plain() { return *plain_; }
  Result<void> check_unchanged() const { return reader_.check_unchanged(); }

 private:
  Opened(FileReader reader, const std::string& name)
      : reader_(std::move(reader)), file_(reader_.fd(), name) {}
  FileReader reader_;
  FdSource file_;
  std::unique_ptr<ByteSource> plain_;
};

}  // namespace

Result<bool> is_archive(const FileEntry& entry) {
  const auto opened = Opened::open(entry);
  if (!opened) {
    // What is compressed and damaged is a file like any other.
    if (opened.error().code() == Code::InvalidArgument || opened.error().code() == Code::Unsupported)
      return false;
    return error(opened.error().code(), "{}", opened.error().message());
  }
  oci::TarReader tar((*opened)->plain());
  const auto first = tar.next();
  return first && first->has_value();
}

Result<void> unpack_archive(const FileEntry& entry, int directory) {
  const auto opened = TRY(Opened::open(entry));
  const image::UnpackOptions options{.allow_absolute_names = true, .may_lack_end = true};
  TRY(image::unpack(opened->plain(), directory, options));
  return opened->check_unchanged();
}

}  // namespace gantry::build
