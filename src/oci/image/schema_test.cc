// SPDX-License-Identifier: Apache-2.0
//
// The published JSON schemas (tests/specs/oci-image) against what is written and refused here.
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

using json::Kind;
using json::Value;

// As much of JSON Schema (draft 4) as these schemas use; any other keyword stops the test.
class Schemas {
 public:
  // Empty if `text` obeys the schema of that file; else where it does not and why.
  std::string complaint(const std::string& file, const std::string& text) {
    const json::Document document = MUST(json::Document::parse(text));
    return check(document.root(), schema(file), file, "");
  }

  Value schema(const std::string& file) {
    auto found = documents_.find(file);
    if (found == documents_.end())
      found =
          documents_
              .emplace(file, MUST(json::Document::parse(MUST(read_file(std::string(SCHEMAS "/") + file)))))
              .first;
    return found->second.root();
  }

 private:
  std::string check(const Value& value, const Value& schema, const std::string& file,
                    const std::string& path) {
    for (std::size_t i = 0; i < schema.size(); ++i) {
      std::string found = keyword(schema.key(i), schema.at(i), value, schema, file, path);
      if (!found.empty()) return found;
    }
    return "";
  }

  std::string keyword(std::string_view key, const Value& rule, const Value& value, const Value& schema,
                      const std::string& file, const std::string& path) {
    static const std::set<std::string_view> kOnlyWords = {"description", "$schema", "id", "format", "media"};
    const bool is_object = value.kind() == Kind::Object;
    if (kOnlyWords.contains(key)) return "";
    if (key == "$ref") return check_reference(value, std::string(rule.as_string()), file, path);
    if (key == "type") return has_type(value, rule.as_string()) ? "" : fmt::format("{}: type", path);
    if (key == "enum") return has_element(rule, value) ? "" : fmt::format("{}: enum", path);
    if (key == "minimum")
      return value.as_double() >= rule.as_double() ? "" : fmt::format("{}: minimum", path);
    if (key == "maximum")
      return value.as_double() <= rule.as_double() ? "" : fmt::format("{}: maximum", path);
    if (key == "minItems") return value.size() >= *rule.as_uint64() ? "" : fmt::format("{}: minItems", path);
    if (key == "pattern")
      return std::regex_search(std::string(value.as_string()), std::regex(std::string(rule.as_string())))
                 ? ""
                 : fmt::format("{}: pattern", path);
    if (key == "required") {
      for (std::size_t i = 0; i < rule.size(); ++i)
        if (!value.find(rule.at(i).as_string()))
          return fmt::format("{}.{}: required", path, rule.at(i).as_string());
      return "";
    }
    if (key == "properties") {
      for (std::size_t i = 0; i < rule.size() && is_object; ++i)
        if (const std::optional<Value> member = value.find(rule.key(i))) {
          std::string found = check(*member, rule.at(i), file, fmt::format("{}.{}", path, rule.key(i)));
          if (!found.empty()) return found;
        }
      return "";
    }
    if (key == "items" || key == "patternProperties") {
      // The only pattern there is takes every key.
      const Value element = key == "items" ? rule : rule.at(0);
      for (std::size_t i = 0; i < value.size(); ++i) {
        std::string found = check(value.at(i), element, file, fmt::format("{}[{}]", path, i));
        if (!found.empty()) return found;
      }
      return "";
    }
    if (key == "oneOf") {
      unsigned matching = 0;
      for (std::size_t i = 0; i < rule.size(); ++i)
        matching += check(value, rule.at(i), file, path).empty() ? 1 : 0;
      return matching == 1 ? "" : fmt::format("{}: oneOf", path);
    }
    ADD_FAILURE() << "unknown keyword " << key << " in " << schema.to_text();
    return "unknown keyword";
  }

  // "defs.json#/definitions/int64"
  std::string check_reference(const Value& value, const std::string& reference, const std::string& file,
                              const std::string& path) {
    const std::size_t hash = reference.find('#');
    const std::string target = reference.substr(0, hash);
    const std::string& in = target.empty() ? file : target;
    Value place = schema(in);
    std::size_t begin = hash == std::string::npos ? hash : hash + 2;
    while (begin < reference.size()) {
      const std::size_t end = std::min(reference.find('/', begin), reference.size());
      place = place.find(reference.substr(begin, end - begin)).value();
      begin = end + 1;
    }
    return check(value, place, in, path);
  }

  static bool has_type(const Value& value, std::string_view type) {
    switch (value.kind()) {
      case Kind::Null: return type == "null";
      case Kind::Bool: return type == "boolean";
      case Kind::Number:
        return type == "number" || (type == "integer" && (value.as_int64() || value.as_uint64()));
      case Kind::String: return type == "string";
      case Kind::Array: return type == "array";
      case Kind::Object: return type == "object";
    }
    return false;
  }

  static bool has_element(const Value& list, const Value& value) {
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list.at(i).to_text() == value.to_text()) return true;
    return false;
  }

  std::map<std::string, json::Document> documents_;
};

Descriptor full_descriptor() {
  Descriptor descriptor = describe(media_type::kOciLayerGzip, "content", DigestAlgorithm::Sha512);
  descriptor.urls = {"https://example.com/layer"};
  descriptor.annotations = {{"org.example.key", "value"}};
  descriptor.artifact_type = "application/vnd.example";
  descriptor.data = InlineData{"content"};
  return descriptor;
}

Manifest full_manifest() {
  return {.artifact_type = "application/vnd.example",
          .config = full_descriptor(),
          .layers = {full_descriptor()},
          .subject = full_descriptor(),
          .annotations = {{"a", "b"}}};
}

