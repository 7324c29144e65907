/* A plugin that tells its VERSION: at once, at the end of however slow an upload, and around the wait for the file GATE. */
#include <atrium/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const atrium_host *host;
static const atrium_http *http;

typedef struct {
  atrium_request *request;
  size_t bytes;
} upload;

static atrium_str text(const char *characters) { return (atrium_str){characters, strlen(characters)}; }

static int32_t tell(void *self, atrium_request *request) {
  (void)self;
  return http->respond(request, 200, text("text/plain"), text(VERSION));
}

static int32_t take(void *context, atrium_str data, int32_t last, const atrium_err *failure) {
  upload *taken = context;
  char answer[64];
  taken->bytes += data.len;
  if (!last && failure == NULL) return ATRIUM_OK;
  snprintf(answer, sizeof answer, VERSION " took %zu", taken->bytes);
  http->respond(taken->request, failure == NULL ? 200 : 400, text("text/plain"), text(answer));
  free(taken);
  return ATRIUM_OK;
}

static int32_t receive(void *self, atrium_request *request) {
  (void)self;
  upload *taken = malloc(sizeof *taken);
  if (taken == NULL) return ATRIUM_E_INTERNAL;
  *taken = (upload){request, 0};
  http->defer(request);
  http->body_read(request, take, taken);
  return ATRIUM_PENDING;
}

static int32_t give(void *self, atrium_request *request) {
  (void)self;
  http->stream_begin(request, 200, text("text/plain"));
  http->stream_write(request, text(VERSION " began\n"), NULL, NULL);
  while (access(GATE, F_OK) != 0 && !http->cancelled(request)) usleep(10000);
  http->stream_write(request, text(VERSION " ended\n"), NULL, NULL);
  return http->stream_end(request);
}

static int32_t create(const atrium_host *given, void **self, atrium_err *error) {
  (void)error;
  host = given;
  http = given->get(given, ATRIUM_HTTP);
  *self = (void *)http;
  return http == NULL ? ATRIUM_E_NOT_FOUND : ATRIUM_OK;
}

static int32_t route(const char *declaration, atrium_http_fn function, atrium_err *error) {
  return http->route(host, text(declaration), function, NULL, error);
}

static int32_t start(void *self, atrium_err *error) {
  (void)self;
  int32_t status = route("{\"method\": \"GET\", \"path\": \"/patient\", \"access\": [\"user\"], \"runs\": \"io\","
                         " \"summary\": \"Tells its version\", \"tag\": \"Patient\", \"answers\": {\"200\": null}}",
                         tell, error);
  if (status < 0) return status;
  status = route("{\"method\": \"POST\", \"path\": \"/patient\", \"access\": [\"user\"], \"body_type\": \"stream\","
                 " \"summary\": \"Takes a body\", \"tag\": \"Patient\", \"answers\": {\"200\": null}}",
                 receive, error);
  if (status < 0) return status;
  return route("{\"method\": \"GET\", \"path\": \"/patient/answer\", \"access\": [\"user\"], \"runs\": \"pool\","
               " \"summary\": \"Answers slowly\", \"tag\": \"Patient\", \"answers\": {\"200\": null}}",
               give, error);
}

static void destroy(void *self) { (void)self; }

const atrium_plugin *atrium_plugin_v1(void) {
  static const atrium_plugin table = {sizeof(atrium_plugin), 0, "patient", VERSION, create, start, 0, destroy, 0};
  return &table;
}
