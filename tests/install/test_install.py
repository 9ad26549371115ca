"""A stranger's program: built against what `cmake --install` leaves, run against a real server."""

import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from harness import EndToEndTest  # noqa: E402


class Install(EndToEndTest):
    def run_it(self, *command, **rest):
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, **rest)
        self.assertEqual(run.returncode, 0, f"{command}:\n{run.stdout}{run.stderr}")
        return run.stdout

    def setUp(self):
        super().setUp()
        first = self.path("first")
        self.run_it("cmake", "--install", os.environ["BERTH_BUILD"], "--prefix", first)
        # An installed tree may be moved: nothing in it knows where it was.
        self.prefix = self.path("moved")
        os.rename(first, self.prefix)
        self.berthd = self.server()

    def installed(self, name):
        for folder, _, files in os.walk(self.prefix):
            if name in files:
                return os.path.join(folder, name)
        self.fail(f"{name} is not installed")

    def check_example(self, program):
        library = os.path.dirname(self.installed("libberth-client.so"))
        out = self.run_it(
            program, self.berthd.wire, env={**os.environ, "LD_LIBRARY_PATH": library}
        )
        self.assertIn("released 1", out)
        self.assertIn("submitted example-job, attempts 3\naborted 1\n", out)

    def test_programs_headers_and_package_files_are_there(self):
        for program in ("berthd", "berth-agent", "berth", "berth-loadgen"):
            with self.subTest(program):
                self.run_it(os.path.join(self.prefix, "bin", program), "--help")
        headers = ("client.h", "job_types.h", "plan_types.h", "result.h", "types.h")
        for name in (*headers, "berthConfig.cmake", "berth.pc", "libberth-client.a"):
            with self.subTest(name):
                self.installed(name)

    def test_find_package_gives_a_shared_and_a_static_library(self):
        build = self.path("example")
        source = os.path.join(HERE, "example")
        self.run_it("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run_it("cmake", "--build", build)
        for program in ("example", "example_static"):
            with self.subTest(program):
                self.check_example(os.path.join(build, program))

    def test_pkg_config_gives_the_same(self):
        pkg_config = os.path.dirname(self.installed("berth.pc"))
        out = self.path("make")
        os.mkdir(out)
        source = os.path.join(HERE, "example")
        self.run_it(
            "make",
            "-C",
            out,
            "-f",
            os.path.join(source, "Makefile"),
            f"VPATH={source}",
            env={**os.environ, "PKG_CONFIG_PATH": pkg_config},
        )
        self.check_example(os.path.join(out, "example_make"))


if __name__ == "__main__":
    unittest.main()
