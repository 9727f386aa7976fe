// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/gunzip.h"

#include <zlib.h>

#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

namespace gantry::kube {

// ---- Gunzip

struct Gunzip::Inflate {
  z_stream stream{};
};

Gunzip::Gunzip() : inflate_(std::make_unique<Inflate>()) {
  constexpr int kOfGzip = MAX_WBITS + 16;
  if (::inflateInit2(&inflate_->stream, kOfGzip) != Z_OK) std::abort();  // no memory
}

Gunzip::~Gunzip() { (void)::inflateEnd(&inflate_->stream); }

Result<void> Gunzip::feed(std::string_view& bytes, std::size_t most, std::string& text) {
  z_stream& stream = inflate_->stream;
  const std::size_t before = text.size();
  text.resize(before + most);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));  // it only reads
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
  stream.avail_out = static_cast<uInt>(most);
  int status = Z_OK;
  while (status == Z_OK) {
    // Compressed texts may stand one behind the other, and are one.
    if (std::exchange(is_complete_, false) && stream.avail_in != 0) ::inflateReset(&stream);
    status = ::inflate(&stream, Z_NO_FLUSH);
    is_complete_ = status == Z_STREAM_END;
    if (is_complete_ && stream.avail_in != 0) status = Z_OK;
  }
  text.erase(before + (most - stream.avail_out));
  bytes.remove_prefix(bytes.size() - stream.avail_in);
  // Z_BUF_ERROR: one side or the other has no more room.
  if (status == Z_STREAM_END || status == Z_BUF_ERROR) return {};
  return error(Code::DataLoss, "no gzip: {}", stream.msg == nullptr ? "it is damaged" : stream.msg);
}

// ---- Frames

namespace {

class UnpackedFrames final : public http::FrameSource {
 public:
  explicit UnpackedFrames(std::unique_ptr<http::FrameSource> packed) : packed_(std::move(packed)) {}

  State take(std::vector<SharedBytes>& frames, std::size_t bytes) override {
    std::string text;
    bool is_all = false;  // that has come
    while (!is_all) {
      std::string_view rest = waiting_;
      if (!gunzip_.feed(rest, bytes - text.size(), text)) return State::Cut;
      waiting_.erase(0, waiting_.size() - rest.size());
      if (text.size() == bytes) break;
      is_all = state_ != State::Open || !fetch(bytes);
    }
    if (!text.empty()) frames.emplace_back(std::move(text));
    if (!is_all) return State::Open;
    return state_ == State::End && !gunzip_.is_complete() ? State::Cut : state_;
  }
  void set_wake(std::function<void()> wake) override { packed_->set_wake(std::move(wake)); }

 private:
  // False: there is nothing more now.
  bool fetch(std::size_t bytes) {
    std::vector<SharedBytes> frames;
    state_ = packed_->take(frames, bytes);
    for (const SharedBytes& frame : frames) waiting_ += frame.view();
    return !frames.empty();
  }

  const std::unique_ptr<http::FrameSource> packed_;
  Gunzip gunzip_;
  std::string waiting_;        // to be unpacked
  State state_ = State::Open;  // of the packed ones
};

}  // namespace

std::unique_ptr<http::FrameSource> unpacked(std::unique_ptr<http::FrameSource> packed) {
  return std::make_unique<UnpackedFrames>(std::move(packed));
}

}  // namespace gantry::kube
