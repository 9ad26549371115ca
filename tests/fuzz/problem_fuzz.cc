#include <cstdlib>
#include <string>
#include <string_view>

#include "core/plan/engine/solver.h"
#include "tools/cli/plan_problem.h"

// Whatever is accepted as a problem has an answer that keeps its rules, or a reason why not.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace berth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  core::Problem problem;
  std::string fault;
  if (!cli::read_problem(text, problem, fault)) {
    if (fault.empty()) std::abort();
    return 0;
  }
  if (!core::unschedulable(problem).empty()) return 0;
  const auto engine = core::make_engine(problem, core::EngineChoice::Auto, core::Rng(1));
  (void)engine->advance(2'000);
  if (engine->best() == nullptr) return 0;
  if (!core::schedule_fault(problem, engine->best()->tasks).empty()) std::abort();
  if (engine->bound() > engine->best()->cost * (1 + 1e-9) + 1e-6) std::abort();
  return 0;
}
