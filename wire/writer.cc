#include "wire/writer.h"

namespace berth::wire {

Writer::Groups Writer::groups(std::span<const TextList> values) {
  if (values.empty()) return {};
  const size_t base = offsets_.size();
  for (const TextList group : values) {
    for (const Text value : group) {
      offsets_.push_back(builder.CreateString(value.data(), value.size()).o);
    }
  }
  Groups groups;
  if (offsets_.size() > base) groups.strings = list_of<flatbuffers::String>(base);

  for (const TextList group : values)
    offsets_.push_back(static_cast<uint32_t>(group.size()));
  groups.sizes = builder.CreateVector(offsets_.data() + base, values.size());
  offsets_.resize(base);
  return groups;
}

}  // namespace berth::wire
