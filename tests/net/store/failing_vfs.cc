#include "tests/net/store/failing_vfs.h"

#include <sqlite3.h>

#include <limits>
#include <new>

namespace berth::net {
namespace {

constexpr int kNever = std::numeric_limits<int>::max();

struct Fault {
  int successes = kNever;
  int code = SQLITE_OK;
  int calls = 0;

  int next() { return calls++ < successes ? SQLITE_OK : code; }
};

Fault g_write;
Fault g_sync;

/// A file of ours; the real one stands behind it in memory.
struct File {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<File*>(file)->real();
}

sqlite3_vfs* real_vfs() {
  return sqlite3_vfs_find("unix");
}

int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  const int result = g_write.next();
  return result != SQLITE_OK ? result : real(file)->pMethods->xWrite(real(file), data, bytes, at);
}

int sync(sqlite3_file* file, int flags) {
  const int result = g_sync.next();
  return result != SQLITE_OK ? result : real(file)->pMethods->xSync(real(file), flags);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 2,
    .xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); },
    .xRead =
        [](sqlite3_file* f, void* to, int bytes, sqlite3_int64 at) {
          return real(f)->pMethods->xRead(real(f), to, bytes, at);
        },
    .xWrite = write,
    .xTruncate = [](sqlite3_file* f,
                    sqlite3_int64 size) { return real(f)->pMethods->xTruncate(real(f), size); },
    .xSync = sync,
    .xFileSize = [](sqlite3_file* f,
                    sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); },
    .xLock = [](sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); },
    .xUnlock = [](sqlite3_file* f,
                  int level) { return real(f)->pMethods->xUnlock(real(f), level); },
    .xCheckReservedLock =
        [](sqlite3_file* f, int* held) {
          return real(f)->pMethods->xCheckReservedLock(real(f), held);
        },
    .xFileControl =
        [](sqlite3_file* f, int op, void* argument) {
          return real(f)->pMethods->xFileControl(real(f), op, argument);
        },
    .xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); },
    .xShmMap =
        [](sqlite3_file* f, int page, int bytes, int extend, void volatile** memory) {
          return real(f)->pMethods->xShmMap(real(f), page, bytes, extend, memory);
        },
    .xShmLock =
        [](sqlite3_file* f, int offset, int n, int flags) {
          return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
        },
    .xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); },
    .xShmUnmap = [](sqlite3_file* f,
                    int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); },
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* ours = new (file) File();
  const int result = real_vfs()->xOpen(real_vfs(), name, ours->real(), flags, out_flags);
  ours->base.pMethods = ours->real()->pMethods != nullptr ? &kMethods : nullptr;
  return result;
}

}  // namespace

void FailingVfs::install() {
  static sqlite3_vfs vfs;
  if (sqlite3_vfs_find(kName) != nullptr) return;
  vfs = *real_vfs();  // all else as it is
  vfs.szOsFile += static_cast<int>(sizeof(File));
  vfs.zName = kName;
  vfs.pNext = nullptr;
  vfs.xOpen = open;
  sqlite3_vfs_register(&vfs, 0);
}

void FailingVfs::fail(Call call, int successes, int code) {
  heal();
  (call == Call::Write ? g_write : g_sync) = {successes, code, 0};
}

void FailingVfs::heal() {
  g_write = {};
  g_sync = {};
}

int FailingVfs::calls(Call call) {
  return call == Call::Write ? g_write.calls : g_sync.calls;
}

}  // namespace berth::net
