// SPDX-License-Identifier: Apache-2.0
#include "image/archive_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "image/test_images.h"
#include "oci/archive/tar_reader.h"
#include "oci/image/chain_id.h"
#include "oci/image/convert.h"
#include "oci/image/index.h"
#include "testing/must.h"
#include "testing/temp_dir.h"

namespace gantry::image {
namespace {

using testing::TempDir;

const std::string kName = "docker.io/library/web:1";

std::string base_tar() {
  return tar_of({{"bin/", "", oci::TarType::Directory, "", 0755}, {"bin/sh", "shell"}});
}
std::string top_tar() {
  return tar_of({{"etc/", "", oci::TarType::Directory, "", 0755}, {"etc/motd", "hello"}});
}

// A store in a directory of its own.
struct Place {
  TempDir dir;
  TestStore store{dir.path()};
};

std::string saved(TestStore& store, const std::vector<std::string>& names, const SaveOptions& options = {}) {
  StringSink sink;
  MUST(save(store.images, names, sink, options));
  return sink.take();
}

Result<std::vector<LoadedImage>> loaded(TestStore& store, std::string_view archive,
                                        const LoadOptions& options = {}) {
  StringSource source(archive);
  return load(store.images, store.snapshots, source, options);
}

// Name and text of every file of a tar.
std::map<std::string, std::string> files_of(const std::string& archive) {
  StringSource source(archive);
  oci::TarReader reader(source);
  std::map<std::string, std::string> files;
  while (const auto entry = MUST(reader.next()))
    if (entry->type == oci::TarType::File) files[entry->path] = MUST(read_all(reader, entry->path, 64 << 20));
  return files;
}

std::int64_t blobs_in(TestStore& store) {
  return *MUST(store.images.database().read([](database::Connection& connection) {
    return connection.value<std::int64_t>("SELECT count(*) FROM blobs");
  }));
}

std::string text_in_layer(TestStore& store, const Digest& chain_id, const std::string& path) {
  return MUST(read_file_at(MUST(store.snapshots.open_layer(chain_id)).get(), path));
}

// As docker before 25 and skopeo write them: names that mean nothing, layers uncompressed, the manifest last.
std::vector<TestFile> docker_archive(const TestImage& image, const std::vector<std::string>& tars,
                                     const std::string& name) {
  const std::string config_name = oci::digest_of(image.config_json).hex() + ".json";
  std::vector<TestFile> files = {{config_name, image.config_json}};
  json::Writer json;
  json.begin_array().begin_object().key("Config").value(config_name).key("RepoTags");
  if (name.empty()) json.null();
  if (!name.empty()) json.begin_array().value(name).end_array();
  json.key("Layers").begin_array();
  for (std::size_t i = 0; i < tars.size(); ++i) {
    const std::string path = fmt::format("layer{}/layer.tar", i);
    files.push_back({path, tars[i]});
    json.value(path);
  }
  json.end_array().end_object().end_array();
  files.push_back({"manifest.json", std::move(json).text()});
  return files;
}

// ---- what is saved can be loaded

TEST(SaveAndLoad, an_image_comes_back_as_it_was) {
  for (const ArchiveForm form : {ArchiveForm::Docker, ArchiveForm::Oci}) {
    Place from, to;
    const TestImage image({base_tar(), top_tar()});
    image.put(from.store, kName);
    const auto images = MUST(loaded(to.store, saved(from.store, {"web:1"}, {.form = form})));
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].names, std::vector{kName});
    EXPECT_EQ(images[0].digest, image.digest);
    EXPECT_EQ(images[0].config, image.manifest.config.digest);
    const auto listed = MUST(to.store.images.image_named(kName));
    ASSERT_TRUE(listed);
    EXPECT_EQ(listed->manifest, image.digest);
    EXPECT_EQ(listed->unpacked_size, 10U);
    const auto chain = oci::chain_ids(image.config.rootfs.diff_ids);
    EXPECT_EQ(text_in_layer(to.store, chain[0], "bin/sh"), "shell");
    EXPECT_EQ(text_in_layer(to.store, chain[1], "etc/motd"), "hello");
    // And it stays, once what the load held is let go of.
    MUST(to.store.images.collect());
    MUST(to.store.snapshots.collect());
    EXPECT_EQ(MUST(to.store.snapshots.layers_of(chain[1])).size(), 2U);
    EXPECT_TRUE(MUST(to.store.images.missing_below(image.digest)).empty());
  }
}

