"""What all tests of hostile peers share: somebody else watches that nothing happens to them."""

import time

from harness import SANITIZED, EndToEndTest

RESIDENT_GROWTH_MAX = 16 << 20
PING_MAX_S = 30.0 if SANITIZED else 5.0


class HostileTest(EndToEndTest):
    """Around every test: a bystander's ping stays answered and the server stays small."""

    flags = ()
    resident_growth_max = RESIDENT_GROWTH_MAX

    def setUp(self):
        super().setUp()
        self.berthd = self.server("--suspicious-after", "10m", "--offline-after", "20m", *self.flags)
        self.bystander = self.peer(self.berthd)
        self.assertEqual(self.ping()["kind"], "Pong")
        self.resident_at_start = self.berthd.resident_bytes()

    def tearDown(self):
        self.assertTrue(self.berthd.running(), self.berthd.log()[-4000:])
        self.check_bystander()

    def ping(self):
        return self.bystander.ask("Ping", payload=7)

    def check_bystander(self):
        begin = time.monotonic()
        self.assertEqual(self.ping()["payload"], 7)
        self.assertLess(time.monotonic() - begin, PING_MAX_S)
        if not SANITIZED:
            grown = self.berthd.resident_bytes() - self.resident_at_start
            self.assertLess(grown, self.resident_growth_max)

    def stat(self, name):
        return self.bystander.stats().get(name, 0)

    def assert_counted(self, name, before, at_least=1):
        self.assertGreaterEqual(self.stat(name), before + at_least, name)
