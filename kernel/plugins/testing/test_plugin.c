/* A plugin in C11 for the loader's tests: one source, built several times with one thing wrong each. */
#include <atrium/abi.h>

#include <stdlib.h>

static int32_t create(const atrium_host *host, void **self, atrium_err *error) {
  (void)host, (void)error;
  *self = (void *)&create;
  return ATRIUM_OK;
}

static int32_t start(void *self, atrium_err *error) {
  (void)self, (void)error;
#ifdef TEST_CRASH
  abort();
#endif
  return ATRIUM_OK;
}

static void destroy(void *self) { (void)self; }

#ifndef TEST_MINOR
#define TEST_MINOR ATRIUM_ABI_MINOR
#endif

#ifndef TEST_NO_ENTRY
const atrium_plugin *atrium_plugin_v1(void) {
  static const atrium_plugin table = {sizeof(atrium_plugin), TEST_MINOR, TEST_ID, "1.0.0", create, start, 0, destroy, 0};
  return &table;
}
#endif
