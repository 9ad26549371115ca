"""Published problems, read into the JSON that `berth plan solve` takes, with the best value known of each."""

import csv
import json
import os


def slots(workers):
    return [{"id": f"w{i}", "capacity": {"slot": 1}} for i in range(workers)]


def rcmax(folder):
    """Unrelated machines: a line of tasks, one of machines, then a row of durations for each task."""
    with open(os.path.join(folder, "best.csv")) as file:
        best = {row["file"]: float(row["best"]) for row in csv.DictReader(file)}
    for name in sorted(os.listdir(os.path.join(folder, "inst")), key=lambda n: int(n.split(".")[0])):
        with open(os.path.join(folder, "inst", name)) as file:
            numbers = [int(word) for word in file.read().split()]
        count, machines = numbers[:2]
        rows = [numbers[2 + i * machines:2 + (i + 1) * machines] for i in range(count)]
        tasks = [{"id": f"t{i}", "demand": {"slot": 1},
                  "duration_s": {f"w{j}": d for j, d in enumerate(row)}} for i, row in enumerate(rows)]
        number = name.split(".")[0]
        yield number, {"objective": "makespan", "workers": slots(machines), "tasks": tasks}, best[number]


def section(lines, title):
    """The lines behind the one that begins with `title`, to the next line of stars."""
    at = next(i for i, line in enumerate(lines) if line.startswith(title)) + 1
    end = next((i for i in range(at, len(lines)) if lines[i].startswith("****")), len(lines))
    return [line for line in lines[at:end] if line.strip() and not line.startswith("----")]


def read_sm(path):
    """A project of PSPLIB: one worker with its resources, tasks with an order among them."""
    with open(path) as file:
        lines = file.read().splitlines()
    tasks = {}
    for line in section(lines, "REQUESTS/DURATIONS")[1:]:
        job, _, duration, *demand = (int(word) for word in line.split())
        tasks[job] = {"id": str(job), "duration_s": duration, "after": [],
                      "demand": {f"R{r + 1}": amount for r, amount in enumerate(demand) if amount}}
    for line in section(lines, "PRECEDENCE RELATIONS")[1:]:
        job, _, _, *followers = (int(word) for word in line.split())
        for follower in followers:
            tasks[follower]["after"].append(str(job))
    capacity = [int(word) for word in section(lines, "RESOURCEAVAILABILITIES")[1].split()]
    worker = {"id": "project", "capacity": {f"R{r + 1}": amount for r, amount in enumerate(capacity)}}
    return {"objective": "makespan", "workers": [worker], "tasks": list(tasks.values())}


def psplib(folder):
    folder = os.path.join(folder, "j30.sm")
    with open(os.path.join(folder, "optimum", "optimum.csv")) as file:
        for row in csv.DictReader(file):
            yield row["problem"], read_sm(os.path.join(folder, row["problem"])), float(row["optimum"])


def read_vbp(path):
    """Vector bins: a worker for each item is enough."""
    with open(path) as file:
        numbers = [int(word) for word in file.read().split()]
    dimensions = numbers[0]
    capacity = {f"r{d}": numbers[1 + d] for d in range(dimensions)}
    at = 2 + dimensions
    tasks = []
    for _ in range(numbers[1 + dimensions]):
        *demand, count = numbers[at:at + dimensions + 1]
        at += dimensions + 1
        for _ in range(count):
            tasks.append({"id": f"t{len(tasks)}", "duration_s": 1,
                          "demand": {f"r{d}": amount for d, amount in enumerate(demand)}})
    workers = [{"id": f"w{i}", "capacity": capacity} for i in range(len(tasks))]
    return {"objective": "workers_used", "workers": workers, "tasks": tasks}


def vbp(folder):
    """Those whose optimum is known."""
    with open(os.path.join(folder, "New_summary_known.csv")) as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["OPT"]) < 0:
                continue
            name = row["instance_name"]
            path = os.path.join(folder, "New_instances_multidim", name.split("_")[0], name + ".vbp")
            yield name, read_vbp(path), float(row["OPT"])


def read_shop(path):
    with open(path) as file:
        numbers = [int(word) for line in file if not line.startswith("#") for word in line.split()]
    jobs, machines = numbers[:2]
    tasks = []
    for job in range(jobs):
        row = numbers[2 + job * 2 * machines:2 + (job + 1) * 2 * machines]
        for step in range(machines):
            task = {"id": f"{job}.{step}", "demand": {"slot": 1}, "duration_s": row[2 * step + 1],
                    "workers": [f"w{row[2 * step]}"]}
            if step:
                task["after"] = [f"{job}.{step - 1}"]
            tasks.append(task)
    return {"objective": "makespan", "workers": slots(machines), "tasks": tasks}


def shops(folder, names):
    with open(os.path.join(folder, "instances.json")) as file:
        known = {one["name"]: one for one in json.load(file)}
    for name in names:
        one = known[name]
        best = one["optimum"] or one["bounds"]["upper"]
        yield name, read_shop(os.path.join(folder, "instances", name)), float(best)


def random_small(rng):
    """At most 20 tasks on at most 10 workers, of three kinds in turn; for the exact engine."""
    kind = rng.choice(["machines", "resources", "chains"])
    workers = [{"id": f"w{i}", "capacity": {"cpu": 8, "memory": 32}} for i in range(rng.randint(2, 10))]
    tasks = []
    for i in range(rng.randint(5, 20)):
        task = {"id": f"t{i}", "demand": {"cpu": rng.randint(1, 4), "memory": rng.randint(1, 16)},
                "duration_s": rng.randint(1, 100)}
        if kind == "machines":
            task["demand"] = {"cpu": 8}
            task["duration_s"] = {worker["id"]: rng.randint(1, 100) for worker in workers}
        if kind == "chains":
            task["after"] = [f"t{j}" for j in range(i) if rng.random() < 0.1]
        tasks.append(task)
    return {"objective": "makespan", "workers": workers, "tasks": tasks}


def random_large(rng, tasks, workers):
    return {"objective": "makespan",
            "workers": [{"id": f"w{i}", "capacity": {"cpu": 8, "memory": 32}} for i in range(workers)],
            "tasks": [{"id": f"t{i}", "demand": {"cpu": rng.randint(1, 4), "memory": rng.randint(1, 16)},
                       "duration_s": rng.randint(10, 100)} for i in range(tasks)]}


def read_swf(path):
    """Jobs that ran, by id: (submitted, run time, processors); and the processors there are."""
    jobs, processors = {}, 0
    with open(path) as file:
        for line in file:
            if line.startswith(";"):
                if "MaxProcs:" in line or "MaxNodes:" in line:
                    processors = int(line.split(":")[1])
                continue
            words = line.split()
            if len(words) >= 5 and float(words[3]) > 0:
                jobs[int(words[0])] = (float(words[1]), float(words[3]), int(words[4]))
    return jobs, processors