TEST(SaveAndLoad, several_images_and_names_are_in_one_archive) {
  for (const ArchiveForm form : {ArchiveForm::Docker, ArchiveForm::Oci}) {
    Place from, to;
    const TestImage web({base_tar(), top_tar()}), other({base_tar()}), nameless({top_tar()});
    web.put(from.store, kName);
    MUST(from.store.images.tag(web.manifest.config.digest, "docker.io/library/web:latest"));
    other.put(from.store, "quay.io/a/b:c");
    nameless.put(from.store, "");
    const std::string id = nameless.manifest.config.digest.hex();
    const std::string archive =
        saved(from.store, {"web:1", "web", "quay.io/a/b:c", id.substr(0, 12)}, {.form = form});
    auto images = MUST(loaded(to.store, archive));
    ASSERT_EQ(images.size(), 3U);
    EXPECT_EQ(images[0].names, (std::vector<std::string>{kName, "docker.io/library/web:latest"}));
    EXPECT_EQ(images[1].names, (std::vector<std::string>{"quay.io/a/b:c"}));
    EXPECT_EQ(images[2].names, std::vector<std::string>());
    EXPECT_EQ(MUST(to.store.images.images()).size(), 3U);
    EXPECT_EQ(saved(to.store, {"web:1", "web", "quay.io/a/b:c", id}, {.form = form}), archive)
        << "byte for byte";
  }
}

TEST(SaveAndLoad, compressed_archives_and_files_and_pipes_are_read) {
  Place from;
  TestImage({base_tar()}).put(from.store, kName);
  const std::string archive = saved(from.store, {"web:1"});
  for (const auto method : {oci::Compression::Gzip, oci::Compression::Zstd}) {
    Place to;
    EXPECT_EQ(MUST(loaded(to.store, compressed(archive, method))).size(), 1U);
  }
  Place to;
  MUST(replace_file_at(to.dir.fd(), "archive.tar", archive, 0600));
  UniqueFd file = MUST(open_at(to.dir.fd(), "archive.tar", O_RDONLY));
  EXPECT_EQ(MUST(load(to.store.images, to.store.snapshots, file.get(), {})).size(), 1U);
}

