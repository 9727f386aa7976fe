// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as a layer, compressed or not: whatever they are, nothing outside of the directory changes.
// Checksums of what is not compressed are put right first.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/byte_stream.h"
#include "base/file.h"
#include "image/unpack.h"
#include "oci/archive/compression.h"
#include "oci/archive/tar_format.h"

namespace {

using namespace gantry;

template <class T>
T must(Result<T> result) {
  if (result) return detail_take_value(std::move(result));
  std::fprintf(stderr, "unpack_fuzz: %s\n", result.error().message().c_str());
  std::abort();
}

// <temporary>/{layer, below, outside}, removed at the end of the process.
struct Place {
  Place() {
    std::string name = "/tmp/unpack_fuzz.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
    directory = must(open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    must(make_directories(path + "/below/usr/lib", 0755));
    must(replace_file_at(directory.get(), "below/usr/lib/f", "below", 0644));
    if (::symlinkat("usr/lib", directory.get(), "below/lib") < 0) std::abort();
    must(replace_file_at(directory.get(), "outside", "secret", 0600));
    state = look();
  }
  ~Place() { must(remove_tree_at(AT_FDCWD, path)); }

  std::string look() const {
    std::string text;
    for (const char* name :
         {".", "outside", "below", "below/usr", "below/usr/lib", "below/usr/lib/f", "below/lib"}) {
      struct stat st{};
      if (::fstatat(directory.get(), name, &st, AT_SYMLINK_NOFOLLOW) < 0) std::abort();
      // The temporary directory itself gets and loses "layer".
      const bool is_itself = name[0] == '.';
      text += fmt::format("{:o} {} {} {} {} {}\n", st.st_mode, st.st_uid, st.st_gid, st.st_nlink, st.st_size,
                          is_itself ? 0 : st.st_ctim.tv_sec * 1'000'000'000 + st.st_ctim.tv_nsec);
    }
    return text;
  }

  std::string path;
  UniqueFd directory;
  std::string state;
};

std::string with_checksums(std::string text) {
  for (std::size_t at = 0; at + oci::kTarBlock <= text.size(); at += oci::kTarBlock) {
    auto* header = reinterpret_cast<oci::TarHeader*>(text.data() + at);
    if (text.compare(at + offsetof(oci::TarHeader, magic), 5, "ustar") == 0) oci::put_tar_checksum(*header);
  }
  return text;
}

class Below final : public image::ParentView {
 public:
  explicit Below(int directory) : directory_(directory) {}
  Result<int> directory() override { return directory_; }

 private:
  int directory_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  must(make_directories(place.path + "/layer", 0755));
  {
    const UniqueFd layer = must(open_at(place.directory.get(), "layer", O_RDONLY | O_DIRECTORY));
    const UniqueFd below_fd = must(open_at(place.directory.get(), "below", O_RDONLY | O_DIRECTORY));
    Below below(below_fd.get());
    const std::string text = with_checksums({reinterpret_cast<const char*>(data), size});
    StringSource source(text);
    if (const auto tar = oci::decompress(source, {.max_bytes = 1 << 20, .max_window_log = 20})) {
      const image::UnpackOptions options{.devices = image::DevicePolicy::Skip,
                                         .xattrs = image::LossPolicy::Report,
                                         .keep_owners = ::geteuid() == 0,
                                         .allow_absolute_names = (size & 1) != 0,
                                         .max_entries = 200};
      (void)image::unpack(**tar, layer.get(), options,
                          &below);  // any outcome is right that touches nothing else
    }
  }
  must(remove_tree_at(place.directory.get(), "layer"));
  if (place.look() != place.state) std::abort();
  return 0;
}
