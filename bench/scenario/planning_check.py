"""Whether an answer of `berth plan solve` keeps every rule of its problem. Shares nothing with the solver."""

TOLERANCE = 1e-6


def duration_on(task, worker):
    duration = task["duration_s"]
    return duration.get(worker) if isinstance(duration, dict) else duration


def fault(problem, answer):
    """One sentence on the first rule that is broken; None when all hold."""
    tasks = {task["id"]: task for task in problem["tasks"]}
    workers = {worker["id"]: worker["capacity"] for worker in problem["workers"]}
    if sorted(one["task"] for one in answer["assignments"]) != sorted(tasks):
        return "not every task is assigned once"
    start = {one["task"]: one["start_s"] for one in answer["assignments"]}
    end = {one["task"]: one["start_s"] + one["duration_s"] for one in answer["assignments"]}
    for one in answer["assignments"]:
        task = tasks[one["task"]]
        duration = duration_on(task, one["worker"])
        if duration is None or one["worker"] not in task.get("workers", workers):
            return f"{task['id']} may not run on {one['worker']}"
        if abs(duration - one["duration_s"]) > TOLERANCE:
            return f"{task['id']} takes {one['duration_s']} instead of {duration}"
        if start[task["id"]] < task.get("release_s", 0) - TOLERANCE:
            return f"{task['id']} starts before its release"
        hard = problem["objective"] != "weighted_tardiness"
        if hard and end[task["id"]] > task.get("deadline_s", float("inf")) + TOLERANCE:
            return f"{task['id']} misses its deadline"
        for before in task.get("after", []):
            if start[task["id"]] < end[before] - TOLERANCE:
                return f"{task['id']} starts before {before} has ended"
    return overload(tasks, workers, answer) or wrong_cost(problem, tasks, start, end, answer)


def overload(tasks, workers, answer):
    changes = {}
    for one in answer["assignments"]:
        if one["duration_s"] <= 0:
            continue
        demand = tasks[one["task"]].get("demand", {})
        changes.setdefault(one["worker"], []).append((one["start_s"], 1, demand))
        changes[one["worker"]].append((one["start_s"] + one["duration_s"] - TOLERANCE / 2, 0, demand))
    for worker, list_of_changes in changes.items():
        used = {}
        for _, begins, demand in sorted(list_of_changes, key=lambda change: change[:2]):
            for resource, amount in demand.items():
                used[resource] = used.get(resource, 0) + (amount if begins else -amount)
                if used[resource] > workers[worker].get(resource, 0) + TOLERANCE:
                    return f"{worker} has too little {resource}"
    return None


def wrong_cost(problem, tasks, start, end, answer):
    if problem["objective"] == "makespan":
        cost = max(end.values(), default=0)
    elif problem["objective"] == "workers_used":
        cost = len({one["worker"] for one in answer["assignments"]})
    else:
        cost = sum(task.get("weight", 1) * max(0, end[name] - task.get("deadline_s", float("inf")))
                   for name, task in tasks.items())
    if abs(cost - answer["cost"]) > TOLERANCE * max(1, cost):
        return f"the cost is {cost}, the answer says {answer['cost']}"
    if answer["bound"] > answer["cost"] * (1 + 1e-9) + TOLERANCE:
        return f"the bound {answer['bound']} is above the cost {answer['cost']}"
    return None


def log_fault(jobs, processors, starts):
    """Of a replayed log: nobody before it came, never more than there is."""
    changes = []
    for job, start in starts.items():
        submitted, run, needed = jobs[job]
        if start < submitted:
            return f"job {job} starts before it was submitted"
        changes += [(start, 1, needed), (start + run, 0, needed)]
    used = 0
    for _, begins, needed in sorted(changes):
        used += needed if begins else -needed
        if used > processors:
            return "more processors are in use than there are"
    return None


def mean_bounded_slowdown(jobs, starts):
    slowdowns = [max(1, (start - jobs[job][0] + jobs[job][1]) / max(jobs[job][1], 10))
                 for job, start in starts.items()]
    return sum(slowdowns) / len(slowdowns)
