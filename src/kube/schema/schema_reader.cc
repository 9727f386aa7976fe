// SPDX-License-Identifier: Apache-2.0
#include "kube/schema/schema_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/lower_case.h"
#include "base/split.h"
#include "kube/schema/default_rules.h"
#include "kube/schema/schema_line.h"

namespace gantry::kube {
namespace {

struct Scalar {
  std::string_view name;
  Form form;
};
constexpr Scalar kScalars[] = {
    {"any", Form::Any},           {"bool", Form::Bool},         {"int32", Form::Int32},
    {"int64", Form::Int64},       {"double", Form::Double},     {"string", Form::String},
    {"bytes", Form::Bytes},       {"time", Form::Time},         {"microtime", Form::MicroTime},
    {"duration", Form::Duration}, {"quantity", Form::Quantity}, {"intorstring", Form::IntOrString},
};

struct VerbName {
  std::string_view name;
  Verb verb;
};
constexpr VerbName kVerbNames[] = {
    {"create", Verb::Create}, {"get", Verb::Get},
    {"list", Verb::List},     {"watch", Verb::Watch},
    {"update", Verb::Update}, {"patch", Verb::Patch},
    {"delete", Verb::Delete}, {"deletecollection", Verb::DeleteCollection},
};

std::optional<Verb> verb_of(std::string_view word) {
  const auto at = std::ranges::find(kVerbNames, word, &VerbName::name);
  return at == std::end(kVerbNames) ? std::nullopt : std::optional(at->verb);
}

template <class... Args>
Error mistake(fmt::format_string<Args...> format, Args&&... args) {
  return error(Code::InvalidArgument, format, std::forward<Args>(args)...);
}

// What a field's flags say of its type rather than of itself.
struct TypeFlags {
  ListKind list_kind = ListKind::Atomic;
  std::vector<std::string_view> list_keys;
  bool is_atomic = false;
  std::string_view words;  // "A|B"
};

class Reader {
 public:
  explicit Reader(SchemaSet& set) : set_(set) {}

  // What packages and groups there are: before any file is read, so that each may speak of every other.
  Result<void> heading(const EmbeddedText& file) {
    for (const std::string_view text : split(file.text, '\n')) {
      SchemaLine line(text);
      const std::string_view word = line.word();
      if (word == "package" || word == "group") TRY_DURING(statement(word, line), "{}", file.name);
    }
    return {};
  }

  Result<void> file(const EmbeddedText& file) {
    package_ = {};
    group_.reset();
    std::size_t number = 0;
    for (const std::string_view text : split(file.text, '\n')) {
      ++number;
      TRY_DURING(line(SchemaLine(text)), "{}:{}", file.name, number);
    }
    return {};
  }

  // Once all files are read.
  Result<void> finish() {
    for (Resource& resource : set_.resources) finish(resource);
    for (const auto& [name, type] : declared_)
      if (type->name.empty()) return mistake("the type '{}' is used and nowhere described", name);
    for (Type& type : set_.types) TRY(take_in(type));
    for (Type& type : set_.types) {
      std::ranges::sort(type.fields, {}, &Field::name);
      if (!type.name.empty()) set_.names.emplace(type.name, &type);
    }
    mark_defaults();
    return {};
  }

 private:
  struct Package {
    std::string_view name;   // "io.k8s.api.core.v1"
    std::string_view alias;  // "core.v1"
  };
  struct Inline {
    const Type* type;
    std::uint32_t number;
  };

  Result<void> line(SchemaLine line) {
    if (line.empty()) return {};
    const std::string_view word = line.word();
    if (!line.is_indented()) {
      type_ = nullptr;
      resource_ = nullptr;
      return statement(word, line);
    }
    if (type_ != nullptr) return word == "inline" ? inline_type(line) : field(word, line);
    if (resource_ != nullptr) return resource_line(word, line);
    return mistake("'{}' belongs to nothing", word);
  }

  Result<void> statement(std::string_view word, SchemaLine& line) {
    if (word == "package") {
      package_ = {line.word(), line.word()};
      return {};
    }
    if (word == "group") {
      const std::string_view group = line.word();
      group_ = {.group = std::string(group == "core" ? "" : group), .version = std::string(line.word())};
      groups_[package_.alias] = *group_;
      return {};
    }
    if (word == "type") return type(line);
    if (word == "any" || word == "list") return named(word, line);
    if (word == "resource") return resource(line);
    return mistake("'{}' is no statement", word);
  }

