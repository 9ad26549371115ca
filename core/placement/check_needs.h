#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "wire/parts.h"

namespace berth::core {

/// Collects the first thing that is wrong. The comparisons stay in line: they are made for every
/// placement, and nearly all of them hold.
class Checker {
 public:
  void range(const char* field, int64_t value, int64_t min, int64_t max) {
    if (value < min || value > max) [[unlikely]]
      refuse_range(field, value, min, max);
  }
  void that(bool holds, const char* sentence) {
    if (!holds) [[unlikely]]
      refuse(sentence);
  }
  bool ok() const { return ok_; }
  const std::string& wrong() const { return wrong_; }

  [[gnu::noinline]] void refuse(std::string sentence) {
    if (ok_) wrong_ = std::move(sentence);
    ok_ = false;
  }

 private:
  [[gnu::noinline]] void refuse_range(const char* field, int64_t value, int64_t min, int64_t max) {
    refuse(
        std::string(field) + " is " + std::to_string(value) + ", outside " + std::to_string(min) +
        " to " + std::to_string(max));
  }

  bool ok_ = true;
  std::string wrong_;
};

/// Whether a task may ask for this at all: amounts, devices and how many names, not what they are.
/// The same for Place requests and for jobs.
void check_needs(const wire::Demand& demand, const wire::Requirements& wanted, Checker& check);

}  // namespace berth::core
