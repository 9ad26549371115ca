#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "net/store/sqlite_store.h"
#include "net/thread_turns.h"
#include "wire/spec.h"

// What the store costs: life cycles of jobs in groups of several sizes, what each kind of row takes
// of them, how long the longest commit is, and how long a restart with many pending jobs.
namespace berth::net {
namespace {

constexpr const char* kWorker = "worker-0017";
constexpr int64_t kNowMs = 1'800'000'000'000;

double seconds(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Wall and processor time of this thread since it was made.
class Watch {
 public:
  double wall() const { return seconds(CLOCK_MONOTONIC) - wall_; }
  double cpu() const { return seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_; }

 private:
  double wall_ = seconds(CLOCK_MONOTONIC);
  double cpu_ = seconds(CLOCK_THREAD_CPUTIME_ID);
};

[[noreturn]] void give_up(const std::string& problem) {
  std::fprintf(stderr, "store_bench: %s\n", problem.c_str());
  std::exit(EXIT_FAILURE);
}

/// A job as people submit them: a name, a queue, a command, some environment, two tags.
std::vector<std::byte> typical_spec() {
  const wire::Text command[] = {"/usr/bin/python3", "train.py", "--epochs", "10"};
  const wire::Label env[] = {{"OMP_NUM_THREADS", "4"}, {"DATA", "/data/set-17"}};
  const wire::Text tags[] = {"linux", "gpu"};
  wire::JobSpec spec;
  spec.name = "train";
  spec.queue = "batch";
  spec.command = command;
  spec.env = env;
  spec.requirements.all_tags = tags;
  wire::SpecEncoder encoder;
  const auto bytes = encoder.encode(spec);
  return {bytes.begin(), bytes.end()};
}

/// Which parts of a life cycle a run writes.
struct Parts {
  bool submit = true;
  bool accept = true;
  bool end = true;
  bool attempt = true;
  bool events = true;
  bool drop = true;
};

/// Groups in which `size` jobs are submitted, those of the group before are accepted, those of the
/// one before that end, and those of ten before are dropped, as retention does sooner or later.
class Life {
 public:
  Life(size_t size, Parts parts) : size_(size), parts_(parts), spec_(typical_spec()) {}

  const core::StoreBatch& next() {
    ++group_.sequence;
    group_.jobs.clear();
    group_.changes.clear();
    group_.attempts.clear();
    group_.events.clear();
    group_.dropped_jobs.clear();
    for (size_t i = 0; i < size_; ++i) {
      const uint64_t id = (group_.sequence - 1) * size_ + i + 1;
      submit({id});
      if (group_.sequence > 1) accept({id - size_});
      if (group_.sequence > 2) end({id - 2 * size_});
      if (group_.sequence > 10 && parts_.drop) group_.dropped_jobs.push_back({id - 10 * size_});
    }
    return group_;
  }

 private:
  void submit(wire::JobId id) {
    core::JobRecord job = {.id = id, .submitted_at_ms = kNowMs, .spec = spec_};
    job.progress.queued_at_ms = kNowMs;
    if (parts_.submit) group_.jobs.push_back(job);
    event(id, wire::JobState::Pending, "");
  }

  core::JobProgress progress(wire::JobId id, wire::JobState state) const {
    core::JobProgress p;
    p.state = state;
    p.attempt_count = 1;
    p.queued_at_ms = p.assigned_at_ms = p.started_at_ms = kNowMs;
    p.worker = kWorker;
    p.assignment = {id, (uint64_t{1} << 40) + id.value, 1};
    p.expires_at_ms = kNowMs + 30'000;
    return p;
  }

  void accept(wire::JobId id) {
    if (parts_.accept) group_.changes.push_back({id, progress(id, wire::JobState::Assigned)});
  }

  void end(wire::JobId id) {
    core::JobProgress p = progress(id, wire::JobState::Completed);
    p.finished_at_ms = kNowMs + 20;
    p.expires_at_ms = 0;
    p.usage = {12, 5u << 20, 20};
    if (parts_.end) group_.changes.push_back({id, p});
    core::AttemptRecord attempt = {
        .id = p.assignment,
        .worker = p.worker,
        .state = p.state,
        .assigned_at_ms = kNowMs,
        .started_at_ms = kNowMs,
        .finished_at_ms = p.finished_at_ms};
    attempt.usage = p.usage;
    if (parts_.attempt) group_.attempts.push_back(attempt);
    event(id, p.state, kWorker);
  }

  void event(wire::JobId id, wire::JobState state, wire::Text worker) {
    if (!parts_.events) return;
    wire::JobEvent event;
    event.sequence = ++events_;
    event.at_ms = kNowMs;
    event.job = id;
    event.state = state;
    event.worker = worker;
    group_.events.push_back(event);
  }

  const size_t size_;
  const Parts parts_;
  const std::vector<std::byte> spec_;
  core::StoreBatch group_;
  uint64_t events_ = 0;
};

/// A new store in the folder that is measured.
struct FreshStore {
  explicit FreshStore(const std::string& folder) : path(folder + "/store_bench.db"), store({path}) {
    remove();
    std::string problem;
    if (!store.open(problem)) give_up(problem);
  }
  ~FreshStore() {
    store.close();
    remove();
  }
  void remove() const {
    for (const char* end : {"", "-wal", "-shm", ".lock"})
      unlink((path + end).c_str());
  }

  const std::string path;
  SqliteStore store;
};

void commit(SqliteStore& store, const core::StoreBatch& group) {
  std::string problem;
  if (!store.commit({&group, 1}, problem) || !store.make_room(problem)) give_up(problem);
}

void print_ceiling(const std::string& folder) {
  constexpr int kRounds = 200;
  const std::string path = folder + "/store_bench.sync";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) give_up("cannot create " + path);
  const std::array<char, 4096> page = {};
  std::vector<double> times;
  for (int i = 0; i < kRounds; ++i) {
    const Watch watch;
    if (pwrite(fd, page.data(), page.size(), 0) < 0 || fdatasync(fd) != 0) give_up("sync failed");
    times.push_back(watch.wall());
  }
  close(fd);
  unlink(path.c_str());
  std::sort(times.begin(), times.end());
  std::printf(
      "fdatasync of 4 KiB: p50 %.2f ms, p99 %.2f ms (%d times)\n\n",
      1e3 * times[kRounds / 2],
      1e3 * times[kRounds * 99 / 100],
      kRounds);
}

void print_life_cycles(const std::string& folder, size_t jobs) {
  std::printf("group   life cycles/s   us/cycle   of it CPU   commit p50   p99     longest\n");
  for (const size_t size : {size_t{1}, size_t{10}, size_t{100}, size_t{1000}}) {
    FreshStore fresh(folder);
    SqliteStore& store = fresh.store;
    Life life(size, {});
    const size_t groups = std::clamp<size_t>(jobs / size, 30, 4'000);
    std::vector<double> times;
    const Watch watch;
    for (size_t i = 0; i < groups; ++i) {
      const core::StoreBatch& group = life.next();
      const Watch one;
      commit(store, group);
      times.push_back(one.wall());
    }
    const double cycles = static_cast<double>(groups * size);
    const double wall = watch.wall();
    const double cpu = watch.cpu();
    std::sort(times.begin(), times.end());
    std::printf(
        "%5zu   %13.0f   %8.1f   %9.1f   %7.2f ms   %.2f ms %.2f ms\n",
        size,
        cycles / wall,
        1e6 * wall / cycles,
        1e6 * cpu / cycles,
        1e3 * times[times.size() / 2],
        1e3 * times[times.size() * 99 / 100],
        1e3 * times.back());
  }
  std::printf("\n");
}

double cpu_of(const std::string& folder, size_t jobs, Parts parts) {
  constexpr size_t kSize = 500;
  FreshStore fresh(folder);
  Life life(kSize, parts);
  const size_t groups = jobs / kSize;
  const Watch watch;
  for (size_t i = 0; i < groups; ++i)
    commit(fresh.store, life.next());
  return 1e6 * watch.cpu() / static_cast<double>(groups * kSize);
}

// Leaving a part out saves more than its statement: its share of pages, checksums and copying, too.
void print_split(const std::string& folder, size_t jobs) {
  struct Part {
    const char* name;
    Parts without;
  };
  const Part parts[] = {
      {"accepted (1 update)", {.accept = false}},
      {"ended (1 update)", {.end = false}},
      {"attempt (1 insert)", {.attempt = false}},
      {"events (2 inserts)", {.events = false}},
      {"dropped (2 deletes)", {.drop = false}},
  };
  const double all = cpu_of(folder, jobs, {});
  std::printf("CPU of a life cycle in groups of 500: %.1f us; less without\n", all);
  for (const Part& part : parts)
    std::printf("  %-22s %.1f us\n", part.name, all - cpu_of(folder, jobs, part.without));
  std::printf("\n");
}

/// What a restarted ledger does first: copy.
struct Counter final : core::StoreReader {
  void on_start(uint64_t) override {}
  void on_job(const core::JobRecord& job) override { bytes += job.spec.size(), ++jobs; }
  void on_attempt(const core::AttemptRecord&) override {}
  void on_submit(const core::SubmitRecord&) override {}
  void on_worker(const core::WorkerRecord&) override {}
  void on_event(const wire::JobEvent&) override {}
  void on_experience(const core::ExperienceRecord&) override {}
  uint64_t jobs = 0;
  uint64_t bytes = 0;
};

double timed(const std::function<bool(std::string&)>& step) {
  std::string problem;
  const Watch watch;
  if (!step(problem)) give_up(problem);
  return watch.wall();
}

void print_restart(const std::string& folder, size_t jobs) {
  FreshStore fresh(folder);
  SqliteStore& store = fresh.store;
  Life life(1'000, {.accept = false, .end = false, .attempt = false, .drop = false});
  for (size_t i = 0; i < jobs / 1'000; ++i)
    commit(store, life.next());
  store.close();
  for (const bool check : {false, true}) {
    SqliteStore again({fresh.path, check ? StoreCheck::Always : StoreCheck::Never});
    Counter counter;
    const double opened = timed([&](std::string& problem) { return again.open(problem); });
    const double loaded = timed([&](std::string& problem) { return again.load(counter, problem); });
    std::printf(
        "restart with %llu pending jobs, %.0f MB: open %s check %.2f s, load %.2f s\n",
        static_cast<unsigned long long>(counter.jobs),
        1e-6 * static_cast<double>(std::filesystem::file_size(fresh.path)),
        check ? "with" : "without",
        opened,
        loaded);
  }
}

int run(int argc, char** argv) {
  std::string folder = ".";
  size_t jobs = 200'000;
  size_t pending = 1'000'000;
  CLI::App app("What the SQLite store costs.", "store_bench");
  app.add_option("--folder", folder, "on the disk to be measured")->capture_default_str();
  app.add_option("--jobs", jobs, "life cycles of each run")->capture_default_str();
  app.add_option("--pending", pending, "jobs that a restart finds; 0: none")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  take_short_turns();  // as the store's thread is
  print_ceiling(folder);
  print_life_cycles(folder, jobs);
  print_split(folder, jobs);
  if (pending > 0) print_restart(folder, pending);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace berth::net

int main(int argc, char** argv) {
  return berth::net::run(argc, argv);
}