  // ---- Types

  Result<void> type(SchemaLine& line) {
    type_ = TRY(declare(line.word()));
    type_->form = Form::Struct;
    type_->description = line.description();
    while (!line.empty()) {
      const SchemaFlag flag = split_flag(line.word());
      if (flag.name == "atomic") {
        type_->is_atomic = true;
      } else if (flag.name == "object") {
        for (const char* name : {"apiVersion", "kind"})
          type_->fields.push_back({.name = name, .type = scalar(Form::String)});
      } else if (flag.name == "rule") {
        type_->default_rule = find_default_rule(flag.argument);
        if (type_->default_rule == nullptr) return mistake("no default rule is named '{}'", flag.argument);
      } else {
        return mistake("'{}' is no flag of a type", flag.name);
      }
    }
    return {};
  }

  // "any FieldsV1", "any SchemaOrBool Schema", "list ExtraValue string": types that are no structs and have
  // names of their own.
  Result<void> named(std::string_view word, SchemaLine& line) {
    Type* const type = TRY(declare(line.word()));
    type->description = line.description();
    if (word == "list") type->form = Form::List;
    if (word == "list" || !line.empty()) type->element = TRY(type_of(line.word(), {}));
    return {};
  }

  Result<Type*> declare(std::string_view name) {
    Type* const type = referred(name);
    if (!type->name.empty()) return mistake("'{}' is described twice", name);
    type->name = fmt::format("{}.{}", package_.name, name);
    return type;
  }

  // The struct of this package, or of another ("meta.v1.ObjectMeta"), described before or later.
  Type* referred(std::string_view name) {
    std::string full = name.find('.') == std::string_view::npos ? fmt::format("{}.{}", package_.alias, name)
                                                                : std::string(name);
    Type*& type = declared_[std::move(full)];
    if (type == nullptr) type = &set_.types.emplace_back();
    return type;
  }

  Result<void> field(std::string_view name, SchemaLine& line) {
    Field field{.name = std::string(name), .description = std::string(line.description())};
    const std::string_view type = line.word();
    if (!line.empty() && line.rest().front() >= '0' && line.rest().front() <= '9')
      field.number = TRY(number(line.word()));
    TypeFlags flags;
    while (!line.empty()) TRY(field_flag(line, field, flags));
    field.keeps_zero |= field.is_required;
    field.type = TRY(type_of(type, flags));
    type_->fields.push_back(std::move(field));
    return {};
  }

  static Result<void> field_flag(SchemaLine& line, Field& field, TypeFlags& flags) {
    if (line.rest().starts_with("= ")) {
      field.fallback = TRY(json::Tree::parse(std::string(line.rest().substr(2))));
      line = SchemaLine("");
      return {};
    }
    const std::string_view word = line.word();
    if (word.starts_with('{')) {
      flags.words = word.substr(1, word.size() - 2);
      return {};
    }
    const SchemaFlag flag = split_flag(word);
    if (flag.name == "required") {
      field.is_required = true;
    } else if (flag.name == "zero") {
      field.keeps_zero = true;
    } else if (flag.name == "merge") {
      field.patch_strategy = PatchStrategy::Merge;
      field.patch_merge_key = flag.argument;
    } else if (flag.name == "retainKeys") {
      field.retains_keys = true;
    } else if (flag.name == "atomic") {
      flags.is_atomic = true;
    } else if (flag.name == "set") {
      flags.list_kind = ListKind::Set;
    } else if (flag.name == "map") {
      flags.list_kind = ListKind::Map;
      flags.list_keys = split_words(flag.argument, ' ');
    } else {
      return mistake("'{}' is no flag of a field", flag.name);
    }
    return {};
  }

  static Result<std::uint32_t> number(std::string_view text) {
    std::uint32_t number = 0;
    if (std::from_chars(text.begin(), text.end(), number).ptr != text.end())
      return mistake("'{}' is no number", text);
    return number;
  }

