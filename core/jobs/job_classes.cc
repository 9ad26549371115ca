#include "core/jobs/job_classes.h"

#include "core/base/check.h"
#include "core/jobs/check_spec.h"
#include "core/placement/explain.h"
#include "core/placement/placement.h"

namespace berth::core {

namespace {

constexpr Duration kVerdictAge = Duration::seconds(1);

}  // namespace

const wire::JobSpec& JobClasses::read(std::span<const std::byte> spec) {
  BERTH_CHECK(decoder_.decode(spec, spec_) == wire::DecodeStatus::Ok);
  return spec_;
}

const wire::JobSpec& JobClasses::read_other(std::span<const std::byte> spec) {
  BERTH_CHECK(other_decoder_.decode(spec, other_spec_) == wire::DecodeStatus::Ok);
  return other_spec_;
}

JobClass JobClasses::class_of(DispatchQueue& queue, const wire::JobSpec& spec) {
  key_.clear();
  append_class_key(spec, key_);
  const JobClass like = queue.class_of(key_);
  if (like >= classes_.size()) classes_.resize(like + 1);
  Class& one = classes_[like];
  if (one.key != key_) {
    one.key = key_;
    one.names = 0;
  }
  return like;
}

bool JobClasses::compile(const wire::JobSpec& spec, wire::Place& place, Query& query) {
  scratch_.clear();
  place = place_of(spec, scratch_);
  place.task = "job";
  std::string_view wrong;
  return compile_query(place, tables_.names, query, scratch_, wrong);
}

const Query& JobClasses::query(JobClass like, const Job& job) {
  Class& one = classes_[like];
  const uint32_t names = tables_.names.count() + 1;
  if (one.names != names) {
    wire::Place place;
    // Whatever a Place may not ask for was refused when the job was submitted.
    BERTH_CHECK(compile(read_other(job.spec.bytes()), place, one.query));
    one.names = names;
  }
  return one.query;
}

Query JobClasses::query_of(const wire::JobSpec& spec) {
  wire::Place place;
  BERTH_CHECK(compile(spec, place, query_));
  return query_;
}

bool JobClasses::unsatisfiable(Now now, const wire::JobSpec& spec) {
  uint32_t one = 1;
  return unsatisfiable(now, spec, one);
}

bool JobClasses::unsatisfiable(Now now, const wire::JobSpec& spec, uint32_t& looks) {
  key_.clear();
  append_class_key(spec, key_);
  const auto found = verdicts_.find(key_);
  const bool known = found != verdicts_.end();
  if (known && (looks == 0 || holds(now, found->second))) return found->second.unsatisfiable;
  if (looks == 0) return false;
  --looks;
  return look(now, key_, spec);
}

bool JobClasses::unsatisfiable(Now now, JobClass like, const Job& job, uint32_t& looks) {
  const std::string& key = classes_[like].key;
  const auto found = verdicts_.find(key);
  if (found != verdicts_.end() && holds(now, found->second)) return found->second.unsatisfiable;
  if (looks == 0) return false;
  --looks;
  return look(now, key, read_other(job.spec.bytes()));
}

bool JobClasses::holds(Now now, const Verdict& verdict) const {
  if (!verdict.unsatisfiable) return verdict.version == fewer_;
  return verdict.version == more_ && now.mono - verdict.at < kVerdictAge;
}

bool JobClasses::look(Now now, std::string_view key, const wire::JobSpec& spec) {
  if (verdicts_.size() >= kVerdictsKept && !verdicts_.contains(key)) verdicts_.clear();
  wire::Place place;
  Verdict verdict;
  verdict.unsatisfiable = !compile(spec, place, query_) || !fits_somewhere(tables_, place, query_);
  verdict.version = verdict.unsatisfiable ? more_ : fewer_;
  verdict.at = now.mono;
  verdicts_[key] = verdict;
  return verdict.unsatisfiable;
}

wire::Explanation JobClasses::explain_unsatisfiable(const wire::JobSpec& spec, Arena& text) {
  wire::Place place;
  if (!compile(spec, place, query_)) return {};
  return explain_capacity(tables_, place, query_, text);
}

wire::Explanation JobClasses::explain(const wire::JobSpec& spec, Arena& text) {
  wire::Place place;
  if (!compile(spec, place, query_)) return {};
  return explain_placement(tables_, place, query_, text);
}

}  // namespace berth::core
