#include "net/api/apis.h"

#include <array>

namespace berth::net {
namespace {

constexpr std::array kApis = {
    &kPlacementApi,
    &kWorkersApi,
    &kJobsApi,
    &kPlansApi,
    &kEventsApi,
    &kSystemApi,
    &kMetricsApi,
    &kDtaskV1Api,
    &kHdcfApi,
    &kJobPoolApi,
};

}  // namespace

std::span<const Api* const> all_apis() {
  return kApis;
}

}  // namespace berth::net
