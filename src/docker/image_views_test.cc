// SPDX-License-Identifier: Apache-2.0
#include "docker/image_views.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "docker/image_filters.h"
#include "image/testing_image.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::docker {
namespace {

using image::Image;

constexpr ApiVersion kNow = kNewestVersion;
constexpr ApiVersion kOld{1, 41};  // Debian's client

struct Store {
  Store() : images(MUST(image::ImageStore::open(root / "store"))) {}
  testing::TempDir root;
  image::ImageStore images;

  Image add(const image::TestImage& made, std::int64_t created, const std::vector<std::string>& names,
            std::map<std::string, std::string> labels = {}) {
    image::Lease lease = MUST(images.lease("test"));
    made.add_to(lease);
    Image image = made.image();
    image.created = created;
    image.labels = std::move(labels);
    std::vector<image::NewName> given;
    for (const std::string& name : names) given.push_back({name, image.manifest});
    MUST(images.put_image(image, given));
    return *MUST(images.image(image.id));
  }
};

TEST(ImageNames, are_those_that_people_write) {
  Store store;
  const image::TestImage made("a", {"layer"});
  const Image image =
      store.add(made, 1, {"docker.io/library/a:1", "docker.io/library/a:2", "localhost:5000/team/a:1"});
  const ImageNames names = names_of(image);
  EXPECT_EQ(names.tags, (std::vector<std::string>{"a:1", "a:2", "localhost:5000/team/a:1"}));
  EXPECT_EQ(names.digests, (std::vector<std::string>{"a@" + made.digest().str(),
                                                     "localhost:5000/team/a@" + made.digest().str()}));
}

TEST(ImageSummary, of_an_image_without_a_name_says_so_to_old_clients) {
  Store store;
  const Image image = store.add(image::TestImage("a", {"layer"}), 5'000'000'000, {});
  EXPECT_TRUE(summary_of(image, kNow).repo_tags.empty());
  EXPECT_EQ(summary_of(image, kOld).repo_tags, std::vector<std::string>{"<none>:<none>"});
  EXPECT_EQ(summary_of(image, kOld).virtual_size, summary_of(image, kOld).size);
  EXPECT_EQ(summary_of(image, kNow).virtual_size, std::nullopt);
  EXPECT_EQ(summary_of(image, kNow).created, 5);
}

std::vector<std::string> found(const Store& store, std::string_view filters) {
  const ImageFilter filter = MUST(ImageFilter::parse(filters, store.images));
  std::vector<std::string> names;
  for (const Image& image : filter.apply(MUST(store.images.images()))) {
    const ImageNames all = names_of(image);
    names.insert(names.end(), all.tags.begin(), all.tags.end());
    if (all.tags.empty()) names.emplace_back("-");
  }
  std::ranges::sort(names);
  return names;
}

TEST(ImageFilter, means_the_images_that_it_describes) {
  Store store;
  store.add(image::TestImage("a", {"layer a"}), 10, {"docker.io/library/a:1", "docker.io/library/a:2"},
            {{"kind", "first"}});
  store.add(image::TestImage("b", {"layer b"}), 20, {"localhost:5000/b:1"}, {{"kind", "second"}});
  store.add(image::TestImage("c", {"layer c"}), 30, {});
  using Names = std::vector<std::string>;
  EXPECT_EQ(found(store, ""), (Names{"-", "a:1", "a:2", "localhost:5000/b:1"}));
  EXPECT_EQ(found(store, R"({"dangling":["true"]})"), Names{"-"});
  EXPECT_EQ(found(store, R"({"dangling":{"false":true}})"), (Names{"a:1", "a:2", "localhost:5000/b:1"}));
  EXPECT_EQ(found(store, R"({"label":["kind"]})"), (Names{"a:1", "a:2", "localhost:5000/b:1"}));
  EXPECT_EQ(found(store, R"({"label":["kind=second"]})"), Names{"localhost:5000/b:1"});
  EXPECT_EQ(found(store, R"({"label!":["kind=second"]})"), (Names{"-", "a:1", "a:2"}));
  EXPECT_EQ(found(store, R"({"before":["localhost:5000/b:1"]})"), (Names{"a:1", "a:2"}));
  EXPECT_EQ(found(store, R"({"since":["a:1"]})"), (Names{"-", "localhost:5000/b:1"}));
  EXPECT_EQ(found(store, R"({"reference":["a"]})"), (Names{"a:1", "a:2"}));
  EXPECT_EQ(found(store, R"({"reference":["a:2"]})"), Names{"a:2"});
  EXPECT_EQ(found(store, R"({"reference":["*:1"]})"), Names{"a:1"});
  EXPECT_EQ(found(store, R"({"reference":["*/b"]})"), Names{"localhost:5000/b:1"});
  EXPECT_FALSE(ImageFilter::parse(R"({"since":["nothing"]})", store.images));
  EXPECT_FALSE(ImageFilter::parse(R"({"colour":["red"]})", store.images));
}

TEST(ImageFilter, of_a_prune_means_what_has_no_name_unless_told_otherwise) {
  Store store;
  store.add(image::TestImage("a", {"layer a"}), 10, {"docker.io/library/a:1"});
  store.add(image::TestImage("c", {"layer c"}), 30, {});
  const auto count = [&](std::string_view text) {
    return MUST(ImageFilter::parse_for_prune(text)).apply(MUST(store.images.images())).size();
  };
  EXPECT_EQ(count(""), 1U);
  EXPECT_EQ(count(R"({"dangling":["true"]})"), 1U);
  EXPECT_EQ(count(R"({"dangling":["false"]})"), 2U);
  EXPECT_EQ(count(R"({"dangling":["false"],"until":["0.00000002"]})"), 1U);
}

}  // namespace
}  // namespace gantry::docker