TEST(SaveAndLoad, a_directory_is_added_to) {
  Place from, to;
  const TestImage web({base_tar(), top_tar()}), other({base_tar()});
  web.put(from.store, kName);
  other.put(from.store, "docker.io/library/other:2");
  const std::string layout = from.dir / "layout";
  const SaveOptions oci{.form = ArchiveForm::Oci};
  MUST(save_to_directory(from.store.images, {"web:1"}, layout, oci));
  MUST(save_to_directory(from.store.images, {"other:2"}, layout, oci));
  MUST(save_to_directory(from.store.images, {"web:1"}, layout, oci));
  const auto index = MUST(oci::parse_index(MUST(read_file(layout + "/index.json"))));
  EXPECT_EQ(index.manifests.size(), 2U);
  UniqueFd directory = MUST(open_at(AT_FDCWD, layout, O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(MUST(load(to.store.images, to.store.snapshots, directory.get(), {})).size(), 2U);
  EXPECT_TRUE(MUST(to.store.images.image_named("docker.io/library/other:2")));
  EXPECT_FALSE(save_to_directory(from.store.images, {"web:1"}, layout, {}));
}

TEST(Save, docker_types_become_those_of_oci_in_an_oci_layout_alone) {
  Place place;
  const TestImage image({base_tar()}, oci::Format::Docker);
  image.put(place.store, kName);
  const auto docker = files_of(saved(place.store, {"web:1"}));
  EXPECT_NE(docker.at("index.json").find(image.digest.str()), std::string::npos);
  EXPECT_TRUE(docker.contains("manifest.json"));
  const auto oci = files_of(saved(place.store, {"web:1"}, {.form = ArchiveForm::Oci}));
  EXPECT_FALSE(oci.contains("manifest.json"));
  for (const auto& [path, text] : oci) EXPECT_EQ(text.find("vnd.docker"), std::string::npos) << path;
  Place to;
  EXPECT_EQ(MUST(loaded(to.store, saved(place.store, {"web:1"}, {.form = ArchiveForm::Oci})))[0].config,
            image.manifest.config.digest)
      << "the image's id stays";
}

TEST(Save, an_index_is_saved_with_the_platforms_that_are_here) {
  Place from, to;
  const TestImage here({base_tar()}), elsewhere({top_tar()});
  here.put(from.store, "");
  oci::Index index;
  index.manifests = {oci::describe(oci::media_type::kOciManifest, elsewhere.manifest_json),
                     oci::describe(oci::media_type::kOciManifest, here.manifest_json)};
  index.manifests[0].platform = MUST(oci::Platform::parse("linux/s390x"));
  index.manifests[1].platform = oci::host_platform();
  Lease lease = MUST(from.store.images.lease("test"));
  const Digest target = MUST(lease.add_manifest(oci::to_json(index), index));
  MUST(from.store.images.put_image(*MUST(from.store.images.image(here.manifest.config.digest)),
                                   std::array{NewName{kName, target}}));
  const auto images = MUST(loaded(to.store, saved(from.store, {"web:1"})));
  EXPECT_EQ(images[0].digest, target);
  EXPECT_EQ(images[0].config, here.manifest.config.digest);
  const auto one = files_of(saved(from.store, {"web:1"}, {.platform = oci::host_platform().str()}));
  EXPECT_FALSE(one.contains("blobs/sha256/" + target.hex()));
  StringSink sink;
  EXPECT_EQ(save(from.store.images, {"web:1"}, sink, {.platform = "linux/s390x"}).error().code(),
            Code::NotFound);
}

TEST(Save, what_is_not_there_is_an_error) {
  Place place;
  StringSink sink;
  EXPECT_EQ(save(place.store.images, {"missing"}, sink, {}).error().code(), Code::NotFound);
  EXPECT_EQ(save(place.store.images, {}, sink, {}).error().code(), Code::InvalidArgument);
  EXPECT_EQ(sink.text(), "");
}

// ---- docker-archive

TEST(LoadDockerArchive, makes_a_manifest_for_an_image_that_has_none) {
  Place place;
  const TestImage image({base_tar(), top_tar()});
  const auto images =
      MUST(loaded(place.store, tar_of(docker_archive(image, {base_tar(), top_tar()}, "web:1"))));
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].names, std::vector{kName});
  EXPECT_EQ(images[0].config, image.manifest.config.digest) << "the image's id does not depend on the form";
  EXPECT_EQ(text_in_layer(place.store, oci::chain_ids(image.config.rootfs.diff_ids)[1], "etc/motd"), "hello");
}

TEST(LoadDockerArchive, follows_links_between_its_members) {
  Place place;
  const TestImage image({base_tar(), base_tar()});
  auto files = docker_archive(image, {base_tar(), base_tar()}, "");
  for (TestFile& file : files)
    if (file.path == "layer1/layer.tar")
      file = {"layer1/layer.tar", "", oci::TarType::SymbolicLink, "../layer0/layer.tar"};
  EXPECT_EQ(MUST(loaded(place.store, tar_of(files), {.name = "given"}))[0].names,
            std::vector<std::string>{"docker.io/library/given:latest"});
}

