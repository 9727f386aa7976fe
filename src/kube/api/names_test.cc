// SPDX-License-Identifier: Apache-2.0
#include "kube/api/names.h"

#include <gtest/gtest.h>

namespace gantry::kube {
namespace {

TEST(Names, AreLowerCaseWordsWithHyphens) {
  for (const char* good : {"a", "web-1", "0", "a--b"}) EXPECT_TRUE(dns_label_faults(good).empty()) << good;
  for (const char* bad : {"", "-a", "a-", "A", "a_b", "a.b", "a b"})
    EXPECT_EQ(dns_label_faults(bad).size(), 1u) << bad;
  EXPECT_EQ(dns_label_faults(std::string(64, 'a')), Faults{"must be no more than 63 characters"});
  EXPECT_EQ(dns_label_faults("a.b"), Faults{"must not contain dots"});
  EXPECT_EQ(dns_label_faults("A").front(),
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
            "start and "
            "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
  EXPECT_FALSE(dns_1035_label_faults("0a").empty());
  EXPECT_TRUE(dns_1035_label_faults("a0").empty());
}

TEST(Names, OfObjectsMayHaveDots) {
  for (const char* good : {"a.b", "example.com", "0.1"})
    EXPECT_TRUE(dns_subdomain_faults(good).empty()) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.-b"})
    EXPECT_EQ(dns_subdomain_faults(bad).size(), 1u) << bad;
  EXPECT_EQ(dns_subdomain_faults(std::string(254, 'a')).size(), 1u);
  EXPECT_TRUE(dns_wildcard_faults("*.example.com").empty());
  EXPECT_FALSE(dns_wildcard_faults("example.com").empty());
  EXPECT_EQ(path_segment_faults(".."), Faults{"may not be '..'"});
  EXPECT_EQ(path_segment_faults("a/b%").size(), 2u);
  EXPECT_TRUE(path_segment_faults("system:node").empty());
}

TEST(Names, OfLabelsHaveAPrefix) {
  for (const char* good : {"app", "App_1.x", "example.com/app", "x/y"})
    EXPECT_TRUE(label_key_faults(good).empty()) << good;
  EXPECT_EQ(label_key_faults("/a"), Faults{"prefix part must be non-empty"});
  EXPECT_EQ(label_key_faults("a/").front(), "name part must be non-empty");
  EXPECT_EQ(label_key_faults("").size(), 2u);
  EXPECT_EQ(label_key_faults("a/b/c").size(), 1u);
  EXPECT_EQ(label_key_faults(std::string(64, 'a')), Faults{"name part must be no more than 63 bytes"});
  EXPECT_TRUE(label_value_faults("").empty());
  EXPECT_EQ(
      label_value_faults("a b").front(),
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
      "and must "
      "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex "
      "used for "
      "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
}

TEST(Names, OfKeysPortsAndVariablesHaveTheirOwnRules) {
  EXPECT_TRUE(config_key_faults("a.B_c-1").empty());
  EXPECT_EQ(config_key_faults(".."), Faults{"must not be '..'"});
  EXPECT_EQ(config_key_faults("..a"), Faults{"must not start with '..'"});
  EXPECT_FALSE(config_key_faults("a/b").empty());
  EXPECT_TRUE(port_name_faults("http-2").empty());
  EXPECT_EQ(port_name_faults("80"), Faults{"must contain at least one letter (a-z)"});
  EXPECT_EQ(port_name_faults("-a--b").size(), 2u);
  EXPECT_TRUE(environment_name_faults("A b").empty());
  EXPECT_FALSE(environment_name_faults("A=b").empty());
  EXPECT_TRUE(header_name_faults("X-A").empty());
  EXPECT_FALSE(header_name_faults("X A").empty());
  EXPECT_TRUE(ip_faults("::1").empty());
  EXPECT_FALSE(ip_faults("1.2.3").empty());
  EXPECT_TRUE(percent_faults("30%").empty());
  EXPECT_FALSE(percent_faults("%").empty());
}

TEST(Names, APrefixIsCheckedAsIfSomethingFollowed) {
  EXPECT_TRUE(dns_label_faults(name_from_prefix("web-")).empty());
  EXPECT_EQ(name_from_prefix("-"), "-");
}

}  // namespace
}  // namespace gantry::kube
