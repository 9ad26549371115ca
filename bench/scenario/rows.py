"""The rows: each measures one thing and returns its figures.

Where a row is compared with `ping`, both run in turn on the same server, and the ratio is that of
neighbours, so that a machine that is slower for a while is so for both.
"""

import os

import programs
from table import Figure

SHAPE = {"connections": 8, "depth": 64}
MB = 1e6


def in_turn(bench, server, scenario, shape, **flags):
    """`ping` and `scenario` in turn: what each pair of runs reported."""
    return [(bench.load(server, "ping", workers=0, **shape), bench.load(server, scenario, **shape, **flags))
            for _ in range(bench.runs)]


def rates(reports):
    return [report["throughput_per_s"] for report in reports]


def costs(reports):
    """What one request took of the server's CPU, in ns."""
    return [1e9 * report["server_cpu_s"] / report["requests"] for report in reports]


def compared(row, pairs, shape, what, ratio, floor=None, ratio_floor=None):
    """The figures of runs in turn: both throughputs, their ratio, what each request costs the server."""
    pings, loads = zip(*pairs)
    kind = what.split(",")[0]

    return [
        Figure(row, f"ping, {shape['connections']} × {shape['depth']}", rates(pings), "/s"),
        Figure(row, what, rates(loads), "/s", floor=floor),
        Figure(row, ratio, [b / a for a, b in zip(rates(pings), rates(loads))], floor=ratio_floor),
        Figure(row, "server's CPU for one of the pings", costs(pings), "ns"),
        Figure(row, f"server's CPU for one of the {kind}", costs(loads), "ns"),
    ]


def echo(bench):
    """ping 8 x 64 against a bare libuv server that echoes frames of the same size"""
    bare, served = [], []
    with bench.echo_server() as ceiling, bench.berthd() as server:
        for _ in range(bench.runs):
            bare.append(bench.load(ceiling, "ping", workers=0, **SHAPE)["throughput_per_s"])
            served.append(bench.load(server, "ping", workers=0, **SHAPE)["throughput_per_s"])
    return [
        Figure("echo", "bare echo, 8 × 64", bare, "/s"),
        Figure("echo", "ping, 8 × 64", served, "/s"),
        Figure("echo", "ping / echo", [s / b for s, b in zip(served, bare)]),
    ]


def schedule(bench):
    """placements 8 x 64 at 10,000 workers, in turn with ping"""
    with bench.berthd() as server:
        pairs = in_turn(bench, server, "schedule", SHAPE, workers=10_000)
    return compared("schedule", pairs, SHAPE, "placements, 8 × 64, 10,000 workers", "placements / ping",
                    floor=1_000_000, ratio_floor=0.25)


def depth1(bench):
    """placements 8 x 1 and 1 x 1 at 10,000 workers, in turn with ping"""
    figures = []
    with bench.berthd() as server:
        for connections, floor in ((8, 0.9), (1, None)):
            shape = {"connections": connections, "depth": 1}
            pairs = in_turn(bench, server, "schedule", shape, workers=10_000)
            name = f"{connections} × 1"
            figures += compared("depth1", pairs, shape, f"placements, {name}, 10,000 workers",
                                f"placements / ping, {name}", ratio_floor=floor)
    return figures


def openloop(bench):
    """150,000 placements/s in an open loop at 10,000 workers: latency"""
    rate = 150_000
    runs, pings, nothing = [], [], []
    with bench.berthd() as server:
        for _ in range(bench.runs):
            runs.append(bench.load(server, "schedule", rate=rate, workers=10_000, **SHAPE))
            pings.append(bench.load(server, "ping", rate=rate, **SHAPE))
            nothing.append(bench.hiccups())
    return [
        Figure("openloop", f"placements, open loop at {rate:,}/s", rates(runs), "/s", floor=0.99 * rate),
        *(Figure("openloop", quantile, [run["latency_us"][quantile] for run in runs], "µs",
                 ceiling=1000 if quantile == "p99" else None) for quantile in ("p50", "p99", "p999")),
        Figure("openloop", "ping at the same rate, p99", [run["latency_us"]["p99"] for run in pings], "µs"),
        # What no program could do anything about: a core was taken away from whoever ran on it.
        Figure("openloop", "the machine itself, p99", [run["latency_us"]["p99"] for run in nothing], "µs"),
    ]


def workers(bench):
    """placements 8 x 64 at 100,000 workers against 1,000"""
    few, many = [], []
    for _ in range(bench.runs):
        for count, into in ((1_000, few), (100_000, many)):
            with bench.berthd() as server:
                into.append(bench.load(server, "schedule", workers=count, **SHAPE)["throughput_per_s"])
    return [
        Figure("workers", "placements, 1,000 workers", few, "/s"),
        Figure("workers", "placements, 100,000 workers", many, "/s"),
        Figure("workers", "100,000 / 1,000", [m / f for m, f in zip(many, few)], floor=0.6),
    ]


def heartbeats(bench):
    """heartbeats 8 x 64 of 10,000 workers, in turn with ping; also with the whole profile"""
    with bench.berthd() as server:
        pairs = in_turn(bench, server, "heartbeat", SHAPE, workers=10_000)
        full = [bench.load(server, "heartbeat", workers=10_000, full_beats=True, **SHAPE)
                for _ in range(bench.runs)]
    return [
        *compared("heartbeats", pairs, SHAPE, "heartbeats, 8 × 64", "heartbeats / ping", floor=1_500_000),
        Figure("heartbeats", "heartbeats with unchanged profile", rates(full), "/s"),
    ]


