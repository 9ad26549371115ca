#include "agent/nvml.h"

#include <dlfcn.h>

#include <array>
#include <cctype>

namespace berth::agent {

namespace {

// The part of NVIDIA's interface that is used, after its documentation: all functions return 0
// when they succeed, devices are opaque pointers.
using Device = void*;
struct Utilization {
  unsigned gpu_percent;
  unsigned memory_percent;
};
constexpr unsigned kNameBytes = 96;

/// `80gb`, `16gb`: how much memory, which is no part of the model.
bool is_memory_size(std::string_view word) {
  return word.size() > 2 && word.substr(word.size() - 2) == "gb" &&
         std::isdigit(static_cast<unsigned char>(word[0]));
}

/// Words of a product name, in lower case, that say who sells it or how it is plugged in.
bool is_noise(std::string_view word) {
  constexpr std::array kNoise = {"nvidia",     "tesla", "geforce", "quadro", "graphics", "device",
                                 "generation", "pcie",  "sxm",     "sxm2",   "sxm3",     "sxm4",
                                 "sxm5",       "hbm2",  "hbm2e",   "hbm3",   "hbm3e",    "nvl",
                                 "lp",         "ms",    "laptop",  "gpu"};
  for (const char* noise : kNoise) {
    if (word == noise) return true;
  }
  return is_memory_size(word);
}

}  // namespace

std::string normalise_model(std::string_view name) {
  std::string model;
  std::string word;
  std::string lower;  // the vendor writes PCIe and PCIE
  for (size_t i = 0; i <= name.size(); ++i) {
    unsigned char c = i < name.size() ? static_cast<unsigned char>(name[i]) : ' ';
    if (std::isalnum(c)) {
      word += static_cast<char>(c);
      lower += static_cast<char>(std::tolower(c));
      continue;
    }
    if (!word.empty() && !is_noise(lower)) model += (model.empty() ? "" : "-") + word;
    word.clear();
    lower.clear();
  }
  return model.empty() ? "unknown" : model;
}

struct Nvml::Library {
  void* handle = nullptr;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*device_count)(unsigned*) = nullptr;
  int (*device_at)(unsigned, Device*) = nullptr;
  int (*device_name)(Device, char*, unsigned) = nullptr;
  int (*device_utilization)(Device, Utilization*) = nullptr;
  bool started = false;
  std::vector<Device> devices;

  template <typename Function>
  bool load(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(handle, symbol));
    return function != nullptr;
  }

  ~Library() {
    if (started) shutdown();
    if (handle != nullptr) dlclose(handle);
  }
};

Nvml::Nvml() : library_(std::make_unique<Library>()) {
  if (open()) list();
}

Nvml::~Nvml() = default;

bool Nvml::open() {
  Library& library = *library_;
  library.handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library.handle == nullptr) {
    why_ = "no libnvidia-ml.so.1 on this machine";
    return false;
  }
  if (!library.load(library.init, "nvmlInit_v2") ||
      !library.load(library.shutdown, "nvmlShutdown") ||
      !library.load(library.device_count, "nvmlDeviceGetCount_v2") ||
      !library.load(library.device_at, "nvmlDeviceGetHandleByIndex_v2") ||
      !library.load(library.device_name, "nvmlDeviceGetName")) {
    why_ = "libnvidia-ml.so.1 lacks a function that every version since 2012 has";
    return false;
  }
  (void)library.load(library.device_utilization, "nvmlDeviceGetUtilizationRates");  // only display
  if (int error = library.init(); error != 0) {
    why_ = "NVML does not start (error " + std::to_string(error) + "): is the driver loaded?";
    return false;
  }
  library.started = true;
  return true;
}

void Nvml::list() {
  unsigned count = 0;
  (void)library_->device_count(&count);  // on failure there are none
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    char name[kNameBytes] = "";
    // A device that fell off the bus is listed and cannot be opened; the others still count.
    if (library_->device_at(i, &device) != 0) continue;
    if (library_->device_name(device, name, kNameBytes) != 0) continue;
    library_->devices.push_back(device);
    models_.push_back(normalise_model(name));
  }
  why_ = "NVML lists " + std::to_string(models_.size()) + " of " + std::to_string(count);
}

int64_t Nvml::used_milli() const {
  if (library_->device_utilization == nullptr) return 0;
  int64_t sum = 0;
  for (Device device : library_->devices) {
    Utilization used{};
    if (library_->device_utilization(device, &used) == 0) sum += int64_t{used.gpu_percent} * 10;
  }
  return sum;
}

}  // namespace berth::agent