TEST(LoadDockerArchive, hostile_ones_are_refused_and_leave_nothing) {
  const TestImage image({base_tar()});
  const auto good = docker_archive(image, {base_tar()}, "web:1");
  const std::string config_name = good[0].path;
  struct Case {
    const char* what;
    std::string name;  // of the member that is another
    TestFile instead;
  };
  const Case cases[] = {
      {"a link to the host",
       "layer0/layer.tar",
       {"layer0/layer.tar", "", oci::TarType::SymbolicLink, "/etc/passwd"}},
      {"a link that climbs",
       "layer0/layer.tar",
       {"layer0/layer.tar", "", oci::TarType::SymbolicLink, "../../../../etc/passwd"}},
      {"a hard link to the host",
       "layer0/layer.tar",
       {"layer0/layer.tar", "", oci::TarType::HardLink, "/etc/passwd"}},
      {"a link to itself",
       "layer0/layer.tar",
       {"layer0/layer.tar", "", oci::TarType::SymbolicLink, "../layer0/layer.tar"}},
      {"a name that climbs", "layer0/layer.tar", {"../layer0/layer.tar", base_tar()}},
      {"a device", "layer0/layer.tar", {"layer0/layer.tar", "", oci::TarType::CharacterDevice}},
      {"no layer", "layer0/layer.tar", {"unrelated", ""}},
      {"another layer", "layer0/layer.tar", {"layer0/layer.tar", top_tar()}},
      {"a layer that is no tar", "layer0/layer.tar", {"layer0/layer.tar", std::string(5000, 'x')}},
      {"no config", config_name, {"unrelated", ""}},
      {"a config with another digest", config_name, {config_name, image.config_json + " "}},
      {"a config that is none", config_name, {config_name, "[]"}},
      {"no manifest", "manifest.json", {"unrelated", ""}},
      {"a manifest that is none", "manifest.json", {"manifest.json", "{"}},
      {"no images", "manifest.json", {"manifest.json", "[]"}},
      {"paths to the host",
       "manifest.json",
       {"manifest.json", R"([{"Config":"/etc/passwd","Layers":["/etc/passwd"]}])"}},
      {"too few layers",
       "manifest.json",
       {"manifest.json", fmt::format(R"([{{"Config":"{}","Layers":[]}}])", config_name)}},
      {"a bad name",
       "manifest.json",
       {"manifest.json",
        fmt::format(R"([{{"Config":"{}","RepoTags":["A B"],"Layers":["layer0/layer.tar"]}}])", config_name)}},
  };
  Place place;
  for (const Case& c : cases) {
    auto files = good;
    for (TestFile& file : files)
      if (file.path == c.name) file = c.instead;
    const auto images = loaded(place.store, tar_of(files));
    EXPECT_FALSE(images) << c.what;
    const Code code = images ? Code::Internal : images.error().code();
    EXPECT_TRUE(code == Code::InvalidArgument || code == Code::NotFound)
        << c.what << ": " << (images ? "" : images.error().message());
    EXPECT_EQ(MUST(place.store.images.images()).size(), 0U) << c.what;
    MUST(place.store.images.collect());
    MUST(place.store.snapshots.collect());
    EXPECT_EQ(blobs_in(place.store), 0) << c.what;
    EXPECT_EQ(MUST(place.store.snapshots.layers()).size(), 0U) << c.what;
  }
}

TEST(Load, an_archive_that_is_cut_anywhere_is_refused) {
  Place from, to;
  TestImage({base_tar()}).put(from.store, kName);
  const std::string archive = saved(from.store, {"web:1"});
  for (std::size_t size = 0; size < archive.size() - 1024; size += 701) {
    const auto images = loaded(to.store, std::string_view(archive).substr(0, size));
    EXPECT_FALSE(images) << size;
  }
  EXPECT_EQ(MUST(to.store.images.images()).size(), 0U);
}

TEST(Load, more_files_and_bytes_than_the_limits_are_refused) {
  Place from, to;
  TestImage({base_tar()}).put(from.store, kName);
  const auto images = loaded(to.store, saved(from.store, {"web:1"}), {.max_archive_bytes = 2000});
  ASSERT_FALSE(images);
  EXPECT_EQ(images.error().code(), Code::ResourceExhausted) << images.error().message();
}

// ---- OCI layouts

