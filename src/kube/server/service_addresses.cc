// SPDX-License-Identifier: Apache-2.0
#include "kube/server/service_addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/random.h"

namespace gantry::kube {
namespace {

constexpr std::string_view kAddressRoot = "/gantry/serviceaddresses/";
constexpr std::string_view kPortRoot = "/gantry/nodeports/";
constexpr std::string_view kNone = "None";
// How often chance may choose what is taken, before all that is taken is looked at.
constexpr int kGuesses = 8;

std::string_view type_of(const json::Tree& service) {
  const std::string_view type = service.text_at("spec", "type");
  return type.empty() ? "ClusterIP" : type;
}
bool has_address(const json::Tree& service) { return type_of(service) != "ExternalName"; }
bool has_node_ports(const json::Tree& service) {
  return type_of(service) == "NodePort" || type_of(service) == "LoadBalancer";
}
// Whether ports without a node port are given one.
bool wants_node_ports(const json::Tree& service) {
  if (type_of(service) == "NodePort") return true;
  const json::Tree* allocates = service.find("spec", "allocateLoadBalancerNodePorts");
  return type_of(service) == "LoadBalancer" && (allocates == nullptr || allocates->as_bool());
}

json::TreeObject& spec_of(json::Tree& service) { return service.object()["spec"].object(); }

std::string text_of(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

std::optional<std::uint32_t> address_of(std::string_view text) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

// The keys that a service has.
std::set<std::string> claims_of(const json::Tree& service) {
  std::set<std::string> claims;
  const std::string_view address = service.text_at("spec", "clusterIP");
  if (!address.empty() && address != kNone) claims.insert(fmt::format("{}{}", kAddressRoot, address));
  if (const json::Tree* ports = service.find("spec", "ports"))
    for (const json::Tree& port : ports->array())
      if (const json::Tree* number = port.find("nodePort"); number != nullptr && number->as_int64() > 0)
        claims.insert(fmt::format("{}{}", kPortRoot, *number->as_int64()));
  if (const json::Tree* health = service.find("spec", "healthCheckNodePort");
      health != nullptr && health->as_int64() > 0)
    claims.insert(fmt::format("{}{}", kPortRoot, *health->as_int64()));
  return claims;
}

void give_back(const std::set<std::string>& claims, const std::set<std::string>& kept, AlsoWritten& also) {
  for (const std::string& claim : claims)
    if (!kept.contains(claim)) also.operations.push_back(store::Operation::remove(claim));
}

std::uint32_t random_below(std::uint32_t size) {
  std::uint32_t number = 0;
  fill_random(std::as_writable_bytes(std::span(&number, 1)));
  return number % size;
}

Status wrong(const json::Tree& service, std::string field, const std::string& value, std::string_view why) {
  return invalid("", "Service", service.text_at("metadata", "name"),
                 {{.reason = "FieldValueInvalid",
                   .message = fmt::format("Invalid value: {}: {}", value, why),
                   .field = std::move(field)}});
}

}  // namespace

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto first = address_of(text.substr(0, slash));
  unsigned bits = 0;
  const std::string_view digits = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (!first || failure != std::errc() || end != digits.data() + digits.size() || bits < 8 || bits > 30)
    return error(Code::InvalidArgument,
                 "service addresses '{}': an IPv4 network such as 10.96.0.0/16 is wanted", text);
  const std::uint32_t size = std::uint32_t{1} << (32 - bits);
  if (*first % size != 0)
    return error(Code::InvalidArgument, "service addresses '{}': bits are set behind the network's", text);
  return AddressRange{.first = *first, .size = size};
}

std::string ServiceAddresses::first_address() const { return text_of(addresses_.first + 1); }

// ---- What stays

static const json::Tree* same_port(const json::Tree& before, const json::Tree& port) {
  const json::Tree* ports = before.find("spec", "ports");
  if (ports == nullptr) return nullptr;
  const auto& all = ports->array();
  const auto found = std::ranges::find_if(all, [&](const json::Tree& other) {
    const json::Tree* a = other.find("port");
    const json::Tree* b = port.find("port");
    return a != nullptr && b != nullptr && *a == *b && other.text_at("protocol") == port.text_at("protocol");
  });
  return found == all.end() ? nullptr : &*found;
}

static void keep_node_ports(const json::Tree& before, json::Tree& object) {
  json::Tree* ports = spec_of(object).find("ports");
  if (ports == nullptr) return;
  for (json::Tree& port : ports->array()) {
    const json::Tree* old = same_port(before, port);
    const json::Tree* number = old == nullptr ? nullptr : old->find("nodePort");
    const json::Tree* own = port.find("nodePort");
    if (number == nullptr) continue;
    if (has_node_ports(object) && (own == nullptr || own->as_int64() == 0))
      port.object()["nodePort"] = *number;
    else if (!has_node_ports(object) && own != nullptr && *own == *number)
      port.object().erase("nodePort");
  }
}

void ServiceAddresses::keep(const Resource& resource, const json::Tree& before, json::Tree& object) {
  if (!are_of(resource)) return;
  if (has_node_ports(before)) keep_node_ports(before, object);
  if (!has_address(object) || !has_address(before)) return;
  // Who says another first address without the list means one address.
  const std::string first(object.text_at("spec", "clusterIP"));
  const json::Tree* all = object.find("spec", "clusterIPs");
  const json::Tree* old_all = before.find("spec", "clusterIPs");
  const bool is_same_list = all == nullptr || (old_all != nullptr && *all == *old_all);
  if (!first.empty() && first != before.text_at("spec", "clusterIP") && is_same_list)
    spec_of(object)["clusterIPs"] = json::TreeArray{json::Tree(first)};
  for (const char* key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
    const json::Tree* old = before.find("spec", key);
    const json::Tree* own = object.find("spec", key);
    const bool is_unset = own == nullptr || (own->is_string() && own->as_string().empty());
    if (is_unset && old != nullptr) spec_of(object)[key] = *old;
  }
}

void ServiceAddresses::release(const Resource& resource, const json::Tree& before, AlsoWritten& also) {
  if (are_of(resource)) give_back(claims_of(before), {}, also);
}

// ---- What is taken

class ServiceAddresses::Taking {
 public:
  Taking(const ServiceAddresses& all, json::Tree& service, const std::set<std::string>& old)
      : all_(all), service_(service), claims_(old) {}

