// SPDX-License-Identifier: Apache-2.0
#include "cli/docker/image_names.h"

#include "cli/docker/document_format.h"

namespace gantry::cli::docker {

std::vector<NamedImage> names_of(const json::Value& image) {
  std::vector<NamedImage> names;
  const auto digests = words_in(image, "RepoDigests");
  const auto digest_in = [&](const std::string& repository) -> std::string {
    for (const std::string& text : digests)
      if (text.starts_with(repository + "@")) return text.substr(repository.size() + 1);
    return "<none>";
  };
  for (const std::string& name : words_in(image, "RepoTags")) {
    const std::size_t colon = name.rfind(':');
    const std::string repository = name.substr(0, colon);
    if (repository != "<none>") names.push_back({repository, name.substr(colon + 1), digest_in(repository)});
  }
  if (!names.empty()) return names;
  NamedImage none;
  if (!digests.empty() && !digests.front().starts_with("<none>")) {
    none.repository = digests.front().substr(0, digests.front().find('@'));
    none.digest = digest_in(none.repository);
  }
  return {none};
}

}  // namespace gantry::cli::docker
