#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth::agent {

/// `A100`, `RTX-3090`: the name of a device as NVML spells it, without vendor, memory and form.
std::string normalise_model(std::string_view name);

/// The GPUs of this machine, through NVIDIA's management library, loaded when the program starts.
///
/// Threads  one
/// Memory   a handle for each device; on a machine without the library, nothing
/// Errors   no library, no driver or no device: `models()` is empty and `why()` says which
class Nvml {
 public:
  /// Asks the dynamic linker for `libnvidia-ml.so.1`.
  Nvml();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  /// One for each device, in device order, as `normalise_model` says it.
  const std::vector<std::string>& models() const { return models_; }
  const std::string& why() const { return why_; }

  /// How busy the devices are, a thousandth of a device each, summed; 0 where it is not told.
  int64_t used_milli() const;

 private:
  struct Library;
  bool open();
  void list();

  std::unique_ptr<Library> library_;
  std::vector<std::string> models_;
  std::string why_;
};

}  // namespace berth::agent
