"""The Debian package: what is in it, and that it works from where it is unpacked."""

import glob
import os
import re
import shutil
import subprocess
import unittest

from harness import BIN, SANITIZED, EndToEndTest

BUILD = os.path.dirname(os.path.abspath(BIN))
FILES = [
    "/usr/bin/berth",
    "/usr/bin/berthd",
    "/usr/bin/berth-agent",
    "/usr/bin/berth-loadgen",
    "/usr/libexec/berth/berth-engine",
    "/usr/libexec/berth/berth-task",
    "/usr/lib/sysusers.d/berth-agent.conf",
    "/usr/lib/systemd/system/berthd.service",
    "/usr/lib/systemd/system/berth-agent.service",
    "/usr/lib/systemd/system/berth-tasks.service",
    "/usr/share/doc/berth/README.md",
    "/usr/share/doc/berth/copyright",
    "/usr/share/doc/berth/metrics.md",
    "/usr/share/doc/berth/prometheus-alerts.yml",
    "/usr/share/doc/berth/grafana-dashboard.json",
    "/etc/berth/berthd.toml",
    "/etc/default/berth-agent",
]


@unittest.skipIf(SANITIZED, "packages are made of the plain build")
@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not installed")
class Package(EndToEndTest):
    def run_tool(self, *arguments, **rest):
        run = subprocess.run(arguments, capture_output=True, text=True, **rest)
        self.assertEqual(run.returncode, 0, f"{arguments}: {run.stdout}{run.stderr}")
        return run.stdout

    def test_it_holds_everything_and_works_unpacked(self):
        config = os.path.join(BUILD, "CPackConfig.cmake")
        self.run_tool("cpack", "-G", "DEB", "--config", config, "-B", self.folder, cwd=self.folder)
        (package,) = glob.glob(self.path("*.deb"))
        listed = self.run_tool("dpkg-deb", "-c", package)
        for name in FILES:
            self.assertRegex(listed, re.compile(rf"\.{re.escape(name)}$", re.M))
        # The first removes what runs, and without the others systemd keeps what it had read.
        for script in ("prerm", "postrm", "postinst"):
            self.assertRegex(self.run_tool("dpkg-deb", "-I", package), rf"\* +{script} +#!/bin/sh")
        fields = self.run_tool("dpkg-deb", "-f", package)
        self.assertIn("Package: berth\n", fields)
        self.assertIn("libuv1", fields)

        root = self.path("root")
        self.run_tool("dpkg-deb", "-x", package, root)
        self.run_tool(f"{root}/usr/bin/berthd", "--config", f"{root}/etc/berth/berthd.toml", "--check-config")
        for name in ("berth", "berthd", "berth-agent", "berth-loadgen"):
            self.assertIn(name, self.run_tool(f"{root}/usr/bin/{name}", "--help"))

    def test_the_agent_makes_its_groups_in_the_unit_that_holds_them(self):
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/packaging")
        with open(os.path.join(here, "berth-agent.service"), encoding="utf-8") as file:
            agent = file.read().splitlines()
        with open(os.path.join(here, "berth-tasks.service"), encoding="utf-8") as file:
            tasks = file.read().splitlines()
        self.assertIn("Environment=BERTH_TASK_CGROUP=/berth.slice/berth-tasks.service", agent)
        self.assertIn("Requires=berth-tasks.service", agent)
        for setting in ("Slice=berth.slice", "User=berth-agent", "Delegate=yes"):
            self.assertIn(setting, agent)
            self.assertIn(setting, tasks)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_understands_the_units(self):
        here = os.path.dirname(os.path.abspath(__file__))
        for unit in ("berthd.service", "berth-agent.service", "berth-tasks.service"):
            path = os.path.join(here, "../../tools/packaging", unit)
            run = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True)
            # That the programs are not in /usr/bin here is no fault of the unit.
            faults = [
                line
                for line in run.stderr.splitlines()
                if os.path.basename(path) in line and "is not executable" not in line
            ]
            self.assertEqual(faults, [])


if __name__ == "__main__":
    unittest.main()
