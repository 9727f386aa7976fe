// SPDX-License-Identifier: Apache-2.0
#include "kube/connect/html_links.h"

#include <gtest/gtest.h>

#include <string>

namespace gantry::kube {
namespace {

// With every path below "/proxy"; in pieces of that size.
std::string changed(std::string_view html, std::size_t piece = std::string::npos) {
  HtmlLinks links(
      [](std::string_view url) { return url.starts_with('/') ? "/proxy" + std::string(url) : ""; });
  std::string page;
  for (; !html.empty(); html.remove_prefix(std::min(piece, html.size())))
    links.feed(html.substr(0, piece), page);
  links.finish(page);
  return page;
}

TEST(HtmlLinks, LeadThroughTheProxyHoweverTheyAreWritten) {
  EXPECT_EQ(changed(R"(<a href="/x">)"), R"(<a href="/proxy/x">)");
  EXPECT_EQ(changed("<A class=b HREF='/x?a=1&amp;b=2' >"), "<A class=b HREF='/proxy/x?a=1&amp;b=2' >");
  EXPECT_EQ(changed("<img\n  src = /x alt=y/>"), "<img\n  src = /proxy/x alt=y/>");
  EXPECT_EQ(changed("<form action=/x>"), "<form action=/proxy/x>");
  EXPECT_EQ(changed(R"(<img src="/a" longdesc="/b"><link href="/c"/>)"),
            R"(<img src="/proxy/a" longdesc="/proxy/b"><link href="/proxy/c"/>)");
}

TEST(HtmlLinks, OnlyOfAttributesThatHoldOne) {
  for (const char* same : {R"(<a title="/x" data-href="/x">)", R"(<p href="/x">)", R"(<a href>)",
                           R"(<a href="x/y">)", R"(<a href="//other/x")", "1 < 2 && 3 > 2", "</a href='/x'>",
                           "<!DOCTYPE html>", "<a title='<a href=/x>'>"})
    EXPECT_EQ(changed(same), same);
}

TEST(HtmlLinks, NotOfWhatOnlyLooksLikeATag) {
  for (const char* same : {"<!-- <a href='/x'> --", "<script>'<a href=/x>'</scrip",
                           "<title><a href=/x></tITLE", "<plaintext><a href=/x>"})
    EXPECT_EQ(changed(same), same);
  EXPECT_EQ(changed("<!-- <a href=/x> --><a href=/x>"), "<!-- <a href=/x> --><a href=/proxy/x>");
  EXPECT_EQ(changed("<!--><a href=/x>"), "<!--><a href=/proxy/x>");
  EXPECT_EQ(changed("<script src=/s>'<a href=/x>'</SCRIPT><a href=/x>"),
            "<script src=/proxy/s>'<a href=/x>'</SCRIPT><a href=/proxy/x>");
}

TEST(HtmlLinks, AreTheSameInPieces) {
  const std::string_view page =
      "<!DOCTYPE html><html><head><title>a < b</title><script src='/s.js'>if (a<b) x()</script></head>"
      "<body background=/b><!-- <a href=/no> --><a title=\"a>b\" href=\"/x\">x</a> < <<a href=/y></body>";
  const std::string whole = changed(page);
  EXPECT_TRUE(whole.contains("'/proxy/s.js'") && whole.contains("\"/proxy/x\"") &&
              whole.contains("=/proxy/y>"));
  for (std::size_t piece = 1; piece < 20; ++piece) EXPECT_EQ(changed(page, piece), whole) << piece;
}

TEST(HtmlLinks, ATagWithoutEndIsNotWaitedFor) {
  std::string page = "<a title='" + std::string(HtmlLinks::kMostOfATag, '<') + "'";
  HtmlLinks links([](std::string_view) { return std::string("changed"); });
  std::string told;
  links.feed(page, told);
  EXPECT_EQ(told, page);
}

}  // namespace
}  // namespace gantry::kube
