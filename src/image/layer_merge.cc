// SPDX-License-Identifier: Apache-2.0
#include "image/layer_merge.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/printable.h"
#include "image/overlay_marks.h"
#include "oci/archive/tar_reader.h"
#include "oci/archive/tar_writer.h"

namespace gantry::image {
namespace {

using oci::TarEntry;
using oci::TarType;

// A place in the walk that wrote a layer: names sorted by their bytes in each directory, a directory before
// what is in it, and the mark of an opaque one before all of that ("directory/").
bool is_before(std::string_view a, std::string_view b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::ranges::lexicographical_compare(a, b, {}, rank, rank);
}

bool is_below(std::string_view place, std::string_view directory) {
  return place.size() > directory.size() && place.starts_with(directory) && place[directory.size()] == '/';
}

enum class Kind : std::uint8_t { File, Whiteout, Opaque };

// One of the two tars, entry by entry.
class Cursor {
 public:
  explicit Cursor(ByteSource& tar) : reader_(tar) {}

  Result<void> advance() {
    entry_ = TRY(reader_.next());
    if (!entry_) return reader_.drain();
    std::string before = std::exchange(place_, place_of(entry_->path));
    if (has_begun_ && !is_before(before, place_))
      return error(Code::InvalidArgument, "'{}' is not in the order of a layer", printable(entry_->path));
    has_begun_ = true;
    return {};
  }

  bool is_over() const { return !entry_; }
  const TarEntry& entry() const { return *entry_; }
  const std::string& place() const { return place_; }
  Kind kind() const { return kind_; }

  Result<void> copy_to(oci::TarWriter& writer) {
    TRY(writer.add(*entry_));
    while (true) {
      const oci::TarReader::Piece piece = TRY(reader_.next_piece());
      if (piece.data.empty()) return {};
      TRY(writer.write(piece.data));
    }
  }

 private:
  std::string place_of(std::string_view path) {
    if (path.starts_with("./")) path.remove_prefix(2);
    if (path.ends_with('/')) path.remove_suffix(1);
    const std::size_t slash = path.rfind('/') + 1;  // 0 without one
    const std::string_view name = path.substr(slash);
    kind_ = Kind::File;
    if (name == kOpaqueName) {
      kind_ = Kind::Opaque;
      return slash == 0 ? "/" : std::string(path.substr(0, slash));
    }
    if (!name.starts_with(kWhiteoutPrefix)) return std::string(path);
    kind_ = Kind::Whiteout;
    return std::string(path.substr(0, slash)).append(name.substr(kWhiteoutPrefix.size()));
  }

  oci::TarReader reader_;
  std::optional<TarEntry> entry_;
  std::string place_;
  Kind kind_ = Kind::File;
  bool has_begun_ = false;
};

class Merge {
 public:
  Merge(ByteSource& layer, ByteSource& change, const MergeOptions& options, ByteSink& tar)
      : layer_(layer), change_(change), options_(options), writer_(tar) {}

  Result<MergedLayer> run() {
    TRY(layer_.advance());
    TRY(change_.advance());
    while (!layer_.is_over() || !change_.is_over())
      TRY(is_layers_turn() ? take_from_layer() : take_from_change());
    TRY(writer_.finish());
    return merged_;
  }

 private:
  bool is_layers_turn() const {
    return change_.is_over() || (!layer_.is_over() && is_before(layer_.place(), change_.place()));
  }

  Result<void> take_from_layer() {
    const TarEntry& entry = layer_.entry();
    if (is_hidden(layer_.place())) {
      replaced_.insert(layer_.place());
    } else {
      if (entry.type == TarType::HardLink && replaced_.contains(entry.link_target))
        return error(Code::Unsupported, "'{}' is another name of a file that was replaced",
                     printable(entry.path));
      if (layer_.kind() == Kind::Opaque) opaque_.insert(layer_.place());
      TRY(write(layer_));
    }
    return layer_.advance();
  }

  // Takes the place of what the layer has there.
  Result<void> take_from_change() {
    const std::string place = change_.place();
    const Kind kind = change_.kind();
    const bool is_directory = change_.entry().type == TarType::Directory;
    if (kind == Kind::Opaque)
      hidden_ = place.substr(0, place.size() - 1);
    else if (!is_directory)
      hidden_ = place;
    const bool is_told = kind == Kind::File || (kind == Kind::Whiteout && !options_.removes_for_good) ||
                         (kind == Kind::Opaque && !is_in_opaque(place));
    if (is_told) TRY(write(change_));
    if (!layer_.is_over() && layer_.place() == place) {
      replaced_.insert(place);
      if (layer_.kind() == Kind::Opaque) opaque_.insert(place);
      TRY(layer_.advance());
    }
    return change_.advance();
  }

  bool is_hidden(std::string_view place) const { return hidden_ && is_below(place, *hidden_); }

  // The mark of a directory above hides what is below all the same.
  bool is_in_opaque(const std::string& mark) const {
    if (opaque_.contains("/")) return true;
    for (std::size_t end = mark.find('/'); end != mark.npos; end = mark.find('/', end + 1))
      if (opaque_.contains(mark.substr(0, end + 1))) return true;
    return false;
  }

  Result<void> write(Cursor& from) {
    if (from.entry().type == TarType::File) merged_.size += from.entry().size;
    return from.copy_to(writer_);
  }

  Cursor layer_, change_;
  const MergeOptions& options_;
  oci::TarWriter writer_;
  MergedLayer merged_;
  std::optional<std::string> hidden_;  // what the layer has below it has gone
  std::set<std::string> replaced_;     // places in the layer
  std::set<std::string> opaque_;       // marks of the layer
};

}  // namespace

Result<MergedLayer> merge_layers(ByteSource& layer, ByteSource& change, const MergeOptions& options,
                                 ByteSink& tar) {
  return Merge(layer, change, options, tar).run();
}

}  // namespace gantry::image
