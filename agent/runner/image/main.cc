// berth-image TASK_DIR: makes TASK_DIR/bundle for the order in TASK_DIR. Started by berth-task, in
// a mount namespace of its own. Prints one sentence and exits 1 when the image is not fit.

#include <sys/mount.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "agent/runner/image/config.h"
#include "agent/runner/image/image.h"
#include "agent/runner/small_file.h"

namespace berth::agent {

namespace fs = std::filesystem;

namespace {

constexpr size_t kUnpackedMax = 16;

/// The image, with a layer over it that takes what the task writes. Empty: the file system that the
/// state is on cannot hold such a layer.
fs::path mount_layer(const fs::path& image, const fs::path& bundle) {
  fs::path rootfs = bundle / "rootfs";
  for (const char* name : {"rootfs", "upper", "layer"})
    fs::create_directory(bundle / name);
  // The options are a list with commas and colons in it.
  std::string all = image.string() + bundle.string();
  if (all.find_first_of(",:\\") != std::string::npos) return {};
  std::string options = "lowerdir=" + image.string() + ",upperdir=" + (bundle / "upper").string() +
                        ",workdir=" + (bundle / "layer").string();
  // As the image's own root; else nobody but root could enter it.
  fs::permissions(bundle / "upper", fs::status(image).permissions());
  bool mounted = mount("overlay", rootfs.c_str(), "overlay", 0, options.c_str()) == 0;
  return mounted ? rootfs : fs::path();
}

void make_bundle(const fs::path& task) {
  std::optional<std::string> file = read_file_at(AT_FDCWD, (task / "order").c_str());
  std::optional<Order> order = file ? decode_order(*file) : std::nullopt;
  if (!order) throw ImageError("the order in " + task.string() + " is damaged");
  fs::path cache = fs::path(order->state_dir) / "images";
  Image image = find_image(order->image, order->images, cache);
  image.rootfs = fs::canonical(image.rootfs);
  fs::path bundle = task / "bundle";
  fs::create_directory(bundle);
  if (!image.unpacked.empty()) {
    fs::create_symlink(image.unpacked, bundle / "image");  // so that it is not trimmed
    trim_cache(cache, fs::path(order->state_dir) / "tasks", kUnpackedMax);
  }
  fs::path rootfs = mount_layer(image.rootfs, bundle);
  bool read_only = rootfs.empty();
  std::string config =
      make_config(*order, image, (read_only ? image.rootfs : rootfs).string(), read_only);
  std::ofstream out(bundle / "config.json", std::ios::binary);
  if (!(out << config) || !out.flush()) throw ImageError("cannot write " + bundle.string());
}

}  // namespace

}  // namespace berth::agent

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("berth-image is started by berth-task for containers; run berth-agent\n", stderr);
    return 2;
  }
  try {
    berth::agent::make_bundle(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