  Result<const Type*> type_of(std::string_view name, const TypeFlags& flags) {
    constexpr std::string_view kList = "[]";
    constexpr std::string_view kMap = "map[string]";
    if (name.starts_with(kList)) {
      Type list{.form = Form::List, .list_kind = flags.list_kind};
      list.element = TRY(type_of(name.substr(kList.size()), {.words = flags.words}));
      for (const std::string_view key : flags.list_keys) list.list_keys.emplace_back(key);
      return shared(std::move(list));
    }
    if (name.starts_with(kMap)) {
      Type map{.form = Form::Map, .is_atomic = flags.is_atomic};
      map.element = TRY(type_of(name.substr(kMap.size()), {.words = flags.words}));
      return shared(std::move(map));
    }
    if (const auto at = std::ranges::find(kScalars, name, &Scalar::name); at != std::end(kScalars)) {
      Type type{.form = at->form};
      for (const std::string_view word : split_words(flags.words, '|')) type.words.emplace_back(word);
      return shared(std::move(type));
    }
    if (flags.is_atomic)
      return mistake("'{}' is a struct: say where it is described that it is atomic", name);
    return referred(name);
  }

  const Type* scalar(Form form) { return shared({.form = form}); }

  // One for all that are alike.
  const Type* shared(Type type) {
    const std::string key =
        fmt::format("{} {} {} {} {} {}", std::to_underlying(type.form), fmt::ptr(type.element),
                    std::to_underlying(type.list_kind), fmt::join(type.list_keys, ","), type.is_atomic,
                    fmt::join(type.words, "|"));
    const Type*& known = shared_[key];
    if (known == nullptr) known = &set_.types.emplace_back(std::move(type));
    return known;
  }

  // "inline VolumeSource 2": its fields are shown as this type's own.
  Result<void> inline_type(SchemaLine& line) {
    const Type* const inner = referred(line.word());
    inlines_[type_].emplace_back(inner, TRY(number(line.word())));
    return {};
  }

  Result<void> take_in(Type& type) {
    const auto found = inlines_.find(&type);
    if (found == inlines_.end()) return {};
    const std::vector<Inline> inner = std::move(found->second);
    inlines_.erase(found);  // before its own are looked at: a circle ends here
    for (const Inline& part : inner) {
      TRY(take_in(const_cast<Type&>(*part.type)));
      for (Field field : part.type->fields) {
        if (std::ranges::find(type.fields, field.name, &Field::name) != type.fields.end())
          return mistake("'{}' has two fields '{}'", type.name, field.name);
        field.inside.insert(field.inside.begin(), part.number);
        type.fields.push_back(std::move(field));
      }
    }
    return {};
  }

  // Bottom up until nothing changes, since types may contain themselves.
  void mark_defaults() {
    const auto has_some = [](const Type& type) {
      return type.default_rule != nullptr || (type.element != nullptr && type.element->has_defaults) ||
             std::ranges::any_of(type.fields, [](const Field& field) {
               return field.fallback.has_value() || field.type->has_defaults;
             });
    };
    for (bool has_changed = true; has_changed;) {
      has_changed = false;
      for (Type& type : set_.types) {
        if (type.has_defaults || !has_some(type)) continue;
        type.has_defaults = true;
        has_changed = true;
      }
    }
  }

  // ---- Resources

  // "resource pods Pod namespaced"
  Result<void> resource(SchemaLine& line) {
    if (!group_) return mistake("a resource in a package without group");
    resource_ = &set_.resources.emplace_back();
    resource_->plural = line.word();
    const std::string_view kind = line.word();
    resource_->kind = resource_->stored_kind = *group_;
    resource_->kind.kind = resource_->stored_kind.kind = kind;
    resource_->type = referred(kind);
    resource_->singular = in_lower_case(kind);
    const std::string_view scope = line.word();
    if (!scope.empty() && scope != "namespaced") return mistake("'{}' is no scope", scope);
    resource_->is_namespaced = !scope.empty();
    return {};
  }

  // The release since when, and what to use instead.
  Result<void> deprecated(SchemaLine& line) {
    const std::string_view release = line.word();
    if (release.empty()) return mistake("since which release is it deprecated?");
    resource_->deprecation_warning = fmt::format("{} {} is deprecated in v{}+", resource_->kind.api_version(),
                                                 resource_->kind.kind, release);
    if (!line.empty()) resource_->deprecation_warning += fmt::format("; use {}", line.rest());
    return {};
  }