  Answer<void> run() {
    if (has_address(service_)) TRY(address());
    return node_ports();
  }

 private:
  Answer<void> address() {
    json::TreeObject& spec = spec_of(service_);
    if (const json::Tree* list = spec.find("clusterIPs");
        list != nullptr && !list->array().empty() && service_.text_at("spec", "clusterIP").empty())
      spec["clusterIP"] = list->array().front();
    const std::string wanted(service_.text_at("spec", "clusterIP"));
    TRY(families());
    if (wanted == kNone) {
      spec["clusterIPs"] = json::TreeArray{json::Tree(kNone)};
      return {};
    }
    if (!wanted.empty()) TRY(check_address(wanted));
    const std::string chosen = wanted.empty() ? TRY(choose_address()) : wanted;
    spec["clusterIP"] = chosen;
    spec["clusterIPs"] = json::TreeArray{json::Tree(chosen)};
    return {};
  }

  Answer<void> families() {
    json::TreeObject& spec = spec_of(service_);
    json::Tree& families = spec["ipFamilies"];
    if (families.array().empty()) families = json::TreeArray{json::Tree("IPv4")};
    for (const json::Tree& family : families.array())
      if (family.as_string() != "IPv4")
        return wrong(service_, "spec.ipFamilies", fmt::format("\"{}\"", family.as_string()),
                     "not configured on this cluster");
    if (spec["ipFamilyPolicy"].as_string().empty()) spec["ipFamilyPolicy"] = "SingleStack";
    if (spec["ipFamilyPolicy"].as_string() == "RequireDualStack")
      return wrong(service_, "spec.ipFamilyPolicy", "\"RequireDualStack\"",
                   "this cluster is not configured for dual-stack services");
    return {};
  }

  Answer<void> check_address(const std::string& wanted) {
    const auto address = address_of(wanted);
    const auto refuse = [&](std::string_view why) {
      return wrong(service_, "spec.clusterIPs", fmt::format("[\"{}\"]", wanted),
                   fmt::format("failed to allocate IP {}: {}", wanted, why));
    };
    const AddressRange& range = all_.addresses_;
    if (!address || *address <= range.first || *address - range.first >= range.size - 1)
      return refuse(fmt::format("provided IP is not in the valid range. The range of valid IPs is {}",
                                all_.addresses_text_));
    if (!TRY(is_free(fmt::format("{}{}", kAddressRoot, wanted))))
      return refuse("provided IP is already allocated");
    return {};
  }

  // The lower part of the range is left to those who choose themselves, as long as there is room.
  Answer<std::string> choose_address() {
    const AddressRange& range = all_.addresses_;
    const std::uint32_t end = range.size - 1;  // the last is the broadcast address
    const std::uint32_t band = std::min({std::max(range.size / 16, 16U), 256U, range.size / 2});
    const auto text = [&](std::uint32_t offset) { return text_of(range.first + offset); };
    const auto offset = TRY(choose(kAddressRoot, std::max(band, 1U), end, text));
    const auto any = offset ? offset : TRY(choose(kAddressRoot, 1, end, text));
    if (!any) return internal_error("failed to allocate a serviceIP: range is full");
    return text(*any);
  }