Index full_index() {
  Index index{.artifact_type = "application/vnd.example",
              .manifests = {full_descriptor()},
              .subject = full_descriptor(),
              .annotations = {{"a", "b"}}};
  index.manifests[0].platform = Platform{.os = "windows",
                                         .architecture = "arm",
                                         .variant = "v7",
                                         .os_version = "10.0",
                                         .os_features = {"win32k"}};
  return index;
}

ImageConfig full_config() {
  return {.created = "2026-01-02T03:04:05Z",
          .author = "me",
          .platform = *full_index().manifests[0].platform,
          .config = {.user = "1:2",
                     .exposed_ports = {{"80/tcp", {}}},
                     .env = {"A=b"},
                     .entrypoint = {"/e"},
                     .cmd = {"c"},
                     .volumes = {{"/v", {}}},
                     .working_dir = "/w",
                     .labels = {{"k", "v"}},
                     .stop_signal = "SIGTERM",
                     .args_escaped = true},
          .rootfs = {.diff_ids = {digest_of("tar")}},
          .history = {{.created = "2026-01-02T03:04:05Z",
                       .created_by = "x",
                       .author = "me",
                       .comment = "c",
                       .empty_layer = true}}};
}

// The keys of `schema` that `object` does not have.
std::vector<std::string> missing(const Value& schema, const Value& object) {
  std::vector<std::string> keys;
  const Value properties = schema.find("properties").value();
  for (std::size_t i = 0; i < properties.size(); ++i)
    if (!object.find(properties.key(i))) keys.emplace_back(properties.key(i));
  return keys;
}

TEST(Schema, is_obeyed_by_what_is_written) {
  Schemas schemas;
  EXPECT_EQ(schemas.complaint("image-manifest-schema.json", to_json(full_manifest())), "");
  EXPECT_EQ(schemas.complaint("image-index-schema.json", to_json(full_index())), "");
  EXPECT_EQ(schemas.complaint("image-index-schema.json", to_json(Index{})), "");
  EXPECT_EQ(schemas.complaint("config-schema.json", to_json(full_config())), "");
  EXPECT_EQ(schemas.complaint("config-schema.json", to_json(ImageConfig{})), "");
  EXPECT_EQ(schemas.complaint("image-layout-schema.json", oci_layout_json()), "");
  // The checker itself sees what is wrong.
  EXPECT_EQ(schemas.complaint("image-index-schema.json", R"({"schemaVersion":1,"manifests":[]})"),
            ".schemaVersion: minimum");
}

TEST(Schema, has_no_key_that_is_not_written) {
  Schemas schemas;
  const auto none = std::vector<std::string>();
  const json::Document manifest = MUST(json::Document::parse(to_json(full_manifest())));
  EXPECT_EQ(missing(schemas.schema("image-manifest-schema.json"), manifest.root()), none);
  EXPECT_EQ(missing(schemas.schema("content-descriptor.json"), manifest.root().find("config").value()), none);

  const json::Document index = MUST(json::Document::parse(to_json(full_index())));
  const Value index_schema = schemas.schema("image-index-schema.json");
  const Value element = index_schema.find("properties")->find("manifests")->find("items").value();
  EXPECT_EQ(missing(index_schema, index.root()), none);
  EXPECT_EQ(missing(element.find("properties")->find("platform").value(),
                    index.root().find("manifests")->at(0).find("platform").value()),
            none);

  const json::Document config = MUST(json::Document::parse(to_json(full_config())));
  const Value config_schema = schemas.schema("config-schema.json");
  const Value properties = config_schema.find("properties").value();
  EXPECT_EQ(missing(config_schema, config.root()), none);
  EXPECT_EQ(missing(properties.find("config").value(), config.root().find("config").value()), none);
  EXPECT_EQ(missing(properties.find("rootfs").value(), config.root().find("rootfs").value()), none);
  EXPECT_EQ(missing(properties.find("history")->find("items").value(), config.root().find("history")->at(0)),
            none);
}

// `text` with the member `key` of its object replaced by `with`, or left out when that is empty.
std::string changed(const std::string& text, std::string_view key, std::string_view with) {
  const json::Document document = MUST(json::Document::parse(text));
  const Value root = document.root();
  json::Writer writer;
  writer.begin_object();
  for (std::size_t i = 0; i < root.size(); ++i)
    if (root.key(i) != key)
      writer.key(root.key(i)).value(root.at(i));
    else if (!with.empty())
      writer.key(key).raw(with);
  writer.end_object();
  return std::move(writer).text();
}

TEST(Schema, refuses_nothing_that_is_taken) {
  struct Case {
    const char* file;
    std::string text;
    bool (*is_taken)(const std::string&);
  };
  const Case cases[] = {
      {"image-manifest-schema.json", to_json(full_manifest()),
       [](const std::string& text) { return parse_manifest(text).has_value(); }},
      {"image-index-schema.json", to_json(full_index()),
       [](const std::string& text) { return parse_index(text).has_value(); }},
      {"config-schema.json", to_json(full_config()),
       [](const std::string& text) { return parse_image_config(text).has_value(); }},
  };
  Schemas schemas;
  for (const Case& one : cases) {
    EXPECT_TRUE(one.is_taken(one.text));
    const json::Document document = MUST(json::Document::parse(one.text));
    // Not the empty string, which counts as absent here as it does for Go.
    for (std::size_t i = 0; i < document.root().size(); ++i)
      for (const char* with : {"", "true", "-1", "1.5", "\"x\"", "[1]", "{\"x\":1}"}) {
        const std::string text = changed(one.text, document.root().key(i), with);
        if (!one.is_taken(text)) continue;
        EXPECT_EQ(schemas.complaint(one.file, text), "") << document.root().key(i) << " replaced by " << with;
      }
  }
}

}  // namespace
}  // namespace gantry::oci
