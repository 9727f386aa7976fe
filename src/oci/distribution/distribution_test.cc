// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "oci/distribution/byte_range.h"
#include "oci/distribution/challenge.h"
#include "oci/distribution/error_document.h"
#include "oci/distribution/lists.h"
#include "oci/distribution/scope.h"
#include "testing/must.h"

namespace gantry::oci {
namespace {

std::string refusal(std::string_view header) {
  const auto challenges = parse_challenges(header);
  return challenges ? "accepted" : challenges.error().message();
}

TEST(Challenge, of_a_registry_names_its_token_server) {
  const auto found = MUST(parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].scheme, "bearer");
  EXPECT_EQ(*found[0].parameter("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(*found[0].parameter("scope"), "repository:a/b:pull,push");
  EXPECT_EQ(found[0].parameter("error"), nullptr);
}

TEST(Challenge, may_be_one_of_several_in_a_header) {
  const auto found = MUST(parse_challenges(
      "Negotiate , Basic realm=simple,, NTLM TlRMTVNTUAAB==, Digest a = \"x, \\\"y\\\\\" ,\tB=2"));
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0], (Challenge{.scheme = "negotiate"}));
  EXPECT_EQ(*found[1].parameter("realm"), "simple");
  EXPECT_EQ(found[2].token68, "TlRMTVNTUAAB==");
  EXPECT_EQ(*found[3].parameter("a"), "x, \"y\\");
  EXPECT_EQ(*found[3].parameter("b"), "2");
  EXPECT_TRUE(MUST(parse_challenges(" ,, ")).empty());
}

TEST(Challenge, is_written_as_it_is_read) {
  const Challenge challenge{.scheme = "bearer", .parameters = {{"realm", "a\"b\\c"}, {"service", "d"}}};
  EXPECT_EQ(to_header(challenge), R"(Bearer realm="a\"b\\c",service="d")");
  EXPECT_EQ(MUST(parse_challenges(to_header(challenge))), std::vector{challenge});
}

TEST(Challenge, is_refused_where_it_is_ambiguous_or_broken) {
  EXPECT_EQ(refusal("realm=x"),
            "authentication challenge 'realm=x': a parameter stands before any scheme at byte 6");
  EXPECT_NE(refusal(R"(Bearer realm="a",realm="b")").find("a parameter is there twice"), std::string::npos);
  EXPECT_NE(refusal(R"(Bearer realm="a",REALM="b")").find("a parameter is there twice"), std::string::npos);
  EXPECT_NE(refusal(R"(Bearer realm="a)").find("a quote is not closed"), std::string::npos);
  EXPECT_NE(refusal(R"(Bearer realm="a\)").find("a quote is not closed"), std::string::npos);
  EXPECT_NE(refusal("Bearer realm=\"a\nb\"").find("a control character"), std::string::npos);
  EXPECT_NE(refusal("Bearer realm=\"a\" service=\"b\"").find("expected a comma"), std::string::npos);
  EXPECT_NE(refusal("Bearer realm=,a=b").find("stands behind a token"), std::string::npos);
  EXPECT_NE(refusal("Bearer realm").find("accepted"), std::string::npos);  // a token68
  EXPECT_NE(refusal("(").find("expected a word"), std::string::npos);
  EXPECT_NE(refusal(std::string(kMaxChallengeBytes + 1, 'a')).find("more than the 16384 allowed"),
            std::string::npos);
}

TEST(Scope, is_type_name_and_actions) {
  const Scope scope = MUST(Scope::parse("repository:host:5000/a/b:push,pull,push"));
  EXPECT_EQ(scope.name, "host:5000/a/b");
  EXPECT_EQ(scope.actions, (std::vector<std::string>{"pull", "push"}));
  EXPECT_EQ(scope.str(), "repository:host:5000/a/b:pull,push");
  EXPECT_EQ(MUST(Scope::parse("repository(plugin):a:pull")).type, "repository(plugin)");
  EXPECT_EQ(to_string(MUST(parse_scopes(" repository:a:pull  registry:catalog:* "))),
            "repository:a:pull registry:catalog:*");
  for (const char* text :
       {"", "a", "a:b", ":a:b", "a::b", "a:b:", "a:b:c,", "a:b c:d", "A:b:c", "a(:b:c", "a:b\n:c"})
    EXPECT_FALSE(Scope::parse(text)) << text;
}

TEST(Scope, covers_less_of_the_same) {
  const Scope both = Scope::repository("a", {"push", "pull"});
  EXPECT_TRUE(both.covers(Scope::repository("a", {"pull"})));
  EXPECT_FALSE(Scope::repository("a", {"pull"}).covers(both));
  EXPECT_FALSE(both.covers(Scope::repository("b", {"pull"})));
  EXPECT_TRUE(Scope::repository("a", {"*"}).covers(both));
}

TEST(TokenResponse, has_one_of_two_names_for_the_token) {
  EXPECT_EQ(MUST(parse_token_response(R"({"token":"t"})")).token, "t");
  EXPECT_EQ(MUST(parse_token_response(R"({"token":"t"})")).expires_in, std::chrono::seconds(60));
  const TokenResponse oauth =
      MUST(parse_token_response(R"({"access_token":"a","refresh_token":"r","expires_in":300})"));
  EXPECT_EQ(oauth.token, "a");
  EXPECT_EQ(oauth.refresh_token, "r");
  EXPECT_EQ(oauth.expires_in, std::chrono::seconds(300));
  EXPECT_FALSE(parse_token_response("{}"));
  EXPECT_FALSE(parse_token_response(R"({"token":"a\r\nHost: b"})"));
  EXPECT_EQ(to_json(TokenResponse{.token = "t"}), R"({"token":"t","access_token":"t","expires_in":60})");
}

TEST(ErrorDocument, is_told_in_one_line) {
  const std::string document =
      error_document(RegistryErrorCode::ManifestUnknown, "no such\ntag", R"({"tag":"x"})");
  EXPECT_EQ(document,
            R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\ntag","detail":{"tag":"x"}}]})");
  const auto errors = parse_registry_errors(document);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].detail, R"({"tag":"x"})");
  EXPECT_EQ(describe(errors), "no such\\ntag (MANIFEST_UNKNOWN)");
  EXPECT_EQ(http_status(RegistryErrorCode::ManifestUnknown), 404);
  EXPECT_EQ(name_of(RegistryErrorCode::Unknown), "UNKNOWN");
}

TEST(ErrorDocument, may_be_a_token_servers_or_none) {
  EXPECT_EQ(describe(parse_registry_errors(R"({"error":"invalid_grant","error_description":"expired"})")),
            "expired (invalid_grant)");
  EXPECT_EQ(describe(parse_registry_errors(R"({"details":"incorrect username or password"})")),
            "incorrect username or password");
  EXPECT_EQ(describe(parse_registry_errors(R"({"errors":[{"code":"A"},7,{"message":"b"}]})")), "A; b");
  for (const char* body : {"", "<html>", "[]", "{}", R"({"errors":{}})"})
    EXPECT_TRUE(parse_registry_errors(body).empty()) << body;
}

TEST(Lists, are_as_the_specification_has_them) {
  EXPECT_EQ(to_json(TagList{.name = "a", .tags = {"1", "2"}}), R"({"name":"a","tags":["1","2"]})");
  EXPECT_EQ(to_json(TagList{.name = "a"}), R"({"name":"a","tags":[]})");
  EXPECT_EQ(MUST(parse_tag_list(R"({"name":"a","tags":null})")).tags.size(), 0U);
  EXPECT_EQ(MUST(parse_catalog(to_json(Catalog{{"a", "b/c"}}))).repositories.at(1), "b/c");
}

TEST(Lists, name_the_page_that_comes_next) {
  EXPECT_EQ(next_page(R"(</v2/_catalog?last=b&n=2>; rel="next")"), "/v2/_catalog?last=b&n=2");
  EXPECT_EQ(next_page(next_page_header("/x?n=1")), "/x?n=1");
  EXPECT_EQ(next_page(R"(<a>; rel=prev, <b,c;d>; title="x, <y>"; REL="first NEXT")"), "b,c;d");
  EXPECT_FALSE(next_page(R"(<a>; rel="previous")"));
  EXPECT_FALSE(next_page("garbage"));
  EXPECT_FALSE(next_page("<a"));
  EXPECT_FALSE(next_page(""));
}

TEST(ByteRange, is_read_in_every_spelling) {
  EXPECT_EQ(parse_upload_range("0-1023"), (ByteRange{0, 1023}));
  EXPECT_EQ(parse_upload_range("bytes 5-9/*"), (ByteRange{5, 9}));
  EXPECT_EQ(parse_upload_range("bytes=5-9"), (ByteRange{5, 9}));
  EXPECT_EQ(upload_range(1024), "0-1023");
  EXPECT_EQ(upload_range(0), "0-0");
  for (const char* text : {"", "-", "1", "1-", "-1", "2-1", "0-1x", "+0-1", "0-18446744073709551615",
                           "0-99999999999999999999", "bytes 0-1/x", " 0-1"})
    EXPECT_FALSE(parse_upload_range(text)) << text;
}

}  // namespace
}  // namespace gantry::oci
