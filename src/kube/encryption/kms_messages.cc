// SPDX-License-Identifier: Apache-2.0
#include "kube/encryption/kms_messages.h"

#include <utility>

#include "base/printable.h"
#include "kube/api/names.h"
#include "kube/protobuf/wire.h"

namespace gantry::kube {
namespace {

using protobuf::WireField;
using protobuf::WireReader;
using protobuf::WireType;
using protobuf::WireWriter;

constexpr std::size_t kMaxSecret = 1 << 10;
constexpr std::size_t kMaxKeyId = 1 << 10;
constexpr std::size_t kMaxAnnotations = 32 << 10;

// `use` gets the fields one by one, and passes over those it does not know.
template <class Use>
Result<void> read_fields(std::string_view message, Use use) {
  WireReader reader(message);
  while (!reader.is_at_end()) TRY(use(TRY(reader.next())));
  return {};
}

// A field's bytes if it is that one.
bool is(const WireField& field, std::uint32_t number, std::string& into) {
  if (field.number_of_field != number || field.type != WireType::Bytes) return false;
  into = field.bytes;
  return true;
}

Result<void> read_annotation(std::string_view message, KmsAnnotations& annotations) {
  std::string key, value;
  TRY(read_fields(message, [&](const WireField& field) -> Result<void> {
    (void)(is(field, 1, key) || is(field, 2, value));
    return {};
  }));
  annotations.insert_or_assign(std::move(key), std::move(value));
  return {};
}

// Numbers of the fields that a secret has in the messages it is part of.
struct SecretFields {
  std::uint32_t bytes;
  std::uint32_t key_id;
  std::uint32_t annotations;
};
constexpr SecretFields kInRequest{.bytes = 1, .key_id = 3, .annotations = 4};
constexpr SecretFields kInAnswer{.bytes = 1, .key_id = 2, .annotations = 3};
constexpr SecretFields kInStore{.bytes = 3, .key_id = 2, .annotations = 4};

Result<void> read_secret(const WireField& field, const SecretFields& numbers, KmsSecret& secret) {
  if (is(field, numbers.bytes, secret.bytes) || is(field, numbers.key_id, secret.key_id)) return {};
  std::string annotation;
  if (is(field, numbers.annotations, annotation)) TRY(read_annotation(annotation, secret.annotations));
  return {};
}

void write_secret(WireWriter& writer, const SecretFields& numbers, const KmsSecret& secret) {
  writer.bytes(numbers.bytes, secret.bytes);
  writer.bytes(numbers.key_id, secret.key_id);
  for (const auto& [key, value] : secret.annotations) {
    const std::size_t mark = writer.begin();
    writer.bytes(1, key);
    writer.bytes(2, value);
    writer.end(numbers.annotations, mark);
  }
}

bool is_domain(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return name.find('.') != name.npos && dns_subdomain_faults(name).empty();
}

}  // namespace

Result<void> check_secret(const KmsSecret& secret) {
  const auto check_size = [](std::string_view what, std::size_t size, std::size_t most) -> Result<void> {
    if (size == 0) return error(Code::DataLoss, "the {} is empty", what);
    if (size > most) return error(Code::DataLoss, "the {} has {} bytes, {} are allowed", what, size, most);
    return {};
  };
  TRY(check_size("encrypted secret", secret.bytes.size(), kMaxSecret));
  TRY(check_size("key's id", secret.key_id.size(), kMaxKeyId));
  std::size_t size = 0;
  for (const auto& [key, value] : secret.annotations) {
    if (!is_domain(key))
      return error(Code::DataLoss, "the annotation '{}' has no domain's name", printable(key, 100));
    size += key.size() + value.size();
  }
  if (size > kMaxAnnotations)
    return error(Code::DataLoss, "the annotations have {} bytes, {} are allowed", size, kMaxAnnotations);
  return {};
}

// ---- Questions and answers

std::string encrypt_request(std::string_view secret, std::string_view uid) {
  WireWriter writer;
  writer.bytes(1, secret);
  writer.bytes(2, uid);
  return std::move(writer).message();
}

std::string decrypt_request(const KmsSecret& secret, std::string_view uid) {
  WireWriter writer;
  write_secret(writer, kInRequest, secret);
  writer.bytes(2, uid);
  return std::move(writer).message();
}

Result<KmsStatus> read_status(std::string_view message) {
  KmsStatus status;
  TRY(read_fields(message, [&](const WireField& field) -> Result<void> {
    (void)(is(field, 1, status.version) || is(field, 2, status.health) || is(field, 3, status.key_id));
    return {};
  }));
  return status;
}

Result<KmsSecret> read_encrypted(std::string_view message) {
  KmsSecret secret;
  TRY(read_fields(message, [&](const WireField& field) { return read_secret(field, kInAnswer, secret); }));
  return secret;
}

Result<std::string> read_decrypted(std::string_view message) {
  std::string secret;
  TRY(read_fields(message, [&](const WireField& field) -> Result<void> {
    (void)is(field, 1, secret);
    return {};
  }));
  return secret;
}

// ---- In the store

std::string to_bytes(const EnvelopedValue& value) {
  WireWriter writer;
  writer.reserve(value.data.size() + value.secret.bytes.size() + value.secret.key_id.size() + 64);
  writer.bytes(1, value.data);
  write_secret(writer, kInStore, value.secret);
  if (value.kind != EnvelopedValue::Secret::Key) writer.varint(5, static_cast<std::uint64_t>(value.kind));
  return std::move(writer).message();
}

Result<EnvelopedValue> read_enveloped(std::string_view bytes) {
  EnvelopedValue value{.kind = EnvelopedValue::Secret::Key};
  std::uint64_t kind = 0;
  const auto read = read_fields(bytes, [&](const WireField& field) -> Result<void> {
    if (field.number_of_field == 5 && field.type == WireType::Varint) kind = field.number;
    if (is(field, 1, value.data)) return {};
    return read_secret(field, kInStore, value.secret);
  });
  if (!read) return error(Code::DataLoss, "no envelope: {}", read.error().message());
  if (kind > static_cast<std::uint64_t>(EnvelopedValue::Secret::Seed))
    return error(Code::DataLoss, "an envelope whose secret is of a kind that is not known: {}", kind);
  value.kind = static_cast<EnvelopedValue::Secret>(kind);
  if (value.data.empty()) return error(Code::DataLoss, "an empty envelope");
  TRY(check_secret(value.secret));
  return value;
}

}  // namespace gantry::kube
