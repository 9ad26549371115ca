#include "tests/net/store/story.h"

#include <sstream>

#include <gtest/gtest.h>

#include "wire/tokens.h"

namespace berth::net {
namespace {

std::ostream& operator<<(std::ostream& out, const wire::JobError& error) {
  return out << wire::error_class_token(error.kind) << '/' << error.exit_code << '/' << error.signal
             << '/' << error.message;
}

std::ostream& operator<<(std::ostream& out, const wire::TaskUsage& usage) {
  return out << usage.cpu_ms << '/' << usage.memory_peak_bytes << '/' << usage.wall_ms;
}

}  // namespace

std::string describe(const core::JobRecord& job) {
  const core::JobProgress& p = job.progress;
  std::ostringstream out;
  out << "job " << job.id.value << " x" << job.count;
  if (job.array.value != 0) out << " of " << job.array.value << " index " << job.array_index;
  out << ' ' << wire::job_state_token(p.state) << " times " << job.submitted_at_ms << ' '
      << p.queued_at_ms << ' ' << p.assigned_at_ms << ' ' << p.started_at_ms << ' '
      << p.finished_at_ms << ' ' << p.ready_at_ms << " attempts " << p.attempt_count << " on '"
      << p.worker << "' " << p.assignment.job.value << '.' << p.assignment.attempt << '.'
      << p.assignment.epoch << " until " << p.expires_at_ms << " gpus";
  for (const uint16_t gpu : p.gpus)
    out << ' ' << gpu;
  out << " error " << p.last_error << " usage " << p.usage;
  wire::SpecDecoder decoder;
  wire::JobSpec spec;
  const bool good = decoder.decode(job.spec, spec) == wire::DecodeStatus::Ok;
  out << " spec " << (good ? spec.name : wire::Text("unreadable"));
  return out.str();
}

std::string describe(const core::AttemptRecord& a) {
  std::ostringstream out;
  out << "attempt " << a.id.job.value << '.' << a.id.attempt << '.' << a.id.epoch << " on '"
      << a.worker << "' " << wire::job_state_token(a.state) << " times " << a.assigned_at_ms << ' '
      << a.started_at_ms << ' ' << a.finished_at_ms << " error " << a.error << " usage " << a.usage;
  for (const wire::OutputFile& file : a.outputs) {
    out << " [" << file.name << ' ' << file.path << ' ' << file.bytes << ' ' << file.sha256
        << (file.truncated ? " cut]" : "]");
  }
  return out.str();
}

void Story::on_job(const core::JobRecord& job) {
  EXPECT_EQ(reinterpret_cast<uintptr_t>(job.spec.data()) % 8, 0u);
  lines.push_back(describe(job));
}

void Story::on_attempt(const core::AttemptRecord& attempt) {
  lines.push_back(describe(attempt));
}

void Story::on_submit(const core::SubmitRecord& submit) {
  std::ostringstream out;
  out << "submit '" << submit.request << "' at " << submit.at_ms;
  if (submit.digest != 0) out << " digest " << submit.digest;
  for (const wire::JobRange& range : submit.jobs)
    out << ' ' << range.first.value << '-' << range.last.value;
  lines.push_back(out.str());
}

void Story::on_worker(const core::WorkerRecord& worker) {
  std::ostringstream out;
  out << "worker '" << worker.worker << "' nonce " << worker.nonce << " failures "
      << worker.failures << " until " << worker.cooldown_until_ms;
  lines.push_back(out.str());
}

void Story::on_event(const wire::JobEvent& event) {
  std::ostringstream out;
  out << "event " << event.sequence << " at " << event.at_ms << " job " << event.job.value << " x"
      << event.count << ' ' << wire::job_state_token(event.state) << ' ' << event.attempt << " on '"
      << event.worker << "' " << wire::error_class_token(event.error) << " '" << event.reason
      << "'";
  lines.push_back(out.str());
}

void Story::on_experience(const core::ExperienceRecord& record) {
  std::ostringstream out;
  out << "experience " << record.slot << ' ' << record.key;
  for (const core::Moments& moments : {record.run, record.memory})
    out << ' ' << moments.weight << '/' << moments.mean << '/' << moments.variance;
  lines.push_back(out.str());
}

std::vector<std::byte> make_spec(
    std::string_view name, uint32_t elements, std::string_view stdin_text) {
  const wire::Label labels[] = {{"team", "a \"b\""}, {"tier", "1"}};
  wire::JobSpec spec;
  spec.name = name;
  spec.queue = "night";
  spec.tenant = "physics";
  spec.labels = labels;
  spec.priority = -3;
  spec.attempts_max = 4;
  spec.stdin_text = stdin_text;
  spec.is_array = elements > 0;
  spec.array_last = elements > 0 ? elements - 1 : 0;
  wire::SpecEncoder encoder;
  const std::span<const std::byte> bytes = encoder.encode(spec);
  return {bytes.begin(), bytes.end()};
}

void open_or_fail(SqliteStore& store) {
  std::string problem;
  ASSERT_TRUE(store.open(problem)) << problem;
}

void commit_or_fail(SqliteStore& store, const core::StoreBatch& batch) {
  std::string problem;
  ASSERT_TRUE(store.commit({&batch, 1}, problem)) << problem;
}

Story read_back(SqliteStore& store) {
  Story story;
  std::string problem;
  EXPECT_TRUE(store.load(story, problem)) << problem;
  return story;
}

}  // namespace berth::net
