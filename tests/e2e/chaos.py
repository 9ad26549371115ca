"""A server and its agents under a random schedule of faults, which a seed decides.

`Fleet` owns the processes and knows how each fault is done and undone; `storm` draws faults and their
moments from the seed. What the faults meet in the processes is decided by the machine: the same
seed gives the same faults at the same times, not the same run.
"""

import glob
import heapq
import os
import re
import signal
import time

from harness import Agent, Server, eventually

# Short, so that a fault outlasts them within a second or two.
SERVER_FLAGS = (
    "--job-lease 2s --accept-within 1s --suspicious-after 1s --offline-after 2s "
    "--cooldown-base 50ms --cooldown-max 500ms"
).split()
BEYOND_THE_LEASE_S = 3.0
# fault → how often, relative to the others
WEIGHTS = {
    "kill_server": 4,
    "stop_server": 1,
    "pause_server": 1,
    "kill_agent": 4,
    "stop_agent": 2,
    "pause_agent": 3,
    "kill_supervisor": 5,
    "kill_template": 1,
}


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def text_of(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def kill_quietly(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Fleet:
    """One server with its file, and agents with their state directories, some of them down."""

    def __init__(self, test, agents):
        self.test = test
        self.store = f"sqlite:{test.path('berth.db')}"
        self.server = Server(test, "--store", self.store, *SERVER_FLAGS)
        self.address = self.server.wire
        self.names = [f"w{i}" for i in range(1, agents + 1)]
        self.agents = {name: self._start_agent(name) for name in self.names}
        self.paused = []  # processes
        self.groups = set()  # control groups of the agents, as far as they were seen

    # ---- Faults, and what ends them

    def _start_agent(self, name):
        return Agent(
            self.test,
            self.address,
            name,
            *("--state-dir", self.test.path(f"state-{name}"), "--max-tasks", 4),
        )

    def _start_server(self):
        return Server(self.test, "--store", self.store, *SERVER_FLAGS, listen=self.address)

    def kill_server(self, _):
        self.server.kill()
        self._forget_paused(self.server)

    def stop_server(self, _):
        if not self._is_paused(self.server) and self.server.running():
            self.server.signal(signal.SIGTERM)
            self.test.assertEqual(self.server.wait(), 0, "berthd, told to stop")

    def kill_agent(self, name):
        self.agents[name].kill()
        self._forget_paused(self.agents[name])

    def stop_agent(self, name):
        agent = self.agents[name]
        if not self._is_paused(agent) and agent.running():
            agent.signal(signal.SIGTERM)
            # One that has hardly begun dies by the signal itself.
            self.test.assertIn(agent.wait(), (0, -signal.SIGTERM), f"{name}, told to stop")

    def pause(self, process):
        if process.running() and not self._is_paused(process):
            process.signal(signal.SIGSTOP)
            self.paused.append(process)

    def resume(self, process):
        if self._is_paused(process):
            process.signal(signal.SIGCONT)
            self._forget_paused(process)

    def kill_supervisor(self, pick):
        found = self.supervisors()
        if found:
            kill_quietly(found[pick % len(found)])

    def kill_template(self, name):
        for child in children_of(self.agents[name].child.pid):
            if "template" in text_of(f"/proc/{child}/cmdline"):
                kill_quietly(child)

    def mend_server(self):
        if not self.server.running():
            self.server = self._start_server()

    def mend_agent(self, name):
        if not self.agents[name].running():
            self.agents[name] = self._start_agent(name)

    def mend_all(self):
        for process in list(self.paused):
            self.resume(process)
        self.mend_server()
        for name in self.names:
            self.mend_agent(name)
            self.test.wait_for_status(self.server, name, "online")

    def _is_paused(self, process):
        return process in self.paused

    def _forget_paused(self, process):
        self.paused = [one for one in self.paused if one is not process]

    # ---- What there is of tasks

    def processes(self):
        """Everything that works in a task's directory, or was started by what did."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            inside = link(f"/proc/{entry}/cwd").startswith(self.test.folder + "/")
            if inside or self.test.folder in text_of(f"/proc/{entry}/environ"):
                found.append(int(entry))
        ours = {process.child.pid for process in self.test.processes}
        return [pid for pid in found if pid not in ours and pid != os.getpid()]

    def supervisors(self):
        found = []
        for pid in self.processes():
            if os.path.basename(link(f"/proc/{pid}/exe")) == "berth-task":
                self._note_groups(pid)
                if link(f"/proc/{pid}/cwd").startswith(self.test.folder + "/"):
                    found.append(pid)
            else:
                self._note_groups(pid)
        return found

    def _note_groups(self, pid):
        for match in re.finditer(r"/(berth-[0-9a-f]{16})(?:/|$)", text_of(f"/proc/{pid}/cgroup"), re.M):
            self.groups.add(match.group(1))

    def groups_left(self):
        """Directories of control groups in which the agents put their tasks."""
        left = []
        for group in self.groups:
            left += glob.glob(f"/sys/fs/cgroup/**/{group}", recursive=True)
        return left

    def leave(self):
        """All agents end, in order, with nothing to leave behind."""
        for name in self.names:
            self.stop_agent(name)
        try:
            eventually(lambda: not self.processes(), "no process of a task is left")
        except AssertionError as late:
            raise AssertionError(f"{late}, but {[self._described(pid) for pid in self.processes()]}") from late

    def _described(self, pid):
        words = text_of(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
        state = re.search(r"^State:\s+(.*)$", text_of(f"/proc/{pid}/status"), re.M)
        groups = text_of(f"/proc/{pid}/cgroup").split()
        parent = re.search(r"^PPid:\s+(\d+)$", text_of(f"/proc/{pid}/status"), re.M)
        return f"{pid} of {parent and parent.group(1)}: {words} ({state and state.group(1)}; {groups})"


def draw(random, names):
    """One fault: (what, whom, for how many seconds)."""
    what = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    brief = random.choice((0.0, 0.05, 0.2, 0.6))
    away = random.choice((0.0, 0.1, 0.5, BEYOND_THE_LEASE_S))
    lasting = {"pause_agent": random.choice((0.3, BEYOND_THE_LEASE_S)), "pause_server": 1.5}
    whom = random.choice(names)
    if what.endswith("_server"):
        return what, None, lasting.get(what, brief)
    if what == "kill_supervisor":
        return what, random.randrange(1000), 0
    return what, whom, lasting.get(what, away)


def storm(fleet, random, seconds, pause_s=(0.05, 0.9)):
    """Faults for `seconds`; returns how many of each there were. Some are still to be mended then."""
    begin = time.monotonic()
    # (moment, order, what to do): a heap, since faults overlap.
    todo, order, counts = [], 0, {}
    moment = random.uniform(*pause_s)
    while moment < seconds:
        what, whom, lasts = draw(random, fleet.names)
        for at, is_end in ((moment, False), (moment + lasts, True)):
            heapq.heappush(todo, (at, order, is_end, what, whom))
            order += 1
        moment += random.uniform(*pause_s)
    targets = {}
    while todo:
        at, _, is_end, what, whom = heapq.heappop(todo)
        if at > seconds:
            break
        time.sleep(max(0.0, begin + at - time.monotonic()))
        if is_end:
            _mend(fleet, what, whom, targets)
        else:
            counts[what] = counts.get(what, 0) + 1
            _break(fleet, what, whom, targets)
    return counts


def _break(fleet, what, whom, targets):
    if what.startswith("pause_"):
        process = fleet.server if whom is None else fleet.agents[whom]
        targets[what, whom] = process
        fleet.pause(process)
    else:
        getattr(fleet, what)(whom)


def _mend(fleet, what, whom, targets):
    if what.startswith("pause_"):
        fleet.resume(targets[what, whom])
    elif what.endswith("_server"):
        fleet.mend_server()
    elif what.endswith("_agent"):
        fleet.mend_agent(whom)