def hold(bench):
    """10,000 agents at 3 s and 50,000 placements/s for a minute"""
    agents, seconds = (1_000, 7) if bench.quick else (10_000, 60)
    with bench.berthd("--max-connections", "12000") as server:
        run = bench.load(server, "hold", agents=agents, seconds=seconds, place_rate=50_000, **SHAPE)
    return [
        Figure("hold", f"false suspicions, {agents:,} agents, {seconds} s", [run["false_suspicions"]],
               ceiling=0),
        Figure("hold", "heartbeat p99", [run["latency_us"]["p99"] / 1e3], "ms", ceiling=5),
        Figure("hold", "placements beside", [run["placements_per_s"]], "/s", floor=0.99 * 50_000),
        Figure("hold", "placement p99", [run["placement_latency_us"]["p99"] / 1e3], "ms"),
        Figure("hold", "server", [run["server_rss_bytes"] / MB], "MB"),
    ]


def memory(bench):
    """resident memory of a server: empty, with 500 and with 100,000 workers"""
    sizes = {0: [], 500: [], 100_000: []}
    bounds = {0: 12, 500: 13, 100_000: 80}
    for _ in range(bench.runs):
        for count, into in sizes.items():
            with bench.berthd() as server:
                if count == 0:
                    into.append(server.resident_bytes() / MB)
                    continue
                run = bench.load(server, "ping", workers=count, requests=1_000, connections=1, depth=1)
                into.append(run["server_rss_bytes"] / MB)
    return [Figure("memory", f"{count:,} workers", into, "MB", ceiling=bounds[count])
            for count, into in sizes.items()]


TRACE_FLOORS = {"best-fit": {"95": 92.6, "100": 92.6, "130": 92.8}, "fgd": {"95": 94.7, "100": 95.0, "130": 95.2}}


def trace_of(bench, seed):
    arrivals = bench.path(f"trace-{seed}.jsonl")
    programs.run(os.path.join(programs.ROOT, "tools", "trace_from_csv"),
                 "--nodes", os.path.join(bench.data, "openb_node_list_gpu_node.csv"),
                 "--pods", os.path.join(bench.data, "openb_pod_list_default.csv"),
                 "--seed", str(seed), "--out", arrivals)
    return arrivals


def trace(bench):
    """the default GPU trace over 3 seeds, placed one by one with best-fit and with fgd"""
    figures = []
    seeds = (1,) if bench.quick else (1, 2, 3)
    for policy, floors in TRACE_FLOORS.items():
        runs = []
        for seed in seeds:
            with bench.berthd() as server:
                runs.append(bench.load(server, "replay", arrivals=trace_of(bench, seed), policy=policy,
                                       out=bench.path("answers.jsonl")))
        for mark, floor in floors.items():
            figures.append(mean_figure("trace", policy, mark, runs, floor))
        figures.append(Figure("trace", f"{policy}: refused and would have fitted",
                              [run["wrong_refusals"] for run in runs], ceiling=0))
        figures.append(Figure("trace", f"{policy}: tasks placed one by one", rates(runs), "/s"))
    return figures


BATCH = 20
BATCH_FLOORS = {mark: round(floor + 0.3, 1) for mark, floor in TRACE_FLOORS["fgd"].items()}


def batches(bench):
    """the same trace over 3 seeds, handed over 20 tasks at a time to be placed together with fgd"""
    runs = []
    for seed in (1,) if bench.quick else (1, 2, 3):
        with bench.berthd() as server:
            runs.append(bench.load(server, "replay", arrivals=trace_of(bench, seed), policy="fgd", batch=BATCH,
                                   out=bench.path("answers.jsonl")))
    return [
        *(mean_figure("batches", f"fgd, {BATCH} at a time", mark, runs, floor)
          for mark, floor in BATCH_FLOORS.items()),
        Figure("batches", "refused and would have fitted", [run["wrong_refusals"] for run in runs], ceiling=0),
        Figure("batches", "tasks placed", rates(runs), "/s"),
    ]


class MeanFigure(Figure):
    """Judged by its mean, as published results of the experiment are."""

    @property
    def median(self):
        return sum(self.values) / len(self.values)


def mean_figure(row, policy, mark, runs, floor):
    values = [run["gpu_allocated_percent"][mark] for run in runs]
    return MeanFigure(row, f"{policy}: mean GPU allocation at {mark} % arrived", values, "%", floor=floor)


def allocators(bench):
    """the server built with mimalloc, jemalloc and the system's allocator"""
    folders = {}
    for name in ("mimalloc", "jemalloc", "system"):
        build = os.path.join(programs.ROOT, f"build-bench-{name}")
        programs.run("cmake", "-S", programs.ROOT, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                     f"-DBERTH_ALLOCATOR={name}", "-DBERTH_TESTS=OFF", "-DBERTH_BENCH=OFF")
        programs.run("ninja", "-C", build, "berthd")
        folders[name] = os.path.join(build, "bin")
    loads = {name: [] for name in folders}
    sizes = {name: [] for name in folders}
    for _ in range(bench.runs):
        for name, folder in folders.items():
            with bench.berthd(folder=folder) as server:
                loads[name].append(bench.load(server, "schedule", workers=10_000, **SHAPE))
            with bench.berthd(folder=folder) as server:
                run = bench.load(server, "ping", workers=100_000, requests=1_000, connections=1, depth=1)
                sizes[name].append(run["server_rss_bytes"] / MB)
    figures = []
    for name in folders:
        figures += [
            Figure("allocators", f"{name}: placements, 10,000 workers", rates(loads[name]), "/s"),
            Figure("allocators", f"{name}: server's CPU for one of them", costs(loads[name]), "ns"),
            Figure("allocators", f"{name}: memory, 100,000 workers", sizes[name], "MB"),
        ]
    return figures


ROWS = {row.__name__: row for row in (
    echo, schedule, depth1, openloop, workers, heartbeats, hold, memory, trace, batches,
    allocators)}
