# What Berth needs from Debian 12, one line each: package, then the reason shown to the user.
# Sourced by setup.sh. The backquotes in it are only words.
# shellcheck disable=SC2034,SC2016

# To build and run the programs.
BUILD_PACKAGES='
cmake                     configures the build
g++                       compiles C++20
ninja-build               runs the build
pkg-config                finds libuv
ccache                    makes every build after the first one quick
git                       names the files the style checks look at
libsqlite3-dev            the store of jobs
libuv1-dev                event loops, sockets and signals
libflatbuffers-dev        the wire format at run time
flatbuffers-compiler      turns the wire schema into C++
flatbuffers-compiler-dev  the CMake description of that compiler
libmimalloc-dev           the default allocator
libjemalloc-dev           the other allocator that can be chosen
libconcurrentqueue-dev    queues between threads
libcli11-dev              command lines
libspdlog-dev             logging
libfmt-dev                text formatting, used by the logging
libtomlplusplus-dev       configuration files
libxxhash-dev             hashes of names
libabsl-dev               hash maps and small vectors
libseccomp-dev            system call filters of sandboxed tasks
node-llhttp               reads HTTP requests
libsimdjson-dev           reads JSON bodies
prometheus-cpp-dev        writes /metrics
zlib1g-dev                compresses large answers
libedit-dev               line editing in `berth console`
nlohmann-json3-dev        JSON in the command line and the load generator
libgtest-dev              unit tests
libgmock-dev              matchers of the unit tests
libbenchmark-dev          benchmarks
curl                      talks to the HTTP API in tests
netcat-openbsd            talks to the console
jq                        reads JSON in scripts
python3                   end-to-end tests and style checks
'

# For tools/test, besides those above.
TEST_PACKAGES='
clang                     builds what the address sanitizer and the fuzzers look at
libclang-rt-14-dev        libFuzzer and the sanitizers of clang
prometheus                promtool checks /metrics, the alerts and their tests: 100 MB
python3-jsonschema        checks HTTP answers against the OpenAPI document
clang-format-14           checks the layout of the sources
shellcheck                checks the shell scripts
runc                      runs containers
docker.io                 runs containers, too: 280 MB, of which dockerd and containerd are used
libfaketime               lets the clock of a server jump
busybox-static            fills the container that the tests run
dpkg-dev                  checks the Debian package
wrk                       loads the HTTP API in bench/scenario
file                      checks the Debian package
'