  Result<void> resource_line(std::string_view word, SchemaLine& line) {
    if (word == "short") return words(line, resource_->short_names);
    if (word == "category") return words(line, resource_->categories);
    if (word == "selectable") return words(line, resource_->selectable_fields);
    if (word == "column" || word == "wide") return column(line, word == "wide" ? 1 : 0);
    if (word == "subresource") return subresource(line);
    if (word == "verbs") {
      resource_->verbs = TRY(verbs(line));
      return {};
    }
    if (word == "deprecated") return deprecated(line);
    if (word == "stored") {
      resource_->stored_kind = TRY(kind_of(line.word()));
      return {};
    }
    return mistake("'{}' is nothing that a resource has", word);
  }

  static Result<void> words(SchemaLine& line, std::vector<std::string>& to) {
    while (!line.empty()) to.emplace_back(line.word());
    return {};
  }

  static Result<VerbSet> verbs(SchemaLine& line) {
    VerbSet verbs = 0;
    while (!line.empty()) {
      const std::string_view word = line.word();
      const std::optional<Verb> verb = verb_of(word);
      if (!verb) return mistake("'{}' is no verb", word);
      verbs |= static_cast<VerbSet>(*verb);
    }
    return verbs;
  }

  // "subresource scale autoscaling.v1.Scale get update": without a kind it is the parent's.
  Result<void> subresource(SchemaLine& line) {
    Subresource sub{.name = std::string(line.word()), .kind = resource_->kind, .type = resource_->type};
    SchemaLine ahead = line;
    if (const std::string_view kind = ahead.word(); !verb_of(kind)) {
      line = ahead;
      sub.kind = TRY(kind_of(kind));
      sub.type = referred(kind);
    }
    sub.verbs = TRY(verbs(line));
    resource_->subresources.push_back(std::move(sub));
    return {};
  }

  // "Scale" of this group, or "autoscaling.v1.Scale".
  Result<GroupVersionKind> kind_of(std::string_view name) const {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) {
      GroupVersionKind kind = *group_;
      kind.kind = name;
      return kind;
    }
    const auto package = groups_.find(name.substr(0, dot));
    if (package == groups_.end()) return mistake("no group has the package '{}'", name.substr(0, dot));
    GroupVersionKind kind = package->second;
    kind.kind = name.substr(dot + 1);
    return kind;
  }

  Result<void> column(SchemaLine& line, int priority) {
    Column column{.name = std::string(line.word()), .type = std::string(line.word()), .priority = priority};
    column.value = line.rest();
    if (column.value.empty()) return mistake("the column '{}' has no value", column.name);
    if (column.name == "Name") column.format = "name";
    column.description = line.description();
    resource_->columns.push_back(std::move(column));
    return {};
  }

  void finish(Resource& resource) {
    resource.is_kept = has(resource.verbs, Verb::Create) && has(resource.verbs, Verb::Get);
    const std::string& group = resource.stored_kind.group;
    resource.stored_as = group.empty() ? resource.plural : fmt::format("{}/{}", group, resource.plural);
    if (has(resource.verbs, Verb::List)) {
      resource.list_kind = resource.kind.kind + "List";
      add_list_type(*resource.type);
    }
  }

  void add_list_type(const Type& item) {
    Type list{.form = Form::Struct, .name = item.name + "List"};
    list.fields = {
        {.name = "apiVersion", .type = scalar(Form::String)},
        {.name = "kind", .type = scalar(Form::String)},
        {.name = "metadata", .type = referred("meta.v1.ListMeta"), .number = 1},
        {.name = "items",
         .type = shared({.form = Form::List, .element = &item}),
         .number = 2,
         .is_required = true},
    };
    set_.types.push_back(std::move(list));
  }

  SchemaSet& set_;
  std::map<std::string, Type*, std::less<>> declared_;  // structs by "core.v1.Pod"
  std::unordered_map<std::string, const Type*> shared_;
  std::unordered_map<const Type*, std::vector<Inline>> inlines_;
  std::map<std::string_view, GroupVersionKind> groups_;  // by the alias of the package; no kind

  // Of the file that is being read.
  Package package_;
  std::optional<GroupVersionKind> group_;
  Type* type_ = nullptr;          // the last begun, until something else begins
  Resource* resource_ = nullptr;  // likewise
};

}  // namespace

Result<SchemaSet> read_schemas(std::span<const EmbeddedText> files) {
  SchemaSet set;
  Reader reader(set);
  for (const EmbeddedText& file : files) TRY(reader.heading(file));
  for (const EmbeddedText& file : files) TRY(reader.file(file));
  TRY(reader.finish());
  return set;
}

}  // namespace gantry::kube
