// SPDX-License-Identifier: Apache-2.0
//
// What has to be taken back when a later step fails. Several of them run in the reverse order.
//
//   Undo unmount([&] { rootfs.detach(); });
//   TRY(launch(...));
//   unmount.dismiss();
#pragma once

#include <functional>
#include <utility>

namespace gantry::engine {

class [[nodiscard]] Undo {
 public:
  explicit Undo(std::move_only_function<void()> work) : work_(std::move(work)) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (work_) work_();
  }
  void dismiss() { work_ = nullptr; }

 private:
  std::move_only_function<void()> work_;
};

}  // namespace gantry::engine
