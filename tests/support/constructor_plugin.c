/* A plugin that leaves a mark as soon as the loader runs any of it: before anybody asks for its table. */
#include <atrium/abi.h>

#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void leave_a_mark(void) {
  const int file = open(MARK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
}

static int32_t create(const atrium_host *host, void **self, atrium_err *error) {
  (void)host, (void)error;
  *self = (void *)MARK;
  return ATRIUM_OK;
}

static int32_t start(void *self, atrium_err *error) {
  (void)self, (void)error;
  return ATRIUM_OK;
}

static void destroy(void *self) { (void)self; }

const atrium_plugin *atrium_plugin_v1(void) {
  static const atrium_plugin table = {sizeof(atrium_plugin), 0, "intruder", VERSION, create, start, 0, destroy, 0};
  return &table;
}
