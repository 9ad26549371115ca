// Stands in for NVIDIA's management library: the same symbols, devices from a variable.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char* devices(void) {
  const char* list = getenv("BERTH_TEST_GPUS");  // names separated by ';', one broken is '!'
  return list ? list : "";
}

int nvmlInit_v2(void) {
  return strcmp(devices(), "no-driver") == 0 ? 9 : 0;
}

int nvmlShutdown(void) {
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  const char* list = devices();
  *count = *list ? 1 : 0;
  for (; *list; ++list)
    *count += *list == ';';
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  const char* name = devices();
  for (; index > 0; --index)
    name = strchr(name, ';') + 1;
  *device = (void*)name;
  return *name == '!' ? 15 : 0;
}

int nvmlDeviceGetName(void* device, char* name, unsigned length) {
  snprintf(name, length, "%.*s", (int)strcspn(device, ";"), (const char*)device);
  return 0;
}

int nvmlDeviceGetUtilizationRates(void* device, unsigned rates[2]) {
  (void)device;
  rates[0] = 25;
  rates[1] = 10;
  return 0;
}
