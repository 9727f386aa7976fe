// SPDX-License-Identifier: Apache-2.0
//
// What a server offers, as clients ask for it first of all: lists of groups, versions and resources, one
// document each (/api, /apis, /apis/apps, /apis/apps/v1), and all in one
// (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api). Immutable: when a
// CustomResourceDefinition comes or goes the server makes another. For any thread.
//
//   const Discovery discovery(resources, {}, "192.0.2.1:6443");
//   if (const Page* page = discovery.find("/apis/apps/v1")) ...
#pragma once

#include <map>
#include <span>
#include <string_view>

#include "kube/schema/resource.h"
#include "kube/views/foreign_version.h"
#include "kube/views/page.h"

namespace gantry::kube::views {

class Discovery {
 public:
  // Groups and versions stand in the order of `resources`, the preferred version of each first; foreign ones
  // behind them. `address` is where clients in the same network reach this server.
  Discovery(std::span<const Resource* const> resources, std::span<const ForeignVersion> foreign,
            std::string_view address);

  // "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1". Null: nothing is there, or a foreign server
  // has to be asked.
  const Page* find(std::string_view path) const;
  // APIGroupDiscoveryList of "/api" or "/apis", of the media type below; null for another path.
  const Page* find_aggregated(std::string_view path) const;

 private:
  std::map<std::string, Page, std::less<>> pages_;
  std::map<std::string, Page, std::less<>> aggregated_;
};

inline constexpr std::string_view kAggregatedMediaType =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

}  // namespace gantry::kube::views
