#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "tests/wire/describe.h"
#include "wire/messages.h"

namespace berth::wire {

// That fields are counted right: without this, a miscount would quietly leave some out.
static_assert(field_count<GetStats>() == 0 && field_count<ReservationId>() == 1);
static_assert(field_count<Place>() == 8 && field_count<Heartbeat>() == 16);
static_assert(field_count<WorkerRow>() == 18 && field_count<JobRow>() == 28);
static_assert(field_count<JobSpec>() == 31 && field_count<JobCounts>() == 4);

template <typename Enum>
constexpr int kEnumerators = 0;
template <>
inline constexpr int kEnumerators<Role> = 2;
template <>
inline constexpr int kEnumerators<Policy> = kPolicyCount;
template <>
inline constexpr int kEnumerators<WorkerStatus> = 3;
template <>
inline constexpr int kEnumerators<WorkerAction> = 4;
template <>
inline constexpr int kEnumerators<Refusal> = 10;
template <>
inline constexpr int kEnumerators<NoPlace> = 4;
template <>
inline constexpr int kEnumerators<WorkerChange> = 9;
template <>
inline constexpr int kEnumerators<EventKind> = 4;
template <>
inline constexpr int kEnumerators<ServerChange> = 2;
template <>
inline constexpr int kEnumerators<Runner> = 4;
template <>
inline constexpr int kEnumerators<JobState> = kJobStateCount;
template <>
inline constexpr int kEnumerators<ErrorClass> = 9;
template <>
inline constexpr int kEnumerators<JobAction> = 2;
template <>
inline constexpr int kEnumerators<OutputStream> = 2;
template <>
inline constexpr int kEnumerators<JobHold> = 6;
template <>
inline constexpr int kEnumerators<MemoryAdvice> = 3;
template <>
inline constexpr int kEnumerators<ReportKind> = 7;
template <>
inline constexpr int kEnumerators<Verdict> = 3;
template <>
inline constexpr int kEnumerators<PlanOf> = 2;
template <>
inline constexpr int kEnumerators<PlanCause> = 6;
template <>
inline constexpr int kEnumerators<PlanObjective> = 4;
template <>
inline constexpr int kEnumerators<PlanOutcome> = 5;
template <>
inline constexpr int kEnumerators<PlanChange> = 3;
template <>
inline constexpr int kEnumerators<PlannedState> = 3;
template <>
inline constexpr int kEnumerators<PlannerState> = 4;
template <>
inline constexpr int kEnumerators<std::byte> = 256;

/// Messages of every kind from a seed, with each field absent, ordinary or extreme.
///
/// Memory   keeps what its messages point to until it is destroyed
class RandomMessages {
 public:
  explicit RandomMessages(uint64_t seed) : random_(seed) {}

  /// A random message of alternative number `kind` of `Variant`.
  template <typename Variant>
  Variant make(size_t kind) {
    Variant message;
    emplace(message, kind, std::make_index_sequence<std::variant_size_v<Variant>>());
    return message;
  }

  /// Any other plain struct of the wire.
  template <typename Struct>
  Struct make_part() {
    Struct part;
    for_each_field(part, [&](auto& field) { fill(field); });
    return part;
  }

 private:
  template <typename Variant, size_t... I>
  void emplace(Variant& message, size_t kind, std::index_sequence<I...>) {
    (void)((kind == I && (fill(message.template emplace<I>()), true)) || ...);
  }

  uint64_t below(uint64_t bound) { return random_() % bound; }

  template <typename T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, Text>) {
      value = below(4) == 0 ? Text() : text();
    } else if constexpr (std::is_same_v<T, bool>) {
      value = below(2) != 0;
    } else if constexpr (std::is_enum_v<T>) {
      static_assert(kEnumerators<T> > 0, "say how many enumerators it has, above");
      value = static_cast<T>(below(kEnumerators<T>));
    } else if constexpr (std::is_arithmetic_v<T>) {
      value = number<T>();
    } else if constexpr (IsSpan<T>::value) {
      fill_list(value);
    } else if (below(4) != 0) {
      for_each_field(value, [&](auto& field) { fill(field); });
    }
  }

  template <typename Element>
  void fill_list(std::span<const Element>& list) {
    // Mostly short; sometimes longer than the first scratch of a decoder.
    const size_t count = below(40) == 0 ? below(60) : below(5);
    auto elements = std::make_shared<std::vector<Element>>(count);
    for (Element& element : *elements) {
      if constexpr (std::is_same_v<Element, uint8_t>) {
        element = static_cast<uint8_t>(below(kEnumerators<Verdict>));  // the only lists of these
      } else {
        fill(element);
      }
    }
    list = *elements;
    kept_.push_back(std::move(elements));
  }

  template <typename Number>
  Number number() {
    using Limits = std::numeric_limits<Number>;
    switch (below(5)) {
      case 0: return Number{};
      case 1: return Limits::max();
      case 2: return Limits::lowest();
      case 3: return static_cast<Number>(below(100));
      default: return static_cast<Number>(random_());
    }
  }

  /// Any bytes at all: the wire does not look inside.
  Text text() {
    std::string& bytes = texts_.emplace_back(below(20) == 0 ? below(300) : below(12), '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random_());
    return bytes;
  }

  std::mt19937_64 random_;
  std::deque<std::string> texts_;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace berth::wire
