// SPDX-License-Identifier: Apache-2.0
//
// The name of an image, as people write it and as it is kept:
//
//   Reference::parse("busybox")                   docker.io/library/busybox:latest
//   Reference::parse("quay.io/a/b@sha256:...")    no tag then, unless one is written too
//   Reference::parse("[fd00::1]:5000/app:v2")
//
// Grammar and limits are those of docker's own package:
// https://github.com/distribution/reference
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/image/digest.h"

namespace gantry::oci {

inline constexpr std::string_view kDockerHub = "docker.io";
inline constexpr std::string_view kDefaultTag = "latest";
inline constexpr std::size_t kMaxNameLength = 255;  // registry and repository together, in bytes
inline constexpr std::size_t kMaxTagLength = 128;

class Reference {
 public:
  // Familiar names are completed: registry "docker.io", its repository "library/...", and the tag "latest"
  // where there is neither a tag nor a digest.
  static Result<Reference> parse(std::string_view text);
  // The same without the default tag: a whole repository, where nothing more is written.
  static Result<Reference> parse_untagged(std::string_view text);
  // From parts that have been taken apart already, such as those of a URL. `registry` may be empty:
  // docker.io.
  static Result<Reference> of(std::string_view registry, std::string_view repository);

  const std::string& registry() const { return registry_; }      // "docker.io", "localhost:5000"
  const std::string& repository() const { return repository_; }  // "library/busybox"
  const std::optional<std::string>& tag() const { return tag_; }
  const std::optional<Digest>& digest() const { return digest_; }

  // The same name with another tag or digest, or with neither.
  Result<Reference> with_tag(std::string_view tag) const;
  Reference with_digest(const Digest& digest) const;
  Reference without_digest() const;
  Reference untagged() const;  // nor a digest

  std::string name() const;      // "docker.io/library/busybox"
  std::string str() const;       // "docker.io/library/busybox:latest@sha256:..."
  std::string familiar() const;  // "busybox:latest": what parse() makes into the same
  std::string familiar_name() const;

  friend bool operator==(const Reference&, const Reference&) = default;

 private:
  Reference(std::string registry, std::string repository)
      : registry_(std::move(registry)), repository_(std::move(repository)) {}

  std::string registry_;
  std::string repository_;
  std::optional<std::string> tag_;
  std::optional<Digest> digest_;
};

// For those who take names apart themselves, such as the registry's URLs.
bool is_tag(std::string_view text);
bool is_repository(std::string_view text);  // path components, no registry
bool is_registry(std::string_view text);    // a host name or address, with or without a port

}  // namespace gantry::oci
