// SPDX-License-Identifier: Apache-2.0
#include "kube/rules/test_objects.h"

namespace gantry::kube::rules {
namespace {

TEST(EndpointSlice, ItsAddressesAreOfOneKind) {
  const Resource slices = resource("discovery.k8s.io", "EndpointSlice");
  EXPECT_EQ(
      faults(
          slices,
          object(
              R"("addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"name":"a","protocol":"TCP","port":80}])")),
      "");
  EXPECT_EQ(faults(slices,
                   object(R"("addressType":"IPv6","endpoints":[{"addresses":["10.0.0.1"]},{}],"ports":[])")),
            "endpoints[0].addresses[0]: Invalid value: \"10.0.0.1\": must be an IPv6 address\n"
            "endpoints[1].addresses: Required value: must contain at least 1 address");
}

std::string slice(const std::string& fields) {
  return faults(resource("discovery.k8s.io", "EndpointSlice"), object(fields));
}

TEST(EndpointSlice, DomainsAreWhole) {
  const auto domain = [](const std::string& name) {
    return slice(R"("addressType":"FQDN","endpoints":[{"addresses":[")" + name + R"("]}])");
  };
  EXPECT_EQ(domain("example.com."), "");
  EXPECT_EQ(
      domain("example"),
      "endpoints[0].addresses[0]: Invalid value: \"example\": should be a domain with at least two segments "
      "separated by dots");
  EXPECT_TRUE(domain("a_b.com").starts_with(
      "endpoints[0].addresses[0]: Invalid value: \"a_b.com\": a lowercase RFC"));
}

TEST(EndpointSlice, HintsAreFewAndNameEachOnce) {
  const auto hinted = [](const std::string& hints) {
    return slice(R"("addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"hints":{)" + hints + "}}]");
  };
  EXPECT_EQ(hinted(R"("forZones":[{"name":"a"},{"name":"b"}],"forNodes":[{"name":"n"}])"), "");
  EXPECT_EQ(hinted(R"("forZones":[{"name":"a"},{"name":"a"}])"),
            "endpoints[0].hints.forZones[1].name: Duplicate value: \"a\"");
  std::string many = R"({"name":"n"})";
  for (int i = 0; i < 8; ++i) many += R"(,{"name":"n"})";
  EXPECT_EQ(hinted(R"("forNodes":[)" + many + "]"),
            "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items");
}

TEST(EndpointSlice, PortsAreToldApart) {
  EXPECT_EQ(
      slice(R"("addressType":"IPv4","ports":[{"protocol":"TCP"},{"protocol":"ICMP","appProtocol":"a b"}])"),
      "ports[1].name: Duplicate value: \"\"\n"
      "ports[1].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"\n"
      "ports[1].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', "
      "'_' "
      "or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or "
      "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
}

}  // namespace
}  // namespace gantry::kube::rules