TEST(LoadLayout, hostile_ones_are_refused) {
  const TestImage image({base_tar()});
  auto blob = [](const Digest& digest, std::string text) {
    return TestFile{"blobs/sha256/" + digest.hex(), std::move(text)};
  };
  auto index_of = [](oci::Descriptor manifest) {
    return TestFile{"index.json", oci::to_json(oci::Index{.manifests = {std::move(manifest)}})};
  };
  const oci::Descriptor described = oci::describe(oci::media_type::kOciManifest, image.manifest_json);
  const Digest layer = image.manifest.layers[0].digest, config = image.manifest.config.digest;
  const std::vector<TestFile> good = {{"oci-layout", oci::oci_layout_json()},
                                      index_of(described),
                                      blob(image.digest, image.manifest_json),
                                      blob(config, image.config_json),
                                      blob(layer, image.layers[0])};
  {
    Place first;
    EXPECT_TRUE(loaded(first.store, tar_of(good)));
  }
  oci::Descriptor larger = described, other_type = described;
  larger.size += 1;
  other_type.media_type = oci::media_type::kOciIndex;
  oci::Manifest lying = image.manifest;
  lying.layers[0].size += 1;
  const std::string lying_json = oci::to_json(lying);
  struct Case {
    const char* what;
    std::size_t member;
    std::vector<TestFile> instead;
  };
  const Case cases[] = {
      {"another version", 0, {{"oci-layout", R"({"imageLayoutVersion":"2.0.0"})"}}},
      {"no index", 1, {}},
      {"an index that is none", 1, {{"index.json", image.manifest_json}}},
      {"a manifest of another size", 1, {index_of(larger)}},
      {"a manifest of another type", 1, {index_of(other_type)}},
      {"no manifest", 2, {}},
      {"a manifest with another digest", 2, {blob(image.digest, image.manifest_json + " ")}},
      {"no config", 3, {}},
      {"a config with another digest", 3, {blob(config, image.config_json + " ")}},
      {"no layer", 4, {}},
      {"a layer with another digest", 4, {blob(layer, image.layers[0] + " ")}},
      {"a layer that is a link to the host",
       4,
       {{"blobs/sha256/" + layer.hex(), "", oci::TarType::SymbolicLink, "/etc/passwd"}}},
      {"a manifest that lies about sizes",
       2,
       {blob(oci::digest_of(lying_json), lying_json),
        index_of(oci::describe(oci::media_type::kOciManifest, lying_json))}},
  };
  Place place;
  for (const Case& c : cases) {
    auto files = good;
    files.erase(files.begin() + static_cast<std::ptrdiff_t>(c.member));
    files.insert(files.end(), c.instead.begin(), c.instead.end());
    const auto images = loaded(place.store, tar_of(files));
    EXPECT_FALSE(images) << c.what;
    EXPECT_EQ(MUST(place.store.images.images()).size(), 0U) << c.what;
    MUST(place.store.images.collect());
    EXPECT_EQ(blobs_in(place.store), 0) << c.what;
  }
}

TEST(LoadLayout, links_out_of_a_directory_are_not_followed) {
  Place from, to;
  const TestImage image({base_tar()});
  image.put(from.store, kName);
  const std::string layout = from.dir / "layout";
  MUST(save_to_directory(from.store.images, {"web:1"}, layout, {.form = ArchiveForm::Oci}));
  const std::string blob = layout + "/blobs/sha256/" + image.manifest.config.digest.hex();
  ASSERT_EQ(::rename(blob.c_str(), (from.dir / "config").c_str()), 0);
  ASSERT_EQ(::symlink((from.dir / "config").c_str(), blob.c_str()), 0);
  UniqueFd directory = MUST(open_at(AT_FDCWD, layout, O_RDONLY | O_DIRECTORY));
  EXPECT_FALSE(load(to.store.images, to.store.snapshots, directory.get(), {}));
}

// ---- flat tars

TEST(ImportTar, makes_an_image_of_one_layer) {
  for (const auto method : {oci::Compression::None, oci::Compression::Gzip, oci::Compression::Zstd}) {
    Place place;
    const std::string tar = method == oci::Compression::None ? base_tar() : compressed(base_tar(), method);
    StringSource source(tar);
    const auto image =
        MUST(import_tar(place.store.images, place.store.snapshots, source,
                        {.name = "flat", .comment = "by hand", .config = R"({"Cmd":["/bin/sh"]})"}));
    EXPECT_EQ(image.names, std::vector<std::string>{"docker.io/library/flat:latest"});
    const auto config = MUST(oci::parse_image_config(MUST(place.store.images.content().read(image.config))));
    EXPECT_EQ(config.config.cmd, std::vector<std::string>{"/bin/sh"});
    EXPECT_EQ(config.history[0].comment, "by hand");
    EXPECT_EQ(text_in_layer(place.store, config.rootfs.diff_ids[0], "bin/sh"), "shell");
  }
}

