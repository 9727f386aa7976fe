# SPDX-License-Identifier: Apache-2.0
"""The images of bench/pull.py, made once and kept in build/bench: OCI layouts, and plans for bench_pull_floor.

debian        about 150 MB of Debian in five layers, gzip
files-gzip    one layer with 50,000 files of 2 to 6 KiB; files-zstd as well
large-gzip    one layer of 1 GB, files of this host's /usr/lib; large-zstd as well
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile

COMPRESSORS = {"gzip": ["gzip", "-6", "-n", "-c"], "zstd": ["zstd", "-3", "-q", "-c"]}
TITLES = {"debian": "Debian, 150 MB in 5 layers, gzip", "files-gzip": "50,000 small files, gzip",
          "files-zstd": "50,000 small files, zstd", "large-gzip": "1 GB, gzip", "large-zstd": "1 GB, zstd"}
KINDS = {tarfile.REGTYPE: "f", tarfile.AREGTYPE: "f", tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h"}


def debian_root(path):
    """A tar of a small Debian, from where this machine's own comes."""
    targets = subprocess.run(["apt-get", "indextargets", "--format", "deb $(SITE) $(RELEASE) $(COMPONENT) $(ORIGIN)",
                              "Created-By: Packages"], check=True, capture_output=True, text=True).stdout
    sources = sorted({line.removesuffix(" Debian") for line in targets.splitlines() if line.endswith(" Debian")})
    subprocess.run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--aptopt=Acquire::Languages \"none\"",
                    "--include=python3-minimal,ca-certificates,curl", "bookworm", path, "-"],
                   input="\n".join(sources).encode(), check=True)


def debian_layers(directory):
    """Five layers of about the same size; each has the directories that its files are in."""
    left_out = ("dev/", "usr/share/locale/", "usr/share/man/", "var/cache/", "var/lib/apt/")
    debian_root(f"{directory}/debian.tar")
    paths = [f"{directory}/debian-{i}.tar" for i in range(5)]
    layers = [tarfile.open(path, "w", format=tarfile.PAX_FORMAT) for path in paths]
    has = [set() for _ in layers]
    layer_of, directories = {}, {}

    def add(layer, member, content=None):
        above = os.path.dirname(member.name)
        if above and above not in has[layer]:
            add(layer, directories[above])
        if member.name not in has[layer]:
            has[layer].add(member.name)
            layers[layer].addfile(member, content)

    with tarfile.open(f"{directory}/debian.tar") as root:
        members = root.getmembers()
        for member in members:
            member.name = member.name.removeprefix("./").rstrip("/")
            member.linkname = member.linkname.removeprefix("./") if member.islnk() else member.linkname
        members = [member for member in members
                   if member.name not in ("", ".") and not f"{member.name}/".startswith(left_out)]
        total, seen = sum(member.size for member in members), 0
        for member in members:
            seen += member.size
            # A hard link stays with what it links to.
            layer = layer_of[member.linkname] if member.islnk() else min(seen * 5 // total, 4)
            layer_of[member.name] = layer
            if member.isdir():
                directories[member.name] = member
            add(layer, member, root.extractfile(member) if member.isreg() else None)
    for layer in layers:
        layer.close()
    os.unlink(f"{directory}/debian.tar")
    return paths


def files_layers(directory):
    """Words and noise, of which a third remains when compressed."""
    draw = random.Random(1)
    words = [draw.randbytes(draw.randrange(4, 12)) for _ in range(2000)]
    text = b"".join(draw.choice(words) for _ in range(200_000))
    path = f"{directory}/files.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(50_000):
            if number % 20 == 0:
                entry = tarfile.TarInfo(f"share-{number // 20}")
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            entry = tarfile.TarInfo(f"share-{number // 20}/file-{number}")
            entry.size, entry.mtime = 2048 + number * 7919 % 4096, 1_700_000_000
            begin = draw.randrange(len(text) - 8192)
            tar.addfile(entry, io.BytesIO(text[begin:begin + entry.size]))
    return [path]


def large_layers(directory):
    path, left = f"{directory}/large.tar", 1_000_000_000
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add("/usr", "usr", recursive=False)
        for above, names, files in os.walk("/usr/lib"):
            names.sort()
            tar.add(above, above.lstrip("/"), recursive=False)
            for name in sorted(files):
                source = f"{above}/{name}"
                if os.path.islink(source) or not os.path.isfile(source) or os.path.getsize(source) > left:
                    continue
                left -= os.path.getsize(source)
                tar.inodes.clear()  # no hard links
                tar.add(source, source.lstrip("/"), recursive=False)
            if left < 1_000_000:
                return [path]
    raise SystemExit("there is less than 1 GB in /usr/lib")


def digest_of(path):
    with open(path, "rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def write_plan(tar_path, out, first_line):
    with tarfile.open(tar_path) as tar, open(out, "w") as plan:
        plan.write(first_line + "\n")
        for member in tar:
            fields = (KINDS[member.type], member.offset_data, member.size, f"{member.mode:o}", member.name,
                      member.linkname)
            plan.write("\t".join(map(str, fields)) + "\n")


def write_layout(layout, name, tars, compression):
    """Answers nothing; the layout's plans are plan-0, plan-1, ..."""
    blobs = f"{layout}/blobs/sha256"
    os.makedirs(blobs)

    def blob(path):
        digest = digest_of(path)
        size = os.path.getsize(path)
        os.rename(path, f"{blobs}/{digest[7:]}")
        return {"digest": digest, "size": size}

    def document(kind, value):
        with open(f"{layout}/document", "w") as file:
            json.dump(value, file)
        return {"mediaType": f"application/vnd.oci.image.{kind}.v1+json", **blob(f"{layout}/document")}

    layers = []
    for number, tar in enumerate(tars):
        with open(f"{layout}/layer", "wb") as out:
            subprocess.run([*COMPRESSORS[compression], tar], stdout=out, check=True)
        layers.append({"mediaType": f"application/vnd.oci.image.layer.v1.tar+{compression}", **blob(f"{layout}/layer")})
        write_plan(tar, f"{layout}/plan-{number}", f"{compression} /v2/{name}/blobs/{layers[-1]['digest']}")
    config = document("config", {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": [digest_of(tar) for tar in tars]}})
    manifest = document("manifest", {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                                     "config": config, "layers": layers})
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    for path, value in {"oci-layout": {"imageLayoutVersion": "1.0.0"},
                        "index.json": {"schemaVersion": 2, "manifests": [manifest]}}.items():
        with open(f"{layout}/{path}", "w") as file:
            json.dump(value, file)


def make(cache, names):
    """Those that are not there yet."""
    os.makedirs(cache, exist_ok=True)
    makers = {"debian": debian_layers, "files": files_layers, "large": large_layers}
    for kind, maker in makers.items():
        missing = [name for name in names if name.split("-")[0] == kind and not os.path.exists(f"{cache}/{name}")]
        if not missing:
            continue
        print(f"making {' and '.join(missing)} in {cache}", flush=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            tars = maker(scratch)
            for name in missing:
                write_layout(f"{scratch}/layout", name, tars, name.partition("-")[2] or "gzip")
                shutil.move(f"{scratch}/layout", f"{cache}/{name}")
