#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

/// The fields of any plain struct, without a list that someone has to keep up to date: a field
/// added to messages.h is compared, printed and filled with random values from then on.
namespace berth::wire {

struct AnyField {
  template <typename T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <typename Struct, size_t... I>
constexpr bool has_fields(std::index_sequence<I...>) {
  return requires {
    Struct{((void)I, AnyField{})...};
  };
}

/// How many fields `Struct` has: the longest list of initializers it accepts.
template <typename Struct, size_t N = 34>
constexpr size_t field_count() {
  if constexpr (N == 0 || has_fields<Struct>(std::make_index_sequence<N>())) {
    return N;
  } else {
    return field_count<Struct, N - 1>();
  }
}

/// Calls `use(field, ...)` with all fields of `fields`, in order.
template <typename Struct, typename Use>
decltype(auto) with_fields(Struct& fields, Use use) {
  constexpr size_t kCount = field_count<std::remove_const_t<Struct>>();
  static_assert(kCount <= 20 || kCount == 28 || kCount == 31, "add a line below");
  if constexpr (kCount == 0) {
    return use();
  } else if constexpr (kCount == 1) {
    auto& [f1] = fields;
    return use(f1);
  } else if constexpr (kCount == 2) {
    auto& [f1, f2] = fields;
    return use(f1, f2);
  } else if constexpr (kCount == 3) {
    auto& [f1, f2, f3] = fields;
    return use(f1, f2, f3);
  } else if constexpr (kCount == 4) {
    auto& [f1, f2, f3, f4] = fields;
    return use(f1, f2, f3, f4);
  } else if constexpr (kCount == 5) {
    auto& [f1, f2, f3, f4, f5] = fields;
    return use(f1, f2, f3, f4, f5);
  } else if constexpr (kCount == 6) {
    auto& [f1, f2, f3, f4, f5, f6] = fields;
    return use(f1, f2, f3, f4, f5, f6);
  } else if constexpr (kCount == 7) {
    auto& [f1, f2, f3, f4, f5, f6, f7] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7);
  } else if constexpr (kCount == 8) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8);
  } else if constexpr (kCount == 9) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9);
  } else if constexpr (kCount == 10) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10);
  } else if constexpr (kCount == 11) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11);
  } else if constexpr (kCount == 12) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12);
  } else if constexpr (kCount == 13) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13);
  } else if constexpr (kCount == 14) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14);
  } else if constexpr (kCount == 15) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15);
  } else if constexpr (kCount == 16) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16);
  } else if constexpr (kCount == 17) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17] = fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17);
  } else if constexpr (kCount == 18) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18] =
        fields;
    return use(f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18);
  } else if constexpr (kCount == 19) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19] =
        fields;
    return use(
        f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19);
  } else if constexpr (kCount == 20) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20] =
        fields;
    return use(
        f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20);
  } else if constexpr (kCount == 28) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28] =
        fields;
    return use(
        f1,
        f2,
        f3,
        f4,
        f5,
        f6,
        f7,
        f8,
        f9,
        f10,
        f11,
        f12,
        f13,
        f14,
        f15,
        f16,
        f17,
        f18,
        f19,
        f20,
        f21,
        f22,
        f23,
        f24,
        f25,
        f26,
        f27,
        f28);
  } else if constexpr (kCount == 31) {
    auto& [f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30, f31] =
        fields;
    return use(
        f1,
        f2,
        f3,
        f4,
        f5,
        f6,
        f7,
        f8,
        f9,
        f10,
        f11,
        f12,
        f13,
        f14,
        f15,
        f16,
        f17,
        f18,
        f19,
        f20,
        f21,
        f22,
        f23,
        f24,
        f25,
        f26,
        f27,
        f28,
        f29,
        f30,
        f31);
  }
}

/// Calls `use(field)` for each field of `fields`, in order.
template <typename Struct, typename Use>
void for_each_field(Struct& fields, Use use) {
  with_fields(fields, [&](auto&... field) { (use(field), ...); });
}

}  // namespace berth::wire
