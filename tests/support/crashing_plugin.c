/* A plugin that ends the process, unless it is built with -DMENDED: GET /crasher?how=abort, segv or job, and when it is
 * started with CRASH_IN_START in the environment. */
#include <atrium/abi.h>

#include <stdlib.h>
#include <string.h>

static const atrium_host *host;

static atrium_str text(const char *characters) { return (atrium_str){characters, strlen(characters)}; }

#ifndef MENDED
static void end_in_a_job(void *self) {
  (void)self;
  abort();
}

static void end_the_process(atrium_str how) {
  if (how.len == 4) *(volatile int *)0 = 1;
  if (how.len == 5) abort();
  const atrium_jobs *jobs = host->get(host, ATRIUM_JOBS);
  jobs->post(host, end_in_a_job, NULL, NULL);
}
#endif

static int32_t answer(void *self, atrium_request *request) {
  const atrium_http *http = self;
#ifndef MENDED
  end_the_process(http->query(request, text("how")));
#endif
  return http->respond(request, 204, text(""), text(""));
}

static int32_t create(const atrium_host *given, void **self, atrium_err *error) {
  (void)error;
  host = given;
  *self = (void *)given->get(given, ATRIUM_HTTP);
  return *self == NULL ? ATRIUM_E_NOT_FOUND : ATRIUM_OK;
}

static int32_t start(void *self, atrium_err *error) {
  const atrium_http *http = self;
#ifndef MENDED
  if (getenv("CRASH_IN_START") != NULL) abort();
#endif
  return http->route(host,
                     text("{\"method\": \"GET\", \"path\": \"/crasher\", \"access\": [\"user\"], \"runs\": \"pool\","
                          " \"query\": [{\"name\": \"how\", \"in\": \"query\", \"schema\": {\"type\": \"string\"}}],"
                          " \"summary\": \"Ends the process\", \"tag\": \"Crasher\", \"answers\": {\"204\": null}}"),
                     answer, self, error);
}

static void destroy(void *self) { (void)self; }

const atrium_plugin *atrium_plugin_v1(void) {
  static const atrium_plugin table = {sizeof(atrium_plugin), 0, "crasher", VERSION, create, start, 0, destroy, 0};
  return &table;
}
