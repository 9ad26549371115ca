"""The console as people use it: nc, pasted lines, line ends of another system, end of input."""

import unittest

from harness import EndToEndTest


class Console(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m")
        peer = self.peer(self.berthd)
        self.beat(peer, "w1", tags=["cpu"])
        self.beat(peer, "w2", tags=["gpu"])

    def say(self, text):
        return self.console(self.berthd, text)

    def test_every_command_of_help_answers(self):
        cases = [
            ("help", "place"),
            ("workers", "w1"),
            ("workers tag=gpu", "w2"),
            ("worker w1", "cpu"),
            ("place task=t1 tags=cpu", "w1"),
            ("release t1", "OK"),
            ("drain w1 new disk", "OK"),
            ("worker w1", "new disk"),
            ("undrain w1", "OK"),
            ("stats", "berth_"),
            ("shards", "."),
            ("tags", "gpu"),
            ("ping", "OK"),
            ("version", "0.1.0"),
        ]
        for line, expected in cases:
            with self.subTest(line):
                answer = self.say(f"{line}\nquit\n")
                self.assertIn(expected, answer)
                self.assertNotIn("ERR", answer)

    def test_a_mistake_is_an_error_and_the_next_line_still_works(self):
        cases = [
            "dance",
            "worker",
            "worker nobody",
            "place tags",
            "place cpu=-2",
            "place cpu=1e99",
            "release",
            "undrain nobody",
            "ping \x00\x01\x1b[2J",
            "\xff\xfe",
            "x" * 100_000,
        ]
        for line in cases:
            with self.subTest(line[:20]):
                answer = self.say(line.encode("latin-1") + b"\nping\nquit\n")
                self.assertIn("ERR ", answer)
                self.assertNotIn("\x1b", answer)

    def test_nothing_but_white_space_is_no_mistake(self):
        self.assertNotIn("ERR", self.say("\n  \n\r\nping\nquit\n"))

    def test_many_lines_pasted_at_once_are_answered_in_order(self):
        answer = self.say("".join(f"place task=t{i} tags=cpu cpu=100m\n" for i in range(4)) + "ping\n" * 500)
        self.assertEqual(answer.count("\nOK pong") + answer.startswith("OK pong"), 500)
        self.assertEqual(answer.count("w1"), 4)

    def test_carriage_returns_are_part_of_the_line_end(self):
        self.assertEqual(self.say("ping\r\nversion\r\n"), self.say("ping\nversion\n"))

    def test_a_last_line_without_an_end_is_answered(self):
        self.assertIn("OK", self.say("ping"))

    def test_placing_says_who_or_why_not(self):
        self.assertIn("w2", self.say("place tags=gpu\n"))
        self.assertIn("tag:fpga", self.say("place tags=fpga\n"))


if __name__ == "__main__":
    unittest.main()
