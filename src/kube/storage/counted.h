// SPDX-License-Identifier: Apache-2.0
//
// What many own and nobody changes, with the count inside: a pointer to it is one word, and who changes a
// structure can see whether anybody else still reads a part of it (object_map.h).
//
//   class Node : public Counted { ... };
//   Ref<const Node> node = make_counted<Node>(...);
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace gantry::kube {

class Counted {
 public:
  Counted() = default;
  // A copy has owners of its own.
  Counted(const Counted&) {}
  Counted& operator=(const Counted&) { return *this; }

 private:
  template <class T>
  friend class Ref;
  mutable std::atomic<std::uint32_t> owners_ = 0;
};

// Copies and destruction are for any thread.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) { add_owner(); }
  Ref(const Ref& other) : object_(other.object_) { add_owner(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& other) : object_(other.get()) {
    add_owner();
  }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr && object_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }
  // Nobody else reads it, or can begin to, unless through this pointer.
  bool is_sole_owner() const { return object_->owners_.load(std::memory_order_acquire) == 1; }

 private:
  void add_owner() {
    if (object_ != nullptr) object_->owners_.fetch_add(1, std::memory_order_relaxed);
  }
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_counted(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace gantry::kube
