"""The examples of docs/http.md do what the page says."""

import os
import re
import subprocess
import unittest

from harness import DEADLINE_S, EndToEndTest

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/http.md")


def examples(text):
    """Commands and the answers shown under them, in the order of the page."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], ""])
            elif found[-1][0].endswith("\\"):
                found[-1][0] = found[-1][0][:-1] + line
            else:
                found[-1][1] += line + "\n"
    return found


def pattern(shown):
    """Matches what is shown, with anything where the page has three dots."""
    return ".*?".join(re.escape(piece) for piece in shown.strip().split("…"))


class Page(EndToEndTest):
    def test_every_example_answers_as_shown(self):
        berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        self.agent(berthd, "w1", "--tags", "cpu,ssd", "--label", "zone=a", "--max-tasks", "4")
        self.wait_for_status(berthd, "w1", "online")
        with open(PAGE, encoding="utf-8") as file:
            found = examples(file.read())
        self.assertGreater(len(found), 8)
        for command, shown in found:
            with self.subTest(command):
                run = subprocess.run(
                    ["bash", "-c", command.replace("127.0.0.1:7641", berthd.http)],
                    capture_output=True,
                    text=True,
                    timeout=DEADLINE_S,
                )
                self.assertEqual(run.returncode, 0, run.stderr)
                whole = re.fullmatch(pattern(shown), run.stdout.strip(), re.S)
                self.assertTrue(whole, f"shown:\n{shown}\nanswered:\n{run.stdout}")


if __name__ == "__main__":
    unittest.main()
