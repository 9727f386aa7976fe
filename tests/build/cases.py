# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles of real shape, each with its context.

A case is {"files": the context, "dockerfile": the text, "options": more of the command line; "buildah": a text of
the same meaning for what buildah 1.28 cannot read; "times": files whose times have to be equal}.
"""

C_PROGRAM = """\
FROM localhost/base AS build
WORKDIR /src
COPY src/ ./
RUN for f in *.c; do echo "compiled $f" > "${f%.c}.o"; done
RUN cat *.o > program && chmod 755 program

FROM localhost/base AS debug
COPY --from=build /src/*.o /debug/

FROM scratch
COPY --from=build /src/program /usr/bin/program
ENTRYPOINT ["/usr/bin/program"]
CMD ["--help"]
"""

SERVICE = """\
FROM localhost/base
ARG VERSION=1.0
ENV APP_HOME=/srv/app APP_VERSION=$VERSION
RUN mkdir -p $APP_HOME && chown 1000:1001 $APP_HOME
WORKDIR $APP_HOME
COPY requirements.txt .
RUN sort requirements.txt > installed
COPY . .
USER app
EXPOSE 8080 9000-9001/udp
VOLUME /data /logs
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=1s --retries=3 CMD wget -q http://localhost:8080/ || exit 1
CMD ["sh", "-c", "exec serve"]
"""

LABELS = """\
ARG TAG=latest
FROM localhost/base:${TAG}
ARG TAG
ARG NAME=x
ARG LONG=${NAME}-1.2
LABEL one=1 two="two words" "three.3"='$NAME'
LABEL version=${LONG#*-} tag=$TAG
COPY ${LONG} /${NAME:+named}/
ENV A=${MISSING:-default} B="$A x" C=\\$A
RUN echo $NAME $LONG > /args
ONBUILD LABEL child=yes
"""

CASES = {
    "a C program in several stages": {
        "files": {"src/main.c": "int main;", "src/util.c": "int util;", "src/.hidden": "h"},
        "dockerfile": C_PROGRAM,
    },
    "an interpreted service": {
        "files": {"requirements.txt": "b\na\n", "app/main.py": ("print()", 0o755), "app/lib/x.py": "x",
                  ".dockerignore": "*.log\n**/cache\n", "debug.log": "no", "app/cache/y": "no", "notes.txt": "n"},
        "dockerfile": SERVICE,
        "buildah": SERVICE.replace("9000-9001/udp", "9000/udp 9001/udp"),  # docker's builder takes ranges apart
        "options": ["--build-arg", "VERSION=2.0"],
        "times": ["srv/app/requirements.txt", "srv/app/app/main.py"],
    },
    "here-documents": {
        "files": {},
        "dockerfile": 'FROM localhost/base\nENV WHO=world\nRUN <<EOF\nset -e\necho "hello $WHO" > /a\nmkdir /d\nEOF\n'
                      "COPY <<FIRST <<'SECOND' /etc/conf/\nwho=$WHO\nFIRST\nwho=$WHO\nSECOND\n"
                      "RUN cat <<X > /b && echo end >> /b\none\ntwo\nX\n",
        "buildah": 'FROM localhost/base\nENV WHO=world\nRUN set -e; echo "hello $WHO" > /a; mkdir /d\n'
                   "RUN mkdir -p /etc/conf; echo who=world > /etc/conf/FIRST; echo 'who=$WHO' > /etc/conf/SECOND; "
                   "chmod 644 /etc/conf/*\nRUN printf 'one\\ntwo\\nend\\n' > /b\n",
    },
    "every form of COPY": {
        "files": {"a.txt": "a", "b.txt": ("b", 0o600), "c.md": "c", "dir/one": ("1", 0o755), "dir/sub/two": "2",
                  "dir/link": ("link", "sub/two"), "dir/away": ("link", "/etc/passwd"), "sp ace": "s"},
        "dockerfile": "FROM localhost/base\nRUN mkdir /existing && touch /existing/keep\nCOPY a.txt /renamed\n"
                      "COPY a.txt b.txt /several/\nCOPY *.txt /wild/\nCOPY dir /copied\nCOPY dir/ /existing\n"
                      'COPY ["sp ace", "/with space/"]\nCOPY --chown=1000:1001 a.txt /owned/file\n'
                      "COPY --chown=app dir /owned/dir\nCOPY --chmod=0751 b.txt /moded\nWORKDIR /work\n"
                      "COPY c.md ./relative\nCOPY dir/link /followed\nCOPY a.txt /etc\n",
        "times": ["renamed", "several/a.txt", "copied/sub/two"],
    },
    "ADD of archives": {
        "files": {},  # filled by the test
        "dockerfile": "FROM localhost/base\nADD plain.tar /plain/\nADD zipped.tgz /zipped\nADD not.tar /as-is/\n"
                      "COPY plain.tar /copied/\n",
    },
    "a cache mount": {
        "files": {},
        "dockerfile": "FROM localhost/base\nRUN --mount=type=cache,target=/cache echo 1 > /cache/x && cp /cache/x /first\n"
                      "RUN --mount=type=cache,target=/cache cat /cache/x > /second\n"
                      "RUN --mount=type=tmpfs,target=/scratch touch /scratch/gone\n",
        "buildah": "FROM localhost/base\nRUN echo 1 > /first\nRUN echo 1 > /second\n",
        "ignored": ["cache", "scratch"],
    },
    "a bind mount": {
        "files": {"input/data": "data"},
        "dockerfile": "FROM localhost/base AS made\nRUN echo made > /made\nFROM localhost/base\n"
                      "RUN --mount=target=/context --mount=from=made,source=/made,target=/made "
                      "cat /context/input/data /made > /result\n",
        "buildah": "FROM localhost/base\nRUN echo data | { cat | head -c 4; echo made; } > /result\n",
        "ignored": ["context", "made"],
    },
    "a secret": {
        "files": {},
        "dockerfile": "FROM localhost/base\nRUN --mount=type=secret,id=token,target=/run/token wc -c < /run/token > /size\n",
        "buildah": "FROM localhost/base\nRUN echo 13 > /size\n",
        "secret": "sesame-secret",
        "ignored": ["run/token"],
    },
    "triggers": {
        "files": {"app.txt": "app"},
        "dockerfile": "FROM localhost/base AS parent\nONBUILD COPY app.txt /app/\nONBUILD RUN echo $HOME >> /app/app.txt\n"
                      "FROM parent\nRUN echo child > /child\n",
        "buildah": "FROM localhost/base\nCOPY app.txt /app/\nRUN echo $HOME >> /app/app.txt\nRUN echo child > /child\n",
    },
    "health checks and shells": {
        "files": {},
        "dockerfile": 'FROM localhost/base\nSHELL ["/bin/sh", "-e", "-c"]\nRUN echo $0 > /shell\nCMD serve --port 80\n'
                      "ENTRYPOINT run it\nHEALTHCHECK NONE\n",
        # Its shell form takes the first word of SHELL and adds "-c".
        "buildah": 'FROM localhost/base\nSHELL ["/bin/sh", "-e", "-c"]\nRUN echo $0 > /shell\n'
                   'CMD ["/bin/sh", "-e", "-c", "serve --port 80"]\nENTRYPOINT ["/bin/sh", "-e", "-c", "run it"]\n'
                   "HEALTHCHECK NONE\n",
    },
    "labels and arguments": {
        "files": {"x-1.2": "x"},
        "dockerfile": LABELS,
        "buildah": LABELS.replace("${LONG#*-}", "1.2"),  # which it does not know
        "options": ["--label", "extra=yes"],
    },
    "modes and owners that RUN makes": {
        "files": {},
        "dockerfile": "FROM localhost/base\nRUN mkdir -m 1777 /sticky && touch /sticky/f && chmod 4755 /sticky/f && "
                      "chown 1000:1001 /sticky/f && ln -s f /sticky/l && ln /sticky/f /sticky/h && rm /etc/group\n"
                      "USER 1000\nWORKDIR /made/by/root\nRUN id -u > /tmp/who || true\n",
    },
}
