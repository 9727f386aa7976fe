// SPDX-License-Identifier: Apache-2.0
#include "kube/cel/unify.h"

namespace gantry::kube::cel {
namespace {

bool is_open(const Type* type) { return type->kind == Kind::Param || type->kind == Kind::Error; }

bool takes_null(Kind kind) {
  return kind == Kind::Object || kind == Kind::Timestamp || kind == Kind::Duration ||
         kind == Kind::Optional || kind >= Kind::Url;
}

}  // namespace

const Type* join(const Type* a, const Type* b, TypeArena& types) {
  if (is_open(a)) return b;
  if (is_open(b)) return a;
  if (a->kind == Kind::Dyn || b->kind == Kind::Dyn) return basic(Kind::Dyn);
  if (a->kind == Kind::Null && takes_null(b->kind)) return b;
  if (b->kind == Kind::Null && takes_null(a->kind)) return a;
  if (is_equal(*a, *b)) return a;
  if (a->kind != b->kind) return nullptr;
  if (a->kind != Kind::List && a->kind != Kind::Map && a->kind != Kind::Optional) return nullptr;
  const Type* element = join(a->element, b->element, types);
  if (element == nullptr) return nullptr;
  if (a->kind == Kind::List) return types.list_of(element);
  if (a->kind == Kind::Optional) return types.optional_of(element);
  const Type* key = join(a->key, b->key, types);
  return key == nullptr ? nullptr : types.map_of(key, element);
}

bool Bindings::unify(const Type* wanted, const Type* given) {
  if (wanted->kind == Kind::Param && !wanted->name.empty()) {
    const Type*& bound = bound_[static_cast<std::size_t>(wanted->name[0] - 'A')];
    const Type* joined = bound == nullptr ? given : join(bound, given, types_);
    if (joined == nullptr) return false;
    bound = joined;
    return true;
  }
  if (is_open(given) || given->kind == Kind::Dyn || wanted->kind == Kind::Dyn) return true;
  if (given->kind == Kind::Null && takes_null(wanted->kind)) return true;
  if (wanted->kind != given->kind) return false;
  if (wanted->kind == Kind::Object) return is_equal(*wanted, *given);
  if (wanted->kind == Kind::List || wanted->kind == Kind::Optional)
    return unify(wanted->element, given->element == nullptr ? basic(Kind::Dyn) : given->element);
  if (wanted->kind == Kind::Map)
    return unify(wanted->key, given->key) && unify(wanted->element, given->element);
  return true;
}

const Type* Bindings::apply(const Type* type) {
  switch (type->kind) {
    case Kind::Param: {
      const Type* bound =
          type->name.empty() ? nullptr : bound_[static_cast<std::size_t>(type->name[0] - 'A')];
      return bound == nullptr ? open_type() : bound;
    }
    case Kind::List: return types_.list_of(apply(type->element));
    case Kind::Optional: return types_.optional_of(apply(type->element));
    case Kind::Map: return types_.map_of(apply(type->key), apply(type->element));
    default: return type;
  }
}

}  // namespace gantry::kube::cel
