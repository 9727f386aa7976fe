// SPDX-License-Identifier: Apache-2.0
#include "kube/policy/kind_type.h"

#include <algorithm>
#include <vector>

#include "kube/cel/schema_type.h"

namespace gantry::kube::admission {
namespace {

using cel::basic;
using cel::Kind;

class Reader {
 public:
  explicit Reader(cel::TypeArena& types) : types_(types) {}

  const cel::Type* read(const Type& type, const std::string& name) {
    switch (type.form) {
      case Form::Bool: return basic(Kind::Bool);
      case Form::Int32:
      case Form::Int64: return basic(Kind::Int);
      case Form::Double: return basic(Kind::Double);
      case Form::String:
      case Form::Duration: return basic(Kind::String);
      case Form::Bytes: return basic(Kind::Bytes);
      case Form::Time:
      case Form::MicroTime: return basic(Kind::Timestamp);
      case Form::Struct: return object(type, name);
      case Form::Map: return types_.map_of(basic(Kind::String), element(type, name + ".@elem"));
      case Form::List: return types_.list_of(element(type, name + ".@idx"));
      case Form::Any:
      case Form::Quantity:
      case Form::IntOrString: break;
    }
    return basic(Kind::Dyn);
  }

 private:
  const cel::Type* element(const Type& type, const std::string& name) {
    return type.element == nullptr ? basic(Kind::Dyn) : read(*type.element, name);
  }

  const cel::Type* object(const Type& type, const std::string& name) {
    if (type.preserves_unknown || std::ranges::find(around_, &type) != around_.end()) return basic(Kind::Dyn);
    around_.push_back(&type);
    cel::Type object{.kind = Kind::Object, .name = name};
    for (const Field& field : type.fields)
      if (const auto escaped = cel::escape_property(field.name); escaped && field.type != nullptr)
        object.fields.push_back({*escaped, field.name, read(*field.type, name + "." + field.name)});
    std::ranges::sort(object.fields, {}, &cel::TypeField::name);
    around_.pop_back();
    return types_.add(std::move(object));
  }

  cel::TypeArena& types_;
  std::vector<const Type*> around_;  // structs that are being read
};

}  // namespace

const cel::Type* cel_type_of(const Type& type, const std::string& name, cel::TypeArena& types) {
  return Reader(types).read(type, name);
}

}  // namespace gantry::kube::admission
