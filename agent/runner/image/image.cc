#include "agent/runner/image/image.h"

#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "agent/runner/remove_tree.h"
#include "agent/runner/small_file.h"
#include "core/base/hash.h"

namespace berth::agent {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json read_json(const fs::path& path) {
  std::ifstream file(path);
  json parsed = json::parse(file, nullptr, false);
  if (parsed.is_discarded()) throw ImageError("image: " + path.string() + " is no JSON");
  return parsed;
}

/// Strings of a list; empty where there is none.
std::vector<std::string> texts(const json& object, const char* key) {
  std::vector<std::string> found;
  if (!object.is_object() || !object.contains(key) || !object[key].is_array()) return found;
  for (const json& each : object[key])
    if (each.is_string()) found.push_back(each);
  return found;
}

/// Runs tar; what it prints on its standard output is returned, a failure is the image's fault.
std::string tar(std::vector<std::string> words, const fs::path& image) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw ImageError("cannot make a pipe: " + error_text(errno));
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  words.insert(words.begin(), "tar");
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  int error = posix_spawnp(&pid, "tar", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw ImageError("cannot run tar to unpack images: " + error_text(error));
  writer.reset();
  std::string output = read_all(reader.get()).value_or("");
  int status = 0;
  (void)waitpid(pid, &status, 0);  // our child
  if (status != 0)
    throw ImageError(
        "image " + image.string() +
        " cannot be unpacked: tar finds it damaged, or "
        "the disk is full");
  return output;
}

/// What a layer says is gone: `DIR/.wh.NAME` a file, `DIR/.wh..wh..opq` all of the directory.
void apply_whiteouts(const std::string& listing, const fs::path& rootfs) {
  std::istringstream lines(listing);
  std::string line;
  while (std::getline(lines, line)) {
    fs::path path = fs::path(line).lexically_normal();
    std::string name = path.filename().string();
    if (name.rfind(".wh.", 0) != 0) continue;
    // A layer cannot name what is outside of the image.
    if (path.is_absolute() || (path.begin() != path.end() && *path.begin() == "..")) continue;
    fs::path directory = rootfs / path.parent_path();
    std::error_code error;
    if (name == ".wh..wh..opq") {
      for (const auto& each : fs::directory_iterator(directory, error))
        (void)remove_tree_at(AT_FDCWD, each.path().c_str());
    } else {
      (void)remove_tree_at(AT_FDCWD, (directory / name.substr(4)).c_str());
    }
  }
}

/// The first image of an archive that `docker save` made.
void unpack_docker(const fs::path& archive, const fs::path& target) {
  fs::path parts = target / "parts";
  fs::path rootfs = target / "rootfs";
  fs::create_directory(parts);
  tar({"-xf", archive.string(), "-C", parts.string()}, archive);
  json manifest = read_json(parts / "manifest.json");
  if (!manifest.is_array() || manifest.empty() || !manifest[0].is_object())
    throw ImageError("image " + archive.string() + " has an empty manifest.json");
  for (const std::string& layer : texts(manifest[0], "Layers")) {
    fs::path path = parts / fs::path(layer).lexically_normal();
    apply_whiteouts(tar({"-tf", path.string()}, archive), rootfs);
    tar({"-xf", path.string(), "-C", rootfs.string(), "--exclude=.wh.*"}, archive);
  }
  std::string config = manifest[0].value("Config", "");
  if (!config.empty() && fs::exists(parts / config))
    fs::copy_file(parts / config, target / "image.json");
  fs::remove_all(parts);
}

bool is_docker_archive(const fs::path& archive) {
  std::istringstream names(tar({"-tf", archive.string()}, archive));
  std::string name;
  while (std::getline(names, name))
    if (name == "manifest.json" || name == "./manifest.json") return true;
  return false;
}

void unpack(const fs::path& archive, const fs::path& target) {
  fs::create_directories(target / "rootfs");
  if (is_docker_archive(archive)) {
    unpack_docker(archive, target);
  } else {
    tar({"-xf", archive.string(), "-C", (target / "rootfs").string()}, archive);
  }
}

/// One unpacked copy of every state of an archive, whoever asks first.
Image from_archive(const fs::path& archive, const fs::path& cache) {
  fs::create_directories(cache);
  fs::permissions(cache, fs::perms::owner_all);
  struct stat status {};
  if (stat(archive.c_str(), &status) != 0)
    throw ImageError("image " + archive.string() + ": " + error_text(errno));
  std::string state = archive.string() + " " + std::to_string(status.st_size) + " " +
                      std::to_string(status.st_mtim.tv_sec) + "." +
                      std::to_string(status.st_mtim.tv_nsec);
  fs::path target = cache / std::to_string(core::hash_text(state));
  Fd lock(open((cache / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || flock(lock.get(), LOCK_EX) != 0)
    throw ImageError("cannot lock " + cache.string() + ": " + error_text(errno));
  if (!fs::exists(target)) {
    fs::path fresh = target;
    fresh += ".new";
    (void)remove_tree_at(AT_FDCWD, fresh.c_str());  // of one that was killed; tar would tell
    try {
      unpack(archive, fresh);
    } catch (...) {
      (void)remove_tree_at(AT_FDCWD, fresh.c_str());  // else the next one does
      throw;
    }
    fs::rename(fresh, target);
  }
  fs::last_write_time(target, fs::file_time_type::clock::now());
  Image image{target / "rootfs", target, {}, {}};
  if (!fs::exists(target / "image.json")) return image;
  json config = read_json(target / "image.json").value("config", json::object());
  image.args = texts(config, "Entrypoint");
  for (const std::string& word : texts(config, "Cmd"))
    image.args.push_back(word);
  image.env = texts(config, "Env");
  return image;
}

Image from_bundle(const fs::path& bundle) {
  json config = read_json(bundle / "config.json");
  if (!config.is_object())
    throw ImageError("image: " + bundle.string() + "/config.json is no object");
  json root = config.value("root", json::object());
  json process = config.value("process", json::object());
  fs::path path = root.is_object() ? root.value("path", "rootfs") : "rootfs";
  Image image{
      path.is_absolute() ? path : bundle / path, {}, texts(process, "args"), texts(process, "env")};
  if (!fs::is_directory(image.rootfs))
    throw ImageError(
        "image " + bundle.string() + ": its root " + image.rootfs.string() + " is no directory");
  return image;
}

}  // namespace

Image find_image(const std::string& name, const fs::path& images, const fs::path& cache) {
  fs::path path = name;
  if (path.is_relative()) {
    if (images.empty())
      throw ImageError(
          "image '" + name +
          "' is a name, and this worker has no directory of images; give a full path, or, for an "
          "image of an engine, ask for the tag runner:container.engine");
    path = images / path;
    // Names are for what the operator put there.
    fs::path inside = path.lexically_normal().lexically_relative(images.lexically_normal());
    if (inside.empty() || *inside.begin() == "..")
      throw ImageError("image '" + name + "' leads out of " + images.string());
  }
  if (!fs::exists(path))
    throw ImageError(
        "image '" + name + "' is not on this worker: there is no " + path.string() +
        "; put an OCI bundle, a root file system or an archive of one there");
  if (fs::is_regular_file(path)) return from_archive(path, cache);
  if (fs::exists(path / "config.json")) return from_bundle(path);
  if (fs::is_directory(path)) return {path, {}, {}, {}};
  throw ImageError("image '" + name + "' is neither a directory nor a file");
}

void trim_cache(const fs::path& cache, const fs::path& tasks, size_t most) {
  std::set<fs::path> used;
  std::error_code error;
  for (const auto& task : fs::directory_iterator(tasks, error)) {
    std::error_code none;  // most tasks have no image
    fs::path image = fs::read_symlink(task.path() / "bundle/image", none);
    if (!none) used.insert(image);
  }
  std::vector<std::pair<fs::file_time_type, fs::path>> unpacked;
  for (const auto& each : fs::directory_iterator(cache, error)) {
    if (each.is_directory() && each.path().extension() != ".new")
      unpacked.emplace_back(each.last_write_time(), each.path());
  }
  std::sort(unpacked.begin(), unpacked.end());
  for (size_t i = 0; i + most < unpacked.size(); ++i) {
    if (!used.contains(unpacked[i].second))
      (void)remove_tree_at(AT_FDCWD, unpacked[i].second.c_str());  // tried again next time
  }
}

}  // namespace berth::agent