  Answer<void> node_ports() {
    json::Tree* ports = spec_of(service_).find("ports");
    if (ports == nullptr) return {};
    for (std::size_t i = 0; i < ports->array().size(); ++i) {
      json::Tree& port = ports->array()[i];
      const json::Tree* own = port.find("nodePort");
      const std::int64_t wanted = own == nullptr ? 0 : own->as_int64().value_or(0);
      if (wanted != 0)
        TRY(check_port(i, wanted));
      else if (wants_node_ports(service_))
        port.object()["nodePort"] = TRY(choose_port());
    }
    if (service_.text_at("spec", "externalTrafficPolicy") == "Local" && type_of(service_) == "LoadBalancer" &&
        !claims_port("healthCheckNodePort"))
      spec_of(service_)["healthCheckNodePort"] = TRY(choose_port());
    return {};
  }

  bool claims_port(const char* field) const {
    const json::Tree* number = service_.find("spec", field);
    return number != nullptr && number->as_int64().value_or(0) != 0;
  }

  Answer<void> check_port(std::size_t index, std::int64_t wanted) {
    const auto refuse = [&](std::string_view why) {
      return wrong(service_, fmt::format("spec.ports[{}].nodePort", index), std::to_string(wanted), why);
    };
    if (wanted < all_.ports_.first || wanted > all_.ports_.last)
      return refuse(fmt::format("provided port is not in the valid range. The range of valid ports is {}-{}",
                                all_.ports_.first, all_.ports_.last));
    const std::string claim = fmt::format("{}{}", kPortRoot, wanted);
    if (!TRY(is_free(claim))) return refuse("provided port is already allocated");
    claims_.insert(claim);  // another protocol of this service may have it, too
    return {};
  }

  Answer<std::int64_t> choose_port() {
    const auto text = [](std::uint32_t port) { return std::to_string(port); };
    const auto port = TRY(choose(kPortRoot, all_.ports_.first, all_.ports_.last + 1U, text));
    if (!port) return internal_error("failed to allocate a nodePort: range is full");
    return *port;
  }

  Answer<bool> is_free(const std::string& claim) {
    if (claims_.contains(claim)) return true;  // it is its own
    return !TRY(all_.store_.get(claim)).has_value();
  }

  // One of [first, end) that nobody has; nothing if there is none.
  Answer<std::optional<std::uint32_t>> choose(std::string_view root, std::uint32_t first, std::uint32_t end,
                                              const std::function<std::string(std::uint32_t)>& text) {
    if (first >= end) return std::optional<std::uint32_t>();
    const auto key = [&](std::uint32_t number) { return fmt::format("{}{}", root, text(number)); };
    for (int i = 0; i < kGuesses; ++i) {
      const std::uint32_t number = first + random_below(end - first);
      if (claims_.contains(key(number)) || !TRY(is_free(key(number)))) continue;
      claims_.insert(key(number));
      return std::optional(number);
    }
    std::set<std::string> taken;
    for (store::KeyValue& item :
         TRY(all_.store_.range({.keys = store::KeyRange::prefix(root), .keys_only = true})).items)
      taken.insert(std::move(item.key));
    for (std::uint32_t number = first; number < end; ++number) {
      if (claims_.contains(key(number)) || taken.contains(key(number))) continue;
      claims_.insert(key(number));
      return std::optional(number);
    }
    return std::optional<std::uint32_t>();
  }

  const ServiceAddresses& all_;
  json::Tree& service_;
  std::set<std::string> claims_;  // that it has, or is going to have
};

Answer<void> ServiceAddresses::take(const Resource& resource, const json::Tree* before, json::Tree& object,
                                    AlsoWritten& also) const {
  if (!are_of(resource)) return {};
  const std::set<std::string> old = before != nullptr ? claims_of(*before) : std::set<std::string>();
  TRY(Taking(*this, object, old).run());
  const std::set<std::string> claims = claims_of(object);
  const SharedBytes owner(
      fmt::format("{}/{}", object.text_at("metadata", "namespace"), object.text_at("metadata", "name")));
  for (const std::string& claim : claims) {
    if (old.contains(claim)) continue;
    also.conditions.push_back(store::Condition::absent(claim));
    also.operations.push_back(store::Operation::put(claim, owner));
  }
  give_back(old, claims, also);
  return {};
}

}  // namespace gantry::kube
