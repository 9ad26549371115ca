#include "net/api/job_traits.h"

#include <algorithm>

namespace berth::net {

bool JobTraits::are_of(const wire::JobRow& job) const {
  if (!queue.empty() && job.queue != queue) return false;
  if (!tenant.empty() && job.tenant != tenant) return false;
  if (!job.name.starts_with(name)) return false;
  return label_key.empty() ||
         std::any_of(job.labels.begin(), job.labels.end(), [this](const wire::Label& label) {
           return label.key == label_key && label.value == label_value;
         });
}

std::shared_ptr<const TraitBook::Filter> TraitBook::open(const JobTraits& traits) {
  for (const auto& held : filters_) {
    std::shared_ptr<const Filter> filter = held.lock();
    if (filter != nullptr && filter->traits == traits) return filter;
  }
  for (uint32_t number = 0; number < kFiltersMax; ++number) {
    if (!filters_[number].expired()) continue;
    auto filter = std::make_shared<const Filter>(Filter{number, traits});
    filters_[number] = filter;
    known_.clear();  // its bit has another meaning now
    kept_.clear();
    return filter;
  }
  return nullptr;
}

TraitBook::Verdict TraitBook::of(uint64_t job, const Filter& filter) const {
  const auto found = known_.find(job);
  if (found == known_.end()) return Verdict::Unknown;
  return (found->second >> filter.number & 1) != 0 ? Verdict::Has : Verdict::HasNot;
}

void TraitBook::learn(uint64_t job) {
  if (asking_.size() >= kAskedMax || known_.contains(job) || asking_.contains(job)) return;
  if (id.value == 0) asker_.open(*this);
  if (++last_request_ == 0) ++last_request_;  // 0 is for what nobody asked for
  asked_[last_request_] = job;
  asking_[job] = last_request_;
  asker_.ask(*this, {last_request_}, wire::ShowJob{{job}});
}

uint32_t TraitBook::bits_of(const wire::JobRow& job) const {
  uint32_t bits = 0;
  for (const auto& held : filters_) {
    const std::shared_ptr<const Filter> filter = held.lock();
    if (filter != nullptr && filter->traits.are_of(job)) bits |= 1u << filter->number;
  }
  return bits;
}

void TraitBook::keep(uint64_t job, uint32_t bits) {
  if (!known_.insert_or_assign(job, bits).second) return;
  kept_.push_back(job);
  if (kept_.size() <= kJobsMax) return;
  known_.erase(kept_.front());
  kept_.pop_front();
}

void TraitBook::on_reply(wire::RequestId request, const wire::Reply& reply) {
  const auto found = asked_.find(request.value);
  if (found == asked_.end()) return;
  const uint64_t job = found->second;
  asked_.erase(found);
  asking_.erase(job);
  if (const auto* details = std::get_if<wire::JobDetails>(&reply)) {
    keep(job, bits_of(details->row));
  } else if (const auto* refused = std::get_if<wire::Refused>(&reply);
             refused == nullptr || refused->code != wire::Refusal::Busy) {
    keep(job, 0);
  }
  on_learnt_();
}

// Whoever still waits for a job asks again.
void TraitBook::on_ended() {
  id = {};
  asked_.clear();
  asking_.clear();
  on_learnt_();
}

}  // namespace berth::net