TEST(ImportTar, refuses_what_is_no_tar_and_bad_options) {
  Place place;
  auto import_it = [&](const std::string& bytes, const ImportOptions& options) {
    StringSource source(bytes);
    return import_tar(place.store.images, place.store.snapshots, source, options);
  };
  EXPECT_FALSE(import_it(std::string(5000, 'x'), {}));
  EXPECT_FALSE(import_it("", {}));
  EXPECT_FALSE(import_it(base_tar(), {.name = "A B"}));
  EXPECT_FALSE(import_it(base_tar(), {.platform = "x/y/z/w"}));
  EXPECT_FALSE(import_it(base_tar(), {.config = "{"}));
  EXPECT_FALSE(import_it(base_tar(), {.config = R"({"Cmd":7})"}));
  MUST(place.store.images.collect());
  EXPECT_EQ(MUST(place.store.images.images()).size(), 0U);
  EXPECT_EQ(blobs_in(place.store), 0);
}

// ---- others

bool has_program(const char* name) {
  return std::system(fmt::format("command -v {} >/dev/null", name).c_str()) == 0;
}
int run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

TEST(Others, skopeo_and_umoci_read_what_is_saved_and_write_what_is_loaded) {
  if (!has_program("skopeo") || !has_program("umoci")) GTEST_SKIP() << "needs skopeo and umoci";
  Place from;
  const TestImage web({base_tar(), top_tar()}, oci::Format::Docker), other({base_tar()});
  web.put(from.store, kName);
  other.put(from.store, "docker.io/library/other:2");
  const std::string& dir = from.dir.path();
  MUST(replace_file_at(from.dir.fd(), "docker.tar", saved(from.store, {"web:1", "other:2"}), 0600));
  MUST(replace_file_at(from.dir.fd(), "oci.tar", saved(from.store, {"web:1"}, {.form = ArchiveForm::Oci}),
                       0600));
  MUST(save_to_directory(from.store.images, {"web:1", "other:2"}, dir + "/layout",
                         {.form = ArchiveForm::Oci}));
  for (const char* source : {"docker-archive:{0}/docker.tar:web:1", "docker-archive:{0}/docker.tar:other:2",
                             "oci-archive:{0}/oci.tar:1", "oci:{0}/layout:2"})
    EXPECT_EQ(run("skopeo --insecure-policy copy " + fmt::format(fmt::runtime(source), dir) + " dir:" + dir +
                  "/copy"),
              0)
        << source;
  ASSERT_EQ(run(fmt::format("umoci raw unpack --rootless --image {0}/layout:1 {0}/bundle", dir)), 0);
  EXPECT_EQ(MUST(read_file(dir + "/bundle/etc/motd")), "hello");

  ASSERT_EQ(run(fmt::format(
                "skopeo --insecure-policy copy oci:{0}/layout:1 docker-archive:{0}/theirs.tar:web:1", dir)),
            0);
  ASSERT_EQ(run(fmt::format(
                "skopeo --insecure-policy copy oci:{0}/layout:1 oci-archive:{0}/theirs-oci.tar:web:1", dir)),
            0);
  for (const char* name : {"theirs.tar", "theirs-oci.tar"}) {
    Place to;
    UniqueFd file = MUST(open_at(from.dir.fd(), name, O_RDONLY));
    const auto images = MUST(load(to.store.images, to.store.snapshots, file.get(), {}));
    ASSERT_EQ(images.size(), 1U);
    EXPECT_EQ(images[0].names, std::vector{kName});
    EXPECT_EQ(images[0].config, web.manifest.config.digest);
  }
}

}  // namespace
}  // namespace gantry::image
